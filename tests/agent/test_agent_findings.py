"""What the guardrails find in the whole cluster is in the status of a live agent, and never in the way of its plans.

Two nodes of a mesh, `a` and `b`, share a namespace; the kernel is left alone (--no-fib).
"""

import subprocess
from pathlib import Path

import pytest
from agent_world import ADDRESSES, BGPCTL, WaitUntil, World, in_namespace

pytestmark = pytest.mark.netns

TWIN = """
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: twin}
spec: {bgp: {ipv4Address: %s/32}}
""".replace("%s", ADDRESSES["b"])
OVER_NODES = """
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: over}
spec: {cidr: 10.0.0.0/16}
"""


def findings(world: World) -> list[tuple[str, str, str]]:
    found = world.known_status("a").findings
    return [(each.severity, Path(each.file).name, each.path) for each in found]


def shown(world: World) -> subprocess.CompletedProcess[str]:
    command = [*in_namespace(world.namespaces["a"]), BGPCTL, "status", "--run-dir", world.run_directory("a")]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_findings_come_and_go_with_the_resources_and_change_no_plan(world: World, wait_until: WaitUntil) -> None:
    world.start("a")
    wait_until(lambda: world.runs("a") and world.known_status("a").examined_at > 0)
    assert findings(world) == []
    generation = world.known_status("a").plan_generation

    world.write("over.yaml", OVER_NODES)
    wait_until(lambda: findings(world) == [("error", "over.yaml", "$.spec.cidr")])
    assert world.known_status("a").plan_is_current
    answer = shown(world)
    assert answer.returncode == 1
    assert "lies over the network of the nodes themselves" in answer.stdout

    (world.resources / "over.yaml").unlink()
    world.write("twin.yaml", TWIN)
    wait_until(lambda: findings(world) == [("error", "twin.yaml", "$.spec.bgp.ipv4Address")])
    assert world.known_status("a").plan_generation >= generation
