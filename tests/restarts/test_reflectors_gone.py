"""All reflectors are gone: a node keeps the cluster's routes, says so, and drops only those of nodes that left.

RFC 4724 4.2, RFC 8538 4 and RFC 9494 4.2 with real agents, speakers and kernels; see retention_world.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from retention_world import BLOCKS, PATIENCE, REFLECTORS, RESTART_TIME, Cluster, cluster, is_calm
from segment import eventually
from traffic import Record

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

DAY = 24 * 3600
ALL_DOWN = "all reflectors are down; 2 routes retained until "


def waits(world: Cluster, sentence: str) -> None:
    eventually(lambda: world.known_status("a").retention.startswith(sentence), f"a says {sentence!r}", PATIENCE)


def are_long_lived(world: Cluster) -> bool:
    """Their restart time is over."""
    peers = world.peers("a")
    return bool(peers) and all(peers[name].long_lived_stale == len(BLOCKS) for name in REFLECTORS)


def leaves(world: Cluster, node: str) -> None:
    """The Node goes, and its blocks stay behind, as they may for a while."""
    (world.resources / f"{node}.yaml").unlink()


def come_back(world: Cluster) -> None:
    world.start(*REFLECTORS)
    eventually(lambda: is_calm(world), "all routes are fresh, nothing is retained", PATIENCE)


def test_killed_reflectors_cost_no_route_and_a_node_that_leaves_costs_its_own(tmp_path: Path, record: Record) -> None:
    """RFC 9494 4.2: beyond the restart time, here of two seconds."""
    with cluster(tmp_path) as world, world.watched("both reflectors killed", record, "b"):
        world.kill(*REFLECTORS)
        waits(world, ALL_DOWN)
        eventually(lambda: are_long_lived(world), "the restart time is over", PATIENCE)
        assert world.has_routes("b", "c")
        status = world.known_status("a")
        assert (status.retained_routes, status.reflectors_down, status.fib_in_sync) == (2, True, True)
        assert 0 < DAY - status.retained_left < PATIENCE
        for command in ("status", "peers", "fib"):
            assert ALL_DOWN in world.command("a", command), command
        assert ALL_DOWN in world.page("a", "readyz")
        assert world.metric("a", "bgpctl_routes_retained") == 2
        assert world.metric("a", "bgpctl_reflectors_down") == 1
        assert 0 < DAY - world.metric("a", "bgpctl_retention_seconds_left") < PATIENCE
        leaves(world, "c")
        left_at = time.monotonic()
        eventually(lambda: world.has_routes("b"), "the route of the node that left is gone", 10)
        record("the route of a node that left is gone", f"after {time.monotonic() - left_at:.1f} s")
        waits(world, "all reflectors are down; 1 route retained until ")
        world.start(*REFLECTORS)
        eventually(lambda: not world.known_status("a").retention, "nothing is retained", PATIENCE)
        assert world.has_routes("b")
        assert world.metric("a", "bgpctl_routes_retained") == world.metric("a", "bgpctl_reflectors_down") == 0


def test_a_speaker_and_then_its_agent_killed_meanwhile_cost_no_route(tmp_path: Path, record: Record) -> None:
    """A new speaker has nothing, and receives nothing: the kernel's routes are retained, by a new agent as well."""
    with (
        cluster(tmp_path) as world,
        world.watched("both reflectors killed, then speaker, then speaker and agent", record, "b"),
    ):
        world.kill(*REFLECTORS)
        waits(world, ALL_DOWN)
        world.kill_speaker("a")
        eventually(lambda: "the kernel's routes are retained" in world.log("a"), "the new speaker is empty", PATIENCE)
        assert not world.peers("a")["r1"].stale
        waits(world, ALL_DOWN)
        assert world.has_routes("b", "c")
        assert world.known_status("a").fib_in_sync
        assert world.page("a", "readyz").startswith("OK\nall reflectors are down")
        world.kill("a")
        world.start("a")
        waits(world, ALL_DOWN)
        assert world.known_status("a").fib_installed == 2
        assert 0 < DAY - world.known_status("a").retained_left < PATIENCE
        leaves(world, "c")
        eventually(lambda: world.has_routes("b"), "the route of the node that left is gone", 10)
        world.start(*REFLECTORS)
        eventually(lambda: not world.known_status("a").retention, "nothing is retained", PATIENCE)
        assert world.has_routes("b")
        assert not (world.run_directory("a") / "retained").exists()


def test_reflectors_that_fall_silent_cost_no_route(tmp_path: Path, record: Record) -> None:
    """RFC 8538 4: the hold timer ends the session with a NOTIFICATION, and with N routes stay."""
    with cluster(tmp_path) as world, world.watched("both reflectors frozen", record, "b", "c"):
        speakers = [world.known_status(name).speaker_pid for name in REFLECTORS]
        world.send_to_speakers(signal.SIGSTOP, *speakers)
        try:
            waits(world, ALL_DOWN)
            eventually(lambda: are_long_lived(world), "the restart time is over", PATIENCE)
            assert "hold timer" in world.peers("a")["r1"].ended
            assert world.has_routes("b", "c")
        finally:
            world.send_to_speakers(signal.SIGCONT, *speakers)
        eventually(lambda: is_calm(world), "all routes are fresh, nothing is retained", PATIENCE)


def test_when_the_time_is_over_routes_go_whoever_retains_them(tmp_path: Path) -> None:
    """RFC 9494 4.2: the long-lived stale time bounds it, in the kernel after the speaker was killed, too."""
    with cluster(tmp_path, ", bgpctl.io/long-lived-stale-time: 6s") as world:
        world.kill(*REFLECTORS)
        waits(world, ALL_DOWN)
        killed_at = time.monotonic()
        world.kill_speaker("a")
        eventually(lambda: world.has_routes(), "all routes are gone", PATIENCE)
        assert time.monotonic() - killed_at > RESTART_TIME
        waits(world, "all reflectors are down; no routes are retained")


def test_a_node_of_the_mesh_that_is_away_costs_no_route(tmp_path: Path, record: Record) -> None:
    """RFC 9494 4.2; after the speaker was killed as well only the kernel has it, while `c` says again what it has."""
    with (
        cluster(tmp_path, reflectors=()) as world,
        world.watched("a node of the mesh killed, then the speaker", record, "b", "c"),
    ):
        world.kill("b")
        waits(world, "node b is away; 1 route retained until ")
        world.kill_speaker("a")
        eventually(lambda: "the kernel's routes are retained" in world.log("a"), "the new speaker is empty", PATIENCE)
        waits(world, "the speaker has been restarted; 1 route retained until ")
        assert world.has_routes("b", "c")
        world.start("b")
        eventually(lambda: is_calm(world), "all routes are fresh, nothing is retained", PATIENCE)
