"""What agent and speaker may do on a machine, as /proc/PID/status says it: few capabilities, and none.

Two nodes of a mesh with a TCP-MD5 key (RFC 2385) share a namespace, as in test_agent_process.py.
"""

import base64
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from agent_world import CLUSTER, WaitUntil, World, in_namespace
from process_status import privileges_of

from bgpctl.agent.host.privileges import NEEDS, speaker_account
from bgpctl.errors import NotReadyError
from reflector.process.account import account_named
from reflector.process.privileges import Capability

pytestmark = pytest.mark.netns

OF_A_REFLECTOR = {
    Capability.NET_BIND_SERVICE,
    Capability.SETUID,
    Capability.SETGID,
    Capability.SETPCAP,
    Capability.CHOWN,
    Capability.KILL,
}
KEY = "{secretKeyRef: {name: bgp, key: key}}"
WITH_PASSWORD = CLUSTER.replace("bindMode: NodeIP", f"bindMode: NodeIP, nodeMeshPassword: {KEY}")
ONE_MORE_PEER = """
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec: {node: a, peerIP: 10.0.0.9, asNumber: 65001}
"""


def secret(password: str) -> str:
    data = base64.b64encode(password.encode()).decode()
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: bgp, namespace: kube-system}}\ndata: {{key: {data}}}\n"


@pytest.fixture
def world(two_nodes: World) -> World:
    two_nodes.write("cluster.yaml", WITH_PASSWORD)
    two_nodes.write("secret.yaml", secret("first"))
    return two_nodes


def both_run(world: World, wait_until: WaitUntil) -> None:
    world.start("a")
    world.start("b")
    wait_until(lambda: world.established("a") and world.established("b") and world.runs("a"), 60)


def is_stripped(pid: int) -> bool:
    """The speaker's user and nothing else."""
    account, seen = account_named(""), privileges_of(pid)
    has_none = not (seen.permitted | seen.effective | seen.bounding | seen.ambient | seen.inheritable)
    is_user = (seen.users, seen.groups, seen.more_groups) == ((account.uid,) * 4, (account.gid,) * 4, ())
    return has_none and is_user and seen.no_new_privileges


# ------------------------------------------------------------------------------------------------- running


def test_a_reflectors_agent_keeps_what_it_needs_and_its_speaker_nothing(world: World, wait_until: WaitUntil) -> None:
    both_run(world, wait_until)
    status = world.known_status("a")
    seen = privileges_of(status.pid)
    assert seen.permitted == seen.effective == seen.bounding == OF_A_REFLECTOR
    assert (seen.inheritable, seen.ambient, seen.no_new_privileges) == (frozenset(), frozenset(), True)
    assert is_stripped(status.speaker_pid)


def test_an_agent_that_programs_routes_has_net_admin_as_well(world: World, wait_until: WaitUntil) -> None:
    world.options = ()
    world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    status = world.known_status("a")
    seen = privileges_of(status.pid)
    assert seen.permitted == seen.effective == seen.bounding == OF_A_REFLECTOR | {Capability.NET_ADMIN}
    assert is_stripped(status.speaker_pid)


def test_a_password_rotates_and_a_peer_comes_without_a_privilege(world: World, wait_until: WaitUntil) -> None:
    both_run(world, wait_until)
    speaker = world.known_status("a").speaker_pid
    world.write("secret.yaml", secret("second"))
    wait_until(lambda: "second" in (world.run_directory("b") / "plan.json").read_text())
    world.write("peer.yaml", ONE_MORE_PEER.replace("asNumber: 65001", f"asNumber: 65001, password: {KEY}"))
    wait_until(lambda: len(world.peers("a")) == 2, 30)
    assert world.known_status("a").speaker_pid == speaker
    flaps = {peer.name: peer.flaps for peer in world.peers("a")}
    assert set(flaps.values()) == {0}
    assert world.established("a")


def test_a_speaker_for_one_more_listening_address_opens_it_and_steps_down(world: World, wait_until: WaitUntil) -> None:
    """Only a start opens a privileged port: the running speaker could not."""
    world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    former = world.known_status("a").speaker_pid
    world.write("cluster.yaml", WITH_PASSWORD.replace("10.0.0.1/24}", "10.0.0.1/24, ipv6Address: '::1/128'}"))
    wait_until(lambda: world.known_status("a").speaker_pid not in (0, former) and world.runs("a"), 60)
    listening = ["ss", "--tcp", "--listening", "--numeric", "--no-header", "sport", "=", "179"]
    seen = subprocess.run([*in_namespace(world.namespaces["a"]), *listening], capture_output=True, text=True).stdout
    assert "10.0.0.1:179" in seen
    assert "[::1]:179" in seen
    assert is_stripped(world.known_status("a").speaker_pid)


# ------------------------------------------------------------------------------------- failure and recovery


def test_a_killed_speaker_is_replaced_by_one_with_as_little(world: World, wait_until: WaitUntil) -> None:
    both_run(world, wait_until)
    killed = world.known_status("a").speaker_pid
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: world.established("a") and world.known_status("a").speaker_pid not in (0, killed), 60)
    assert is_stripped(world.known_status("a").speaker_pid)


def test_the_next_agent_adopts_the_speaker_and_tells_it_what_changed(world: World, wait_until: WaitUntil) -> None:
    both_run(world, wait_until)
    status = world.known_status("a")
    os.kill(status.pid, signal.SIGKILL)
    world.agents[0].wait()
    world.write("peer.yaml", ONE_MORE_PEER)
    world.start("a")
    wait_until(lambda: world.runs("a") and len(world.peers("a")) == 2, 60)
    assert world.known_status("a").speaker_pid == status.speaker_pid
    assert is_stripped(status.speaker_pid)
    assert world.established("a")


def test_a_speaker_of_root_is_adopted_and_its_successor_steps_down(world: World, wait_until: WaitUntil) -> None:
    """An upgrade from a version whose speaker stayed root, in a directory and with files for root alone."""
    world.options = ("--no-fib", "--speaker-user", "root")
    both_run(world, wait_until)
    directory, status = world.run_directory("a"), world.known_status("a")
    assert privileges_of(status.speaker_pid).users[1] == 0
    assert [stat.S_IMODE(path.stat().st_mode) for path in (directory, directory / "plan.json")] == [0o700, 0o600]
    os.kill(status.pid, signal.SIGKILL)
    world.agents[0].wait()
    world.options = ("--no-fib",)
    world.write("peer.yaml", ONE_MORE_PEER)
    world.start("a")
    wait_until(lambda: world.runs("a") and len(world.peers("a")) == 2, 60)
    assert world.known_status("a").speaker_pid == status.speaker_pid
    os.kill(status.speaker_pid, signal.SIGKILL)
    wait_until(lambda: world.known_status("a").speaker_pid not in (0, status.speaker_pid) and world.runs("a"), 60)
    assert is_stripped(world.known_status("a").speaker_pid)


def test_sigterm_ends_both_though_the_speaker_is_another_users(world: World, wait_until: WaitUntil) -> None:
    agent = world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    speaker = world.known_status("a").speaker_pid
    agent.terminate()
    assert agent.wait(15) == 0
    assert not Path(f"/proc/{speaker}").exists() or "\nState:\tZ" in Path(f"/proc/{speaker}/status").read_text()
    left = {path.name for path in world.run_directory("a").iterdir()}
    assert left == {"plan.json", "exabgp.conf", "speaker.log", "best-state.json", "last-good.json"}


# ------------------------------------------------------------------------------------------ world not ready


def sentence(world: World, *before: str) -> str:
    """The one sentence of an agent that must end with status 2."""
    # By a name that leads through no directory of root: who starts it may be anybody.
    command = ["resources" if word == str(world.resources) else word for word in world.command("a")]
    inside, agent = command[:4], command[4:]
    words = [*inside, *before, *agent]
    ended = subprocess.run(words, cwd=world.path, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2, ended.stderr
    return ended.stderr.splitlines()[-1]


def test_a_user_that_does_not_exist_is_refused(world: World) -> None:
    world.options = ("--no-fib", "--speaker-user", "no-such-user")
    assert "there is no user no-such-user for the speaker to run as" in sentence(world)
    assert not world.run_directory("a").exists()


def test_who_is_not_root_is_told_that_port_179_needs_it(world: World) -> None:
    """It may read what root may, or Python itself would be out of its reach on some machines."""
    world.path.chmod(0o777)
    as_nobody = ("--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all,+dac_read_search")
    reads_all = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    reason = sentence(world, "setpriv", *as_nobody, *reads_all)
    assert reason.startswith("bgpctl: "), reason
    assert "binding below port 1024 requires root" in reason


def test_who_is_not_root_cannot_name_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(NotReadyError, match="only root can run the speaker as root"):
        speaker_account("root")


def test_resources_that_are_closed_to_root_are_read_all_the_same(world: World, wait_until: WaitUntil) -> None:
    """On a developer's machine they are in a home directory: the one capability more is that to read, not to write."""
    os.chown(world.resources, 4242, 4242)
    world.resources.chmod(0o700)
    world.start("a")
    wait_until(lambda: world.runs("a"), 60)
    seen = privileges_of(world.known_status("a").pid)
    assert seen.effective == seen.bounding == OF_A_REFLECTOR | {Capability.DAC_READ_SEARCH}


def test_the_documentation_lists_every_capability_of_the_agent() -> None:
    page = (Path(__file__).parents[2] / "docs" / "privileges.md").read_text()
    assert [need.capability.name for need in NEEDS if f"| `CAP_{need.capability.name}` |" not in page] == []
