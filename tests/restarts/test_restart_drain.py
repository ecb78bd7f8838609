"""A node is drained with traffic through it: what is lost, what is advertised to peers, what outlives which restart."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from drain_world import BLOCK, HONOURS, PATIENCE, POD, SERVICE_NETWORK, DrainWorld, drain_world
from segment import eventually

from bgpctl.lab.traffic.probe import Flow, Probe
from reflector.drain import Stage

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

Record = Callable[[str, object], None]
IGNORES = ""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DrainWorld]:
    with drain_world(tmp_path) as world:
        yield world


@pytest.mark.parametrize("on_import", [HONOURS, IGNORES], ids=["a router that honours it", "a router that ignores it"])
def test_a_drained_and_stopped_node_costs_no_packet_that_has_another_way(
    tmp_path: Path, on_import: str, record_property: Record
) -> None:
    """RFC 8326 4.2. A router that ignores the community leaves at the withdrawal, while the node still forwards. When
    the command is done the cable may be pulled."""
    with drain_world(tmp_path, on_import=on_import) as world:
        with Probe.start([world.flow()]) as probe:
            done = world.bgpctl("a", "drain", "--stop", "--wait", "1", "--reason", "kernel upgrade")
            world.ip("a", "link", "set", "eth0", "down")
            pulled = probe.report().sent
            eventually(lambda: probe.report().sent > pulled + 100, "traffic without the node for a second")
            report = probe.stop()
        record_property("packets lost", report.lost)
        print(f"bgpctl drain --stop: {report}")  # noqa: T201  the figure
        assert done.stdout.splitlines() == STEPS, done.stderr
        assert (done.returncode, world.agents["a"].wait(1), report.lost) == (0, 0, 0)
        assert (world.way(), world.told_by("a"), world.peers("a")) == ("b", set(), ())
        assert '"kernel upgrade"' in bird_log(world)


STEPS = [
    "a: what draws traffic here is marked with GRACEFUL_SHUTDOWN; acknowledged by 2 peers",
    "a: waiting 1 s for them to choose other paths",
    f"a: withdraws {SERVICE_NETWORK}: another path is known here",
    f"a: withdraws {BLOCK}: no other path is known here, so traffic to it ends now",
    "a: what draws traffic here is withdrawn; acknowledged by 2 peers",
    "a: waiting 1 s for them to choose other paths",
    "a: sessions are closed with Administrative Shutdown, speaker and agent have ended",
    "an agent that starts here before the machine restarts stays drained until bgpctl drain --undo",
]


def test_a_marked_node_goes_on_with_what_has_no_other_way(world: DrainWorld, record_property: Record) -> None:
    """RFC 8326: GRACEFUL_SHUTDOWN is a last resort and not a withdrawal. To a node of ours LOCAL_PREF 0 is another
    kernel metric, which costs nothing either."""
    flows = [world.flow(), world.flow(POD), Flow("b", world.segment.namespace("b"), POD)]
    with Probe.start(flows) as probe:
        assert world.bgpctl("a", "drain", "--wait", "0").returncode == 0
        eventually(lambda: world.way() == "b", "the service is reached through the other node")
        assert world.way(POD) == "a"
        assert world.bgpctl("a", "drain", "--undo").returncode == 0
        eventually(lambda: world.way() == "a", "the node is in use again")
        report = probe.stop()
    record_property("packets lost", report.lost)
    print(f"bgpctl drain, bgpctl drain --undo: {report}")  # noqa: T201  the figure
    assert report.lost == 0


def test_a_drain_outlives_speaker_and_agent_and_no_route_leaves_unmarked(world: DrainWorld) -> None:
    eventually(lambda: world.metric("a", "bgpctl_draining") == 0, "the metric says that it is in use")
    world.bgpctl("a", "drain", "--wait", "0", "--reason", "new disk")
    eventually(lambda: world.metric("a", "bgpctl_draining") == 1, "the metric, which is a second old at most, says so")
    eventually(lambda: world.way() == "b", "traffic has left the node")
    seen = len(bird_log(world))

    killed = world.known_status("a").speaker_pid
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: is_back(world, killed), "the next speaker has advertised its routes", PATIENCE)
    assert unmarked_since(world, seen) == []

    world.agents["a"].kill()
    world.agents["a"].wait()
    killed = world.known_pid("a")
    os.kill(killed, signal.SIGKILL)
    world.restart("a")
    eventually(lambda: is_back(world, killed), "agent and speaker are others", PATIENCE)
    assert unmarked_since(world, seen) == []

    status = world.known_status("a").drain
    assert status is not None
    assert (status.stage, status.reason) == (Stage.MARKED, "new disk")
    for command in ("status", "peers"):
        assert "a has been drained for" in world.bgpctl("a", command).stdout
    assert world.bgpctl("a", "drain", "--undo").stdout == "a is in use\n"
    eventually(lambda: world.way() == "a", "the node is in use again")
    eventually(lambda: world.metric("a", "bgpctl_draining") == 0, "the metric says that it is in use")


def test_a_stopped_node_is_in_use_again_only_after_undo_whether_it_runs_then_or_not(world: DrainWorld) -> None:
    assert world.bgpctl("a", "drain", "--stop", "--wait", "0").returncode == 0
    world.restart("a")
    eventually(lambda: is_established(world), "the node is back", PATIENCE)
    assert "its routes are withdrawn" in world.bgpctl("a", "status").stdout
    assert world.told_by("a") == set()
    world.bgpctl("a", "drain", "--undo")
    eventually(lambda: world.told_by("a") == {SERVICE_NETWORK, BLOCK}, "the node is in use again")

    assert world.bgpctl("a", "drain", "--stop", "--wait", "0").returncode == 0
    assert world.bgpctl("a", "drain", "--undo").stdout == "a is in use from its next start\n"
    world.restart("a")
    world.until_whole()


def bird_log(world: DrainWorld) -> str:
    return (world.directory / "tor" / "log").read_text()


def unmarked_since(world: DrainWorld, seen: int) -> list[str]:
    return [line for line in bird_log(world)[seen:].splitlines() if "unmarked" in line and "from 10.0.0.1" in line]


def is_established(world: DrainWorld) -> bool:
    return any(peer.state == "Established" and peer.peer_as == 65000 for peer in world.peers("a"))


def is_back(world: DrainWorld, killed: int) -> bool:
    """Another speaker runs, and BIRD is done with the routes of the one before."""
    status = world.status("a")
    if status is None or status.speaker_pid in (0, killed) or not is_established(world):
        return False
    shown = world.bird.ask("show", "route", "protocol", "a", "all")
    return "stale" not in shown.lower() and world.told_by("a") == {SERVICE_NETWORK, BLOCK}
