"""From one node's blocks to another node's kernel: two agents with the real speaker and the real FIB.

Nodes `a` and `b` have a namespace each and a wire between them. `b` owns the block 10.64.1.0/26.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from agent_world import ADDRESSES, BLOCK, CLUSTER, WaitUntil, World, in_namespace, wired_world

pytestmark = pytest.mark.netns

REFLECTOR = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {bindMode: NodeIP, nodeToNodeMeshEnabled: false}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a, labels: {reflector: "yes"}}
spec: {bgp: {ipv4Address: 10.0.0.1/24, routeReflectorClusterID: 224.0.0.1}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b}
spec: {bgp: {ipv4Address: 10.0.0.2/24}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: to-reflectors}
spec: {nodeSelector: "all()", peerSelector: "has(reflector)"}
"""
# Its FIB fails at the first routes that it is given.
AGENT_WITH_A_BUG = """
from bgpctl.cli import main
from bgpctl.fib.programmer import RouteProgrammer
really, calls = RouteProgrammer.apply_update, []
async def fails_once(self, update):
    calls.append(1)
    if len(calls) == 1:
        1 // 0
    await really(self, update)
RouteProgrammer.apply_update = fails_once
main()
"""


@pytest.fixture
def world(netns: str, tmp_path: Path) -> Iterator[World]:
    with wired_world(netns, tmp_path) as world:
        yield world


def routes_to_block(world: World, node: str, *selector: str) -> list[dict[str, object]]:
    command = ["ip", "-n", world.namespaces[node], "-json", "route", "show", BLOCK, *selector]
    routes: list[dict[str, object]] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout or "[]"
    )
    return routes


@contextmanager
def watched_routes(world: World, node: str) -> Iterator[Path]:
    """A file with every change of the node's routes while the block runs."""
    path = world.path / "routes.log"
    with path.open("wb") as output:
        monitor = subprocess.Popen([*in_namespace(world.namespaces[node]), "ip", "monitor", "route"], stdout=output)
        yield path
        monitor.kill()
        monitor.wait()


def test_a_remote_block_is_in_the_kernel_via_its_node(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: routes_to_block(world, "a"), 60)
    (route,) = routes_to_block(world, "a")
    assert (route["gateway"], route["dev"], route["protocol"]) == (ADDRESSES["b"], "wire", "179")


def test_a_node_may_be_reflector_and_program_its_kernel(netns: str, tmp_path: Path, wait_until: WaitUntil) -> None:
    """RFC 4456: its other node is a client of it, and what the client tells it is in its own kernel as well."""
    with wired_world(netns, tmp_path, cluster=REFLECTOR) as world:
        wait_until(lambda: routes_to_block(world, "a"), 60)
        (route,) = routes_to_block(world, "a")
        assert (route["gateway"], route["protocol"]) == (ADDRESSES["b"], "179")
        assert [peer.rr_client for peer in world.peers("a")] == [True]


def test_ready_means_that_the_kernel_is_in_sync(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: world.page("a", "readyz") == "OK\n", 60)
    assert world.metric("a", "bgpctl_fib_in_sync") == 1
    wait_until(lambda: world.metric("a", "bgpctl_fib_routes_installed") == 1)


def test_a_workload_that_comes_and_goes_is_a_local_endpoint_meanwhile(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: world.page("b", "readyz") == "OK\n", 60)
    assert world.metric("b", "bgpctl_local_endpoints") == 0
    ip = ["ip", "-n", world.namespaces["b"]]
    for words in (
        ["link", "add", "cali1", "type", "veth", "peer", "name", "pod"],
        ["link", "set", "cali1", "up"],
        ["link", "set", "pod", "up"],
        ["route", "add", "10.64.1.5/32", "dev", "cali1"],
    ):
        subprocess.run([*ip, *words], check=True)
    wait_until(lambda: world.metric("b", "bgpctl_local_endpoints") == 1, 30)
    subprocess.run([*ip, "link", "del", "cali1"], check=True)
    wait_until(lambda: world.metric("b", "bgpctl_local_endpoints") == 0, 30)


def test_the_last_success_of_each_step_is_known(world: World, wait_until: WaitUntil) -> None:
    """Compiled, taken by the speaker, in the kernel; a change of the resources makes all of them later."""
    names = [f"bgpctl_{step}_last_success_timestamp_seconds" for step in ("compile", "apply", "fib_sync")]
    started = time.time() - 120
    wait_until(lambda: routes_to_block(world, "a") and world.page("a", "readyz") == "OK\n", 60)
    wait_until(lambda: all(started < world.metric("a", name) <= time.time() for name in names))
    changed = time.time()
    world.write("cluster.yaml", CLUSTER.replace("bindMode: NodeIP", "bindMode: NodeIP, logSeverityScreen: Warning"))
    (world.resources / "blocks.yaml").unlink()
    wait_until(lambda: all(changed < world.metric("a", name) <= time.time() for name in names), 30)


def test_a_block_that_goes_away_leaves_the_kernel(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: routes_to_block(world, "a"), 60)
    (world.resources / "blocks.yaml").unlink()
    wait_until(lambda: not routes_to_block(world, "a"), 30)


def test_the_way_from_the_wire_to_the_kernel_is_timed(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: routes_to_block(world, "a") and world.known_status("a").fib_in_sync, 60)
    before = world.known_status("a").propagation
    (world.resources / "blocks.yaml").unlink()
    wait_until(lambda: sum(world.known_status("a").propagation.counts) > sum(before.counts), 30)
    assert not routes_to_block(world, "a")
    assert 0 < world.known_status("a").propagation.total - before.total < 10
    assert world.metric("a", "bgpctl_propagation_seconds_count") == sum(world.known_status("a").propagation.counts)


def test_a_killed_speaker_takes_no_route_out_of_the_kernel(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: routes_to_block(world, "a") and world.known_status("a").fib_in_sync, 60)
    killed = world.known_status("a").speaker_pid
    with watched_routes(world, "a") as changes:
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: world.known_status("a").speaker_pid not in (0, killed) and world.established("a"), 60)
        wait_until(lambda: world.known_status("a").fib_in_sync, 60)
    assert routes_to_block(world, "a")
    assert BLOCK not in changes.read_text()


def test_what_was_withdrawn_while_no_speaker_ran_is_swept(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: routes_to_block(world, "a") and world.known_status("a").fib_in_sync, 60)
    killed = world.known_status("a").speaker_pid
    (world.resources / "blocks.yaml").unlink()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not routes_to_block(world, "a"), 60)


def test_routes_stay_when_the_agent_is_stopped(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: routes_to_block(world, "a"), 60)
    world.agents[0].terminate()
    assert world.agents[0].wait(15) == 0
    assert routes_to_block(world, "a")


def test_a_restarted_agent_adopts_the_routes_without_touching_them(world: World, wait_until: WaitUntil) -> None:
    wait_until(lambda: routes_to_block(world, "a"), 60)
    with watched_routes(world, "a") as changes:
        world.agents[0].kill()
        world.agents[0].wait()
        world.start("a")
        wait_until(lambda: (status := world.status("a")) and status.fib_in_sync and status.fib_installed == 1, 60)
    assert routes_to_block(world, "a")
    assert BLOCK not in changes.read_text()


def test_another_protocol_number_and_table_take_the_routes_along(world: World, wait_until: WaitUntil) -> None:
    """An agent that is started with other numbers knows the routes of the one before it as its own."""
    wait_until(lambda: routes_to_block(world, "a"), 60)
    world.agents[0].terminate()
    assert world.agents[0].wait(15) == 0
    world.options = ("--route-protocol", "180", "--route-table", "4000")
    world.start("a")

    def places() -> list[tuple[object, object, object]]:
        found = routes_to_block(world, "a", "table", "all")
        return [(route.get("table"), route["protocol"], route["gateway"]) for route in found]

    wait_until(lambda: places() == [("4000", "180", ADDRESSES["b"])], 60)


def test_an_exception_while_routes_are_programmed_is_counted_and_they_are_programmed(
    world: World, wait_until: WaitUntil
) -> None:
    wait_until(lambda: routes_to_block(world, "a"), 60)
    world.agents[0].kill()
    world.agents[0].wait()
    agent = world.start("a", program=AGENT_WITH_A_BUG)
    wait_until(lambda: world.runs("a") and world.known_status("a").internal_errors == 1, 60)
    assert routes_to_block(world, "a")
    wait_until(lambda: world.known_status("a").fib_in_sync, 60)
    (world.resources / "blocks.yaml").unlink()
    wait_until(lambda: not routes_to_block(world, "a"), 60)
    assert (agent.poll(), world.known_status("a").internal_errors) == (None, 1)
