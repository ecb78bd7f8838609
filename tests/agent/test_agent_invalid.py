"""The agent while a resource is invalid: its last good version stays, the rest is followed, and it says which is which.

Two nodes of a mesh, `a` and `b`, share a namespace; the kernel is left alone (--no-fib).
"""

import subprocess

import pytest
from agent_world import BGPCTL, CLUSTER, WaitUntil, World, in_namespace

from reflector.plan import NodePlan, decode_plan

pytestmark = pytest.mark.netns

TOR = """
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec: {node: a, peerIP: 10.0.0.9, asNumber: 65001, filters: [out]}
"""
FILTER = """
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: out}
spec: {exportV4: [{action: Reject}]}
"""
# What anybody may leave in a directory, and no session of this node needs.
UNNEEDED = {
    "secret of another namespace": "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: y}\n"
    "data: {token: not base64}\n",
    "filter that no peer names": FILTER.replace("out", "unused").replace("Reject", "reject"),
    "node": "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: c}\nspec: {bgp: {ipv4Address: nowhere}}\n",
    "service": "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: nowhere}\n",
    "no YAML": "{{{",
    "unknown kind": "apiVersion: projectcalico.org/v3\nkind: BGPPeeer\nmetadata: {name: x}\n",
}


def block(number: int) -> str:
    return (
        "apiVersion: projectcalico.org/v3\nkind: BlockAffinity\n"
        f"metadata: {{name: a-{number}}}\nspec: {{node: a, cidr: 10.64.{number}.0/26, state: confirmed}}\n"
    )


def plan(world: World) -> NodePlan:
    return decode_plan((world.run_directory("a") / "plan.json").read_bytes())


def blocks(world: World) -> list[str]:
    return [each.prefix for each in plan(world).originations]


def in_force(world: World) -> dict[str, str]:
    return {each.resource: each.in_force for each in world.known_status("a").invalid}


def start(world: World, wait_until: WaitUntil) -> None:
    world.start("a")
    world.start("b")
    wait_until(lambda: world.established("a") and world.established("b"), 60)


def test_one_invalid_resource_of_each_kind_stops_no_other_change(world: World, wait_until: WaitUntil) -> None:
    start(world, wait_until)
    for number, text in enumerate(UNNEEDED.values()):
        world.write("invalid.yaml", text)
        world.write(f"block-{number}.yaml", block(number))
        wait_until(lambda number=number: f"10.64.{number}.0/26" in blocks(world))
        wait_until(lambda: world.known_status("a").invalid)
        assert not world.known_status("a").plan_is_current
    (world.resources / "invalid.yaml").unlink()
    wait_until(lambda: world.known_status("a").plan_is_current)
    assert world.peers("a")[0].flaps == 0


def test_a_first_start_beside_invalid_resources_is_a_start(world: World, wait_until: WaitUntil) -> None:
    for number, text in enumerate(UNNEEDED.values()):
        world.write(f"invalid-{number}.yaml", text)
    start(world, wait_until)
    assert world.page("a", "readyz") == "OK\n"
    assert len(world.known_status("a").invalid) == len(UNNEEDED)


def test_an_invalid_resource_is_in_status_metrics_and_log(world: World, wait_until: WaitUntil) -> None:
    world.write("tor.yaml", TOR)
    world.write("filter.yaml", FILTER)
    start(world, wait_until)
    world.write("filter.yaml", FILTER.replace("Reject", "reject"))
    wait_until(lambda: in_force(world) == {"BGPFilter/out": "last-good"})
    assert world.metric("a", "bgpctl_invalid_resources", in_force="last-good") == 1
    assert world.metric("a", "bgpctl_plan_current") == 0
    (where,) = [line for line in world.log("a").splitlines() if "a resource is invalid" in line]
    assert f"file={world.resources}/filter.yaml" in where
    shown = subprocess.run(
        [*in_namespace(world.namespaces["a"]), BGPCTL, "status", "--run-dir", world.run_directory("a")],
        capture_output=True,
        text=True,
        check=False,
    )
    sentence = (
        f"a: error: invalid: BGPFilter/out ({world.resources}/filter.yaml:2): the last good version stays in force"
    )
    assert (shown.returncode, sentence in shown.stdout.splitlines()) == (1, True), shown.stdout
    world.write("filter.yaml", FILTER)
    wait_until(lambda: world.known_status("a").plan_is_current)
    # A snapshot serves every scrape of its second.
    wait_until(lambda: world.metric("a", "bgpctl_invalid_resources", in_force="last-good") == 0)
    assert "valid again" in world.log("a")


def test_a_session_keeps_the_filter_that_becomes_invalid_and_waits_for_one_that_never_was_valid(
    world: World, wait_until: WaitUntil
) -> None:
    world.write("tor.yaml", TOR)
    world.write("filter.yaml", FILTER)
    start(world, wait_until)
    before = plan(world)
    world.write("filter.yaml", FILTER.replace("Reject", "reject"))
    wait_until(lambda: in_force(world))
    world.agents[0].kill()
    world.agents[0].wait()
    world.start("a")
    wait_until(lambda: world.runs("a") and in_force(world) == {"BGPFilter/out": "last-good"}, 60)
    assert plan(world) == before
    assert {each.flaps for each in world.peers("a")} == {0}
    # As after a reboot: nothing is known from before.
    world.agents[0].wait(0)
    world.agents[-1].terminate()
    world.agents[-1].wait(15)
    (world.run_directory("a") / "last-good.json").unlink()
    (world.run_directory("a") / "plan.json").unlink()
    world.start("a")
    wait_until(lambda: world.runs("a") and in_force(world) == {"BGPFilter/out": "sessions-wait"}, 60)
    assert [each.peer_address for each in plan(world).sessions] == ["10.0.0.2"]
    assert "no valid version of the BGPFilter 'out'" in world.known_status("a").suppressed[0]


def test_a_file_that_becomes_garbage_ends_no_session_also_when_the_agent_restarts(
    world: World, wait_until: WaitUntil
) -> None:
    start(world, wait_until)
    world.write("cluster.yaml", CLUSTER[: len(CLUSTER) // 2] + "\n]")
    wait_until(lambda: world.known_status("a").invalid and world.known_status("b").invalid)
    world.agents[0].kill()
    world.agents[0].wait()
    world.start("a")
    wait_until(lambda: world.runs("a") and world.known_status("a").invalid, 60)
    assert (world.established("a"), world.known_status("a").held) == (True, ())
    assert {each.flaps for node in ("a", "b") for each in world.peers(node)} == {0}


def test_a_plan_of_an_agent_that_kept_no_versions_stays_while_something_is_invalid(
    world: World, wait_until: WaitUntil
) -> None:
    start(world, wait_until)
    before = plan(world)
    world.agents[0].kill()
    world.agents[0].wait()
    (world.run_directory("a") / "last-good.json").unlink()
    world.write("cluster.yaml", CLUSTER.replace("10.0.0.2/24", "nowhere"))
    world.start("a")
    wait_until(lambda: world.runs("a") and world.known_status("a").problems, 60)
    assert any("the plan of the agent before stays" in each.message for each in world.known_status("a").problems)
    assert (plan(world), world.established("a")) == (before, True)
    world.write("cluster.yaml", CLUSTER)
    wait_until(lambda: world.known_status("a").plan_is_current)


def test_the_whole_plan_waits_for_a_configuration_that_never_was_valid(world: World, wait_until: WaitUntil) -> None:
    world.write("cluster.yaml", CLUSTER.replace("NodeIP", "nodeip"))
    world.start("a")
    wait_until(lambda: world.status("a") and in_force(world) == {"BGPConfiguration/default": "plan-waits"}, 60)
    assert world.refusal("a", "readyz").startswith("503 there is no plan yet")
    assert world.known_status("a").plan_generation == 0
    world.write("cluster.yaml", CLUSTER)
    wait_until(lambda: world.runs("a"), 60)
