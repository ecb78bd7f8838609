"""Routes of other programs to workloads of node `b`, as they reach node `a`: borrowed addresses, single-address blocks
and virtual machines that move, over restarts of every process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import ADDRESSES, WaitUntil, World, wired_world

from reflector.control.client import ControlClient
from reflector.messages import Explain, Explanation
from reflector.plan import PRIORITY_BASE

pytestmark = [pytest.mark.netns, pytest.mark.slow]

BORROWED, OWN, SINGLE = "10.64.9.7", "10.64.1.5", "10.64.8.1"
SINGLE_BLOCK = """
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: b-single}
spec: {cidr: 10.64.8.1/32, node: b, state: confirmed, deleted: "false"}
"""
HIDDEN = """
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: hidden}
spec: {cidr: 10.65.0.0/16, ipipMode: Never, vxlanMode: Never, disableBGPExport: true}
"""


@pytest.fixture
def world(netns: str, tmp_path: Path, wait_until: WaitUntil) -> Iterator[World]:
    with wired_world(netns, tmp_path, single=SINGLE_BLOCK, hidden=HIDDEN) as world:
        for node in ("a", "b"):
            for words in (
                ["link", "add", "cali1", "type", "veth", "peer", "name", "pod"],
                ["link", "set", "cali1", "up"],
                ["link", "set", "pod", "up"],
            ):
                ip(world, node, *words)
        wait_until(lambda: all(world.page(node, "readyz") == "OK\n" for node in ("a", "b")), 60)
        yield world


def ip(world: World, node: str, *words: str) -> None:
    subprocess.run(["ip", "-n", world.namespaces[node], *words], check=True)


def kernel_routes(world: World, node: str, prefix: str) -> list[tuple[object, object]]:
    """(gateway or interface, metric) of our routes to exactly this."""
    command = ["ip", "-n", world.namespaces[node], "-json", "route", "show", prefix, "proto", "179"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout or "[]"
    return [(each.get("gateway", each.get("dev")), each.get("metric", 0)) for each in json.loads(listed)]


def way(world: World, node: str, address: str) -> str:
    command = ["ip", "-n", world.namespaces[node], "route", "get", address]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def explained(world: World, node: str, prefix: str) -> Explanation:
    with ControlClient(world.run_directory(node) / "speaker.sock") as client:
        return client.ask(Explain(prefix))


def exports(world: World, prefix: str) -> list[tuple[str, str]]:
    return [(each.verdict, each.rule) for each in explained(world, "b", prefix).exports]


@pytest.mark.parametrize("address", [BORROWED, SINGLE], ids=["borrowed", "a block of one address"])
def test_a_workload_that_no_block_stands_for_is_reached_while_it_is_there(
    world: World, address: str, wait_until: WaitUntil
) -> None:
    assert kernel_routes(world, "a", address) == []
    ip(world, "b", "route", "add", address, "dev", "cali1")
    wait_until(lambda: kernel_routes(world, "a", address) == [(ADDRESSES["b"], 1024)], 10)
    assert world.known_status("b").workload_routes == 1
    assert world.metric("b", "bgpctl_workload_routes") == 1
    (own,) = explained(world, "b", f"{address}/32").candidates
    assert (own.verdict, own.source, own.local_pref) == ("best", "kernel", PRIORITY_BASE - 1024)
    assert own.rule == "kernel route to a workload, interface cali1, metric 1024"
    ip(world, "b", "link", "del", "cali1")
    wait_until(lambda: kernel_routes(world, "a", address) == [], 10)
    assert world.known_status("b").held == ()


def test_an_ordinary_workload_adds_nothing_to_its_block(world: World, wait_until: WaitUntil) -> None:
    ip(world, "b", "route", "add", OWN, "dev", "cali1")
    ip(world, "b", "route", "add", BORROWED, "dev", "cali1")
    wait_until(lambda: kernel_routes(world, "a", BORROWED), 10)
    assert kernel_routes(world, "a", OWN) == []
    assert explained(world, "b", f"{OWN}/32").candidates == ()


def test_a_pool_that_is_not_exported_keeps_its_workloads(world: World, wait_until: WaitUntil) -> None:
    ip(world, "b", "route", "add", "10.65.0.9", "dev", "cali1")
    wait_until(lambda: exports(world, "10.65.0.9/32"), 10)
    assert exports(world, "10.65.0.9/32") == [("export-rejected", "IPPool hidden: disableBGPExport")]
    assert kernel_routes(world, "a", "10.65.0.9") == []


def test_a_virtual_machine_moves_from_its_block_to_another_node_and_back(world: World, wait_until: WaitUntil) -> None:
    """The target's route has a lower metric until the source's is gone (Felix's elevated priority): it wins on both."""
    ip(world, "b", "route", "add", OWN, "dev", "cali1", "metric", "1024")
    ip(world, "a", "route", "add", OWN, "dev", "cali1", "metric", "512")
    wait_until(lambda: kernel_routes(world, "b", OWN) == [(ADDRESSES["a"], 512)], 10)
    assert "dev wire" in way(world, "b", OWN)
    ip(world, "b", "route", "del", OWN, "dev", "cali1")
    ip(world, "a", "route", "add", OWN, "dev", "cali1", "metric", "1024")
    ip(world, "a", "route", "del", OWN, "dev", "cali1", "metric", "512")
    wait_until(lambda: kernel_routes(world, "b", OWN) == [(ADDRESSES["a"], 1024)], 10)
    ip(world, "b", "route", "add", OWN, "dev", "cali1", "metric", "512")
    wait_until(lambda: kernel_routes(world, "a", OWN) == [(ADDRESSES["b"], 512)], 10)
    assert kernel_routes(world, "b", OWN) == []
    ip(world, "a", "route", "del", OWN, "dev", "cali1")
    ip(world, "b", "route", "add", OWN, "dev", "cali1", "metric", "1024")
    ip(world, "b", "route", "del", OWN, "dev", "cali1", "metric", "512")
    wait_until(lambda: kernel_routes(world, "a", OWN) == [], 10)
    assert kernel_routes(world, "a", "10.64.1.0/26") == [(ADDRESSES["b"], 1024)]


def changes_on_a(world: World) -> tuple[subprocess.Popen[bytes], Path]:
    path = world.path / "routes.log"
    monitor = ["ip", "netns", "exec", world.namespaces["a"], "ip", "monitor", "route"]
    with path.open("wb") as output:
        return subprocess.Popen(monitor, stdout=output), path


def test_the_route_outlives_the_agent_and_what_has_gone_meanwhile_is_withdrawn(
    world: World, wait_until: WaitUntil
) -> None:
    ip(world, "b", "route", "add", BORROWED, "dev", "cali1")
    ip(world, "b", "route", "add", "10.64.9.8", "dev", "cali1")
    wait_until(lambda: kernel_routes(world, "a", BORROWED) and kernel_routes(world, "a", "10.64.9.8"), 10)
    monitor, changes = changes_on_a(world)
    agent = world.agents[1]
    agent.kill()
    agent.wait()
    ip(world, "b", "route", "del", "10.64.9.8")
    world.start("b")
    wait_until(lambda: not kernel_routes(world, "a", "10.64.9.8"), 60)
    wait_until(lambda: world.page("b", "readyz") == "OK\n", 60)
    monitor.kill()
    monitor.wait()
    assert kernel_routes(world, "a", BORROWED)
    assert BORROWED not in changes.read_text()


def test_a_new_speaker_has_the_routes(world: World, wait_until: WaitUntil) -> None:
    ip(world, "b", "route", "add", BORROWED, "dev", "cali1")
    wait_until(lambda: kernel_routes(world, "a", BORROWED), 10)
    monitor, changes = changes_on_a(world)
    killed = world.known_status("b").speaker_pid
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: world.known_status("b").speaker_pid not in (0, killed) and world.established("b"), 60)
    wait_until(lambda: world.known_status("b").fib_in_sync, 60)
    ip(world, "b", "route", "add", "10.64.9.9", "dev", "cali1")
    wait_until(lambda: kernel_routes(world, "a", "10.64.9.9"), 60)
    monitor.kill()
    monitor.wait()
    assert kernel_routes(world, "a", BORROWED)
    assert BORROWED not in changes.read_text()


def block_of_b(name: str, cidr: str) -> str:
    return f"""
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {{name: {name}}}
spec: {{cidr: {cidr}, node: b, state: confirmed, deleted: "false"}}
"""


def test_blocks_that_no_workload_uses_are_given_back_at_once_and_one_that_is_used_is_held(
    world: World, wait_until: WaitUntil
) -> None:
    """An address manager gives empty blocks back every day; a truncated file takes those that are in use as well."""
    others = ("10.64.2.0/26", "10.64.3.0/26")
    (world.resources / "limits.yaml").unlink()
    world.write("more.yaml", "---".join(block_of_b(f"b{place}", cidr) for place, cidr in enumerate(others)))
    ip(world, "b", "route", "add", OWN, "dev", "cali1")
    wait_until(lambda: all(kernel_routes(world, "a", each) for each in others), 20)
    (world.resources / "more.yaml").unlink()
    wait_until(lambda: not any(kernel_routes(world, "a", each) for each in others), 20)
    assert world.known_status("b").held == ()
    (world.resources / "blocks.yaml").unlink()
    wait_until(lambda: world.known_status("b").held != (), 20)
    assert [each.kind for each in world.known_status("b").held] == ["originations"]
    assert kernel_routes(world, "a", "10.64.1.0/26")
