"""Agents, speakers and reflectors that are killed, frozen or replaced, with pings between all pods at 100 a second."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from restart_world import BLOCKS, HOLD_TIME, Cluster, Member, ask
from segment import eventually
from traffic import Record, about, pings, routes_of_nodes, undisturbed_sessions

from bgpctl.agent.daemon import ENDS
from reflector.messages import PROTOCOL_VERSION, JournalStatus, StartJournal

pytestmark = pytest.mark.netns

ROOT = Path(__file__).parents[2]
OTHER_VERSION = "speaker of another version"


def test_killed_agents_come_back_without_a_lost_packet_or_a_reset_session(cluster: Cluster, record: Record) -> None:
    with undisturbed_sessions(cluster), pings(cluster, "every node's agent is killed and restarted", record):
        for node in cluster.nodes:
            node.end(signal.SIGKILL)
        for node in cluster.nodes:
            node.start()
        for node in cluster.nodes:
            eventually(node.status, f"the agent of {node.name} answers")


def test_an_agent_that_is_restarted_for_an_upgrade_leaves_its_sessions_alone(cluster: Cluster, record: Record) -> None:
    """`systemctl restart` sends SIGUSR2 (RestartKillSignal in config/)."""
    with undisturbed_sessions(cluster), pings(cluster, "a node's agent is upgraded by a restart", record):
        assert cluster["n1"].end(signal.SIGUSR2) == 0
        assert not (cluster["n1"].run_directory / "agent.pid").exists()
        cluster["n1"].start()
        eventually(cluster["n1"].status, "the next agent answers")


@pytest.mark.parametrize("unit", sorted((ROOT / "config").glob("*/bgpctl-*.service")), ids=lambda unit: unit.stem)
def test_a_restart_of_the_unit_is_not_a_stop(unit: Path) -> None:
    assert "\nRestartKillSignal=SIGUSR2\n" in unit.read_text()
    assert ENDS[signal.SIGUSR2] is False


def test_an_agent_that_is_stopped_and_started_costs_nothing(cluster: Cluster, record: Record) -> None:
    """SIGTERM ends the speaker as well: without a NOTIFICATION, so that its peers wait for it (RFC 4724 4)."""
    node = cluster["n1"]
    with pings(cluster, "a node's agent and speaker are stopped and started", record), node.watched_routes() as changes:
        assert node.end(signal.SIGTERM) == 0
        for reflector in ("r1", "r2"):
            assert stale_from(cluster[reflector], "n1")
        node.start()
        cluster.until_whole()
    assert not about(changes, *BLOCKS.values())


def test_a_release_with_another_control_protocol_replaces_the_speaker_and_costs_nothing(
    cluster: Cluster, record: Record, newer_release: Path
) -> None:
    """Forth and back again: the agent cannot talk to the speaker that it finds, and starts its own."""
    node, plain = cluster["n1"], cluster["n1"].environment
    for what, environment in (("to", {"PYTHONPATH": str(newer_release)}), ("back from", plain)):
        found, before = node.speaker_pid, node.log.count(OTHER_VERSION)
        with pings(cluster, f"upgrade {what} a release that its speaker does not understand", record):
            with node.watched_routes() as changes:
                node.end(signal.SIGUSR2)
                node.environment, node.protocol = environment, PROTOCOL_VERSION + (environment is not plain)
                node.start()
                eventually(lambda found=found: node.speaker_pid not in (0, found), "its speaker is another one")
                cluster.until_whole()
            assert not about(changes, *BLOCKS.values())
        assert node.log.count(OTHER_VERSION) == before + 1


@pytest.fixture
def newer_release() -> Iterator[Path]:
    """This one with another version of the control protocol, where everybody can read it."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        for package in ("bgpctl", "reflector"):
            subprocess.run(["cp", "-r", ROOT / package, directory], check=True)
        messages = Path(directory, "reflector", "messages", "frames.py")
        text = messages.read_text()
        now, then = (f"\nPROTOCOL_VERSION = {version}\n" for version in (PROTOCOL_VERSION, PROTOCOL_VERSION + 1))
        assert now in text
        messages.write_text(text.replace(now, then))
        yield Path(directory)


def test_a_killed_speaker_costs_nothing(cluster: Cluster, record: Record) -> None:
    """RFC 4724 4.2: the reflectors keep the routes of n1; its kernel keeps what it received (4.1)."""
    node = cluster["n1"]
    with pings(cluster, "a node's speaker is killed", record), node.watched_routes() as changes:
        killed = node.signal_speaker(signal.SIGKILL)
        eventually(lambda: node.speaker_pid not in (0, killed), "another speaker runs")
        cluster.until_whole()
    assert not about(changes, *BLOCKS.values())


def test_a_killed_speaker_that_was_recorded_is_followed_by_one_that_is_recorded(cluster: Cluster) -> None:
    """Its journal is its user's, and neither agent nor speaker has a right over other users' files."""
    socket = cluster["n1"].run_directory / "speaker.sock"
    for _ in range(2):
        begun = eventually(lambda: ask(socket, StartJournal()), "it is recorded")
        assert isinstance(begun, JournalStatus)
        assert begun.is_recording
        killed = cluster["n1"].signal_speaker(signal.SIGKILL)
        eventually(lambda killed=killed: cluster["n1"].speaker_pid not in (0, killed), "another speaker runs")
    for file in cluster["n1"].run_directory.glob("journal*"):
        file.unlink()


def test_what_was_withdrawn_while_no_speaker_ran_is_swept_and_the_rest_never_leaves(
    cluster: Cluster, record: Record
) -> None:
    """RFC 4724 4.2: after the End-of-RIB of both reflectors."""
    node, gone = cluster["n1"], "10.64.9.0/26"
    cluster.has_block("n2", gone)
    eventually(lambda: gone in node.routes(), "the block is in n1's kernel")
    with pings(cluster, "a route vanishes while a speaker is dead", record), node.watched_routes() as changes:
        with without_speaker(node):
            cluster.lacks_block(gone)
            eventually(lambda: gone not in cluster["n3"].routes(), "the block is gone elsewhere")
            assert gone in node.routes()
        eventually(lambda: gone not in node.routes(), "it is swept")
        cluster.until_whole()
    assert about(changes, gone) == [f"Deleted {gone}"]
    assert not about(changes, *BLOCKS.values())


def test_a_frozen_speaker_costs_nothing(cluster: Cluster, record: Record) -> None:
    """Its hold time is over (RFC 4271 6.5); both ends have sent N, so the routes stay all the same (RFC 8538 2)."""
    node = cluster["n1"]
    with pings(cluster, f"a node's speaker is frozen beyond its hold time of {HOLD_TIME} s", record):
        frozen = node.signal_speaker(signal.SIGSTOP)
        for reflector in ("r1", "r2"):
            eventually(lambda reflector=reflector: stale_from(cluster[reflector], "n1"), "its routes are stale", 20)
        node.signal_speaker(signal.SIGCONT)
    assert node.speaker_pid == frozen


def test_one_reflector_that_is_killed_costs_nothing(cluster: Cluster, record: Record) -> None:
    """Agent and speaker at once, as when its machine fails."""
    reflector = cluster["r1"]
    with pings(cluster, "one reflector is killed", record), routes_of_nodes(cluster) as changes:
        reflector.signal_speaker(signal.SIGKILL)
        reflector.end(signal.SIGKILL)
        for node in cluster.nodes:
            eventually(lambda node=node: stale_from(node, "r1"), f"{node.name} has noticed")
        reflector.start()
        cluster.until_whole()
    assert not any(about(each, *BLOCKS.values()) for each in changes)


def test_one_reflector_that_is_frozen_costs_nothing(cluster: Cluster, record: Record) -> None:
    reflector = cluster["r1"]
    with pings(cluster, "one reflector is frozen beyond the hold time", record), routes_of_nodes(cluster) as changes:
        reflector.signal_speaker(signal.SIGSTOP)
        for node in cluster.nodes:
            eventually(lambda node=node: stale_from(node, "r1"), f"{node.name} has noticed", 20)
        reflector.signal_speaker(signal.SIGCONT)
        cluster.until_whole()
    assert not any(about(each, *BLOCKS.values()) for each in changes)


# ---------------------------------------------------------------------------------------------- what they show


def stale_from(member: Member, name: str) -> bool:
    session = member.session_to(name)
    return session is not None and session.state != "Established" and session.stale > 0


@contextmanager
def without_speaker(member: Member) -> Iterator[None]:
    """Its agent is frozen meanwhile, or it would start another one."""
    assert member.agent is not None
    member.agent.send_signal(signal.SIGSTOP)
    member.signal_speaker(signal.SIGKILL)
    try:
        yield
    finally:
        member.agent.send_signal(signal.SIGCONT)
