"""The image: built twice it is the same, and it has in it what it should."""

from __future__ import annotations

import container_image
import pytest
from docker_engine import DockerEngine
from segment import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(1200)]


def run(engine: DockerEngine, image: str, script: str) -> str:
    options = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
    return engine.docker("run", *options, "--entrypoint=sh", image, "-c", script)


def test_two_builds_have_the_same_layer(engine: DockerEngine, image: str) -> None:
    """Nothing of the first is used for the second. The ID differs: it has the time of the build in it."""
    again = container_image.build(engine, "bgpctl-base", "bgpctl:again", "--no-cache")
    assert container_image.layers(engine, again) == container_image.layers(engine, image)


def test_bgpctl_runs_without_privileges_in_a_read_only_container(engine: DockerEngine, image: str) -> None:
    assert run(engine, image, "bgpctl --version").startswith("bgpctl 0.")
    assert "plan" in run(engine, image, "bgpctl help plan-kept")
    assert run(engine, image, "id -u bgpctl") == "17900"


def test_bytecode_is_there_for_every_module(engine: DockerEngine, image: str) -> None:
    """Nothing can be written where it runs, so what is not compiled now is compiled at every start."""
    script = (
        "cd /opt/bgpctl/lib/python3*/site-packages && find bgpctl reflector msgspec -name '*.py' | while read -r "
        "each; do "
        'd=$(dirname "$each"); n=$(basename "$each" .py); ls "$d/__pycache__/$n".cpython-*.pyc >/dev/null || echo '
        '"$each"; done'
    )
    assert run(engine, image, script) == ""


def test_nothing_of_the_build_is_left_in_it(engine: DockerEngine, image: str) -> None:
    assert run(engine, image, "find / -xdev -perm /6000 -type f") == ""
    assert run(engine, image, "ls /opt /usr/src") == "/opt:\nbgpctl\n\n/usr/src:"
    assert run(engine, image, "find /var/cache /var/log /var/lib/apt/lists /run /tmp -xdev -type f") == ""
    assert run(engine, image, "find /usr /opt /var /bin/ -xdev -newermt @1 | head -n 3") == ""
    assert run(engine, image, "command -v pip gcc uv || true") == ""


def test_a_node_of_containerlab_outlives_its_agent(engine: DockerEngine, image: str) -> None:
    """Without a command: a container that ended would come back without its links."""
    engine.docker("run", "--detach", "--name=lab-node", "--network=none", "--read-only", "--cap-drop=ALL", image)

    def ends() -> int:
        return engine.try_docker("logs", "lab-node").stderr.count("the agent ended with status 2")

    eventually(lambda: ends() >= 2, "the agent, which has no run directory, was started twice", within=60)
    assert engine.docker("inspect", "--format={{.State.Running}}", "lab-node") == "true"
    engine.docker("rm", "--force", "lab-node")


def test_a_pod_with_a_wrong_option_ends_with_the_reason(engine: DockerEngine, image: str) -> None:
    options = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL")
    done = engine.try_docker(
        "run", *options, image, "start-bgpctl", "bgpctl", "agent", "--route-table=255", "--resources=/"
    )
    assert done.returncode == 2
    assert "255 is the kernel's table" in done.stderr
