"""The brake in a running agent: two nodes of a mesh lose each other only when that is confirmed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import ADDRESSES, BGPCTL, CLUSTER, WaitUntil, World

pytestmark = pytest.mark.netns

ALONE = CLUSTER.rpartition("---")[0]
BLOCK_OF_A = """
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: a-10-64-7-0-26}
spec: {cidr: 10.64.7.0/26, node: a, state: confirmed, deleted: "false"}
"""
CONFIRMING = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {{name: node.a, annotations: {{bgpctl.io/confirm: {digest}}}}}
"""


@pytest.fixture
def world(netns: str, tmp_path: Path, wait_until: WaitUntil) -> Iterator[World]:
    """Node a in session with node b, which then disappears from the resources."""
    for address in ADDRESSES.values():
        subprocess.run(["ip", "-n", netns, "address", "add", f"{address}/24", "dev", "lo"], check=True)
    world = World(dict.fromkeys(ADDRESSES, netns), tmp_path, "--no-fib")
    world.write("cluster.yaml", CLUSTER)
    try:
        for node in ADDRESSES:
            world.start(node)
        wait_until(lambda: world.established("a") and world.established("b"), 60)
        world.write("cluster.yaml", ALONE)
        wait_until(lambda: (status := world.status("a")) and status.held, 30)
        yield world
    finally:
        world.end()


def bgpctl(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [BGPCTL, *arguments, "--run-dir", str(world.run_directory("a"))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def stays(world: World) -> bool:
    (session,) = world.peers("a")
    return session.state == "Established" and session.flaps == 0


def test_what_is_held_is_reported_everywhere_and_the_rest_goes_on(world: World, wait_until: WaitUntil) -> None:
    sentence = "no session to a reflector, to the mesh or to another node is left for IPv4 (b)"
    status = world.known_status("a")
    assert [(each.kind, each.sentence) for each in status.held] == [("last-session", sentence)]
    assert status.held[0].causes == ("Node b: it is missing",)
    assert not status.plan_is_current
    shown = bgpctl(world, "status")
    assert shown.returncode == 1
    assert f"a: error: held: {sentence}" in shown.stdout
    assert status.held_digest in shown.stdout
    assert world.page("a", "readyz") == f"OK\nheld ({status.held_digest}): {sentence}\n"
    assert world.metric("a", "bgpctl_held_changes", kind="last-session") == 1
    assert world.metric("a", "bgpctl_held_changes", kind="nodes") == 0
    assert world.log("a").count("a change is held") == 1
    world.write("block.yaml", BLOCK_OF_A)
    wait_until(lambda: any(each.received for each in world.peers("b")) or not world.peers("b"), 30)
    assert stays(world)


def test_what_is_held_outlives_a_restart_of_the_agent(world: World, wait_until: WaitUntil) -> None:
    digest = world.known_status("a").held_digest
    agent = world.agents[0]
    agent.kill()
    agent.wait(15)
    world.start("a")
    wait_until(lambda: (status := world.status("a")) and status.held, 60)
    assert world.known_status("a").held_digest == digest
    assert stays(world)


def test_resources_put_right_end_it_without_a_reset(world: World, wait_until: WaitUntil) -> None:
    world.write("cluster.yaml", CLUSTER)
    wait_until(lambda: (status := world.status("a")) and not status.held, 30)
    assert bgpctl(world, "status").returncode == 0
    assert stays(world)
    assert "nothing is held any more" in world.log("a")


def test_confirmed_by_the_operator_it_happens(world: World, wait_until: WaitUntil) -> None:
    digest = world.known_status("a").held_digest
    other = bgpctl(world, "confirm", "a", "--digest", "a00000000000")
    assert (other.returncode, other.stdout) == (1, f"a: what is held is {digest}, not a00000000000\n")
    assert stays(world)
    done = bgpctl(world, "confirm", "a")
    assert done.returncode == 0, done.stderr
    assert f"a: confirms {digest}: no session to a reflector" in done.stdout
    wait_until(lambda: not world.peers("a"), 30)
    assert not world.known_status("a").held
    assert bgpctl(world, "confirm", "a").stdout == "a: nothing is held\n"


def test_confirmed_by_an_annotation_it_happens(world: World, wait_until: WaitUntil) -> None:
    world.write("confirm.yaml", CONFIRMING.format(digest="a00000000000"))
    world.write("block.yaml", BLOCK_OF_A)
    wait_until(lambda: world.known_status("a").plan_generation > 1, 30)
    assert stays(world)
    world.write("confirm.yaml", CONFIRMING.format(digest=world.known_status("a").held_digest))
    wait_until(lambda: not world.peers("a"), 30)
    assert not world.known_status("a").held


def test_own_node_missing_is_held(world: World, wait_until: WaitUntil) -> None:
    world.write("cluster.yaml", CLUSTER.replace("name: a}", "name: c}"))
    wait_until(lambda: [each.kind for each in world.known_status("a").held] == ["own-node"], 30)
    assert stays(world)
