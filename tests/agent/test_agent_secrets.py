"""Passwords are for plan.json, exabgp.conf, last-good.json and the kernel: they stand in no other place.

Two nodes of a mesh with a TCP-MD5 key (RFC 2385), everything they can log switched on.
"""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import ADDRESSES, BGPCTL, CLUSTER, WaitUntil, World, in_namespace

from reflector.control.client import ControlClient
from reflector.messages import ShowAgent, ShowCounters, ShowNodeStatus, ShowPeers, ShowRoutes

pytestmark = pytest.mark.netns

FIRST, SECOND = "first-p4ssw0rd", "second-p4ssw0rd"
# What may hold it: readable by root and by the speaker's group alone.
PRIVATE = {"plan.json", "exabgp.conf", "last-good.json"}
STATUS = """
apiVersion: projectcalico.org/v3
kind: CalicoNodeStatus
metadata: {name: a-status}
spec: {node: a, classes: [Agent, BGP, Routes], updatePeriodSeconds: 1}
"""


def secret(password: str, data: str = "") -> str:
    encoded = data or base64.b64encode(password.encode()).decode()
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: bgp, namespace: kube-system}}\ndata: {{key: {encoded}}}\n"


def cluster(level: str) -> str:
    reference = "{secretKeyRef: {name: bgp, key: key}}"
    configuration = f"bindMode: NodeIP, logSeverityScreen: {level}, nodeMeshPassword: {reference}"
    return CLUSTER.replace("bindMode: NodeIP", configuration)


@pytest.fixture(params=["console", "json"])
def world(request: pytest.FixtureRequest, netns: str, tmp_path: Path) -> Iterator[World]:
    for address in ADDRESSES.values():
        subprocess.run(["ip", "-n", netns, "address", "add", f"{address}/32", "dev", "lo"], check=True)
    world = World(dict.fromkeys(ADDRESSES, netns), tmp_path, "--no-fib", "--log-format", request.param)
    world.write("cluster.yaml", cluster("Debug"))
    world.write("secret.yaml", secret(FIRST))
    world.write("status.yaml", STATUS)
    for node in ADDRESSES:
        world.start(node)
    yield world
    world.end()


def leaks(text: str) -> list[str]:
    """Passwords in the text, plain or as they stand in a Secret."""
    known = [FIRST, SECOND, *(base64.b64encode(each.encode()).decode() for each in (FIRST, SECOND))]
    return [each for each in known if each in text]


def processes(world: World) -> list[Path]:
    """/proc/PID of everything that runs in the test's namespaces."""
    found = subprocess.run(["ip", "netns", "pids", world.namespaces["a"]], capture_output=True, text=True, check=True)
    return [Path("/proc", pid) for pid in found.stdout.split()]


def said_in(world: World) -> Iterator[tuple[str, str]]:
    """Every place where a password must not be, and what stands there."""
    for node in ADDRESSES:
        directory = world.run_directory(node)
        for file in directory.rglob("*"):
            if file.is_file() and (file.name not in PRIVATE or file.stat().st_mode & 0o037):
                yield str(file), file.read_text(errors="replace")
        yield f"log of {node}", world.log(node)
        yield f"metrics of {node}", world.page(node, "metrics")
        yield f"readyz of {node}", world.page(node, "readyz")
        for question in (ShowAgent(), ShowNodeStatus(("Agent", "BGP", "Routes"))):
            with ControlClient(directory / "agent.sock") as agent:
                yield f"{question} of {node}", repr(agent.ask(question))
        for asked in (ShowPeers(), ShowRoutes(), ShowCounters()):
            with ControlClient(directory / "speaker.sock") as speaker:
                yield f"{asked} of {node}", repr(speaker.ask(asked))
        for command in ("status", "peers", "node-status"):
            words = [*in_namespace(world.namespaces[node]), str(BGPCTL), command, "--run-dir", str(directory)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert done.returncode in (0, 1)  # 1: the status of something that is wrong, which is shown as well
            yield f"bgpctl {command} of {node}", done.stdout + done.stderr
    for process in processes(world):
        for name in ("cmdline", "environ"):
            yield str(process / name), (process / name).read_text(errors="replace")


def found_in(world: World) -> dict[str, list[str]]:
    return {place: found for place, text in said_in(world) if (found := leaks(text))}


def test_no_password_is_told_to_anybody_but_the_speaker(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: world.established("a") and world.established("b"), 60)
    wait_until(lambda: (world.run_directory("a") / "status" / "a-status.yaml").exists())
    assert FIRST in (world.run_directory("a") / "plan.json").read_text()
    assert len(processes(world)) >= 4
    assert found_in(world) == {}
    # A change, a mistake in it, and the end are logged as well.
    world.write("secret.yaml", secret(SECOND))
    wait_until(lambda: SECOND in (world.run_directory("a") / "plan.json").read_text())
    world.write("secret.yaml", secret("", f"{SECOND}:not-base64"))
    wait_until(lambda: not world.known_status("a").plan_is_current)
    assert found_in(world) == {}
    world.end()
    for node in ADDRESSES:
        assert leaks(world.log(node)) == []
        assert leaks((world.run_directory(node) / "speaker.log").read_text()) == []
