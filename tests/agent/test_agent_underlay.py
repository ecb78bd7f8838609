"""A pool over the nodes' own network, and a block of it: the sessions stay, and both nodes report what is left out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from agent_world import ADDRESSES, WaitUntil, wired_world

pytestmark = [pytest.mark.netns, pytest.mark.slow]

POOL = """
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.0.0.0/16, ipipMode: Never, vxlanMode: Never, natOutgoing: false}
"""
BLOCKS = """
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: over-the-nodes}
spec: {cidr: 10.0.0.0/26, node: b, state: confirmed, deleted: "false"}
---
apiVersion: crd.projectcalico.org/v1
kind: BlockAffinity
metadata: {name: beside}
spec: {cidr: 10.0.7.0/26, node: b, state: confirmed, deleted: "false"}
"""
INSIDE = "it is inside this node's own network 10.0.0.0/24; bgpctl.io/allow-underlay-routes allows it"


def test_a_block_over_the_nodes_own_network_cuts_nobody_off(netns: str, tmp_path: Path, wait_until: WaitUntil) -> None:
    with wired_world(netns, tmp_path, pool=POOL, blocks=BLOCKS) as world:
        wait_until(lambda: all(world.page(node, "readyz") == "OK\n" for node in ("a", "b")), 60)
        wait_until(lambda: world.known_status("a").fib_unsafe == 1, 30)
        a, b = world.known_status("a"), world.known_status("b")
        assert (a.fib_failures, a.fib_notes) == ((), (f"10.0.0.0/26: not programmed: {INSIDE}",))
        assert b.fib_failures == (f"10.0.0.0/26: not programmed: a blackhole; {INSIDE}",)
        assert (a.fib_installed, b.fib_installed) == (1, 1)  # the other block: a route to it, and its blackhole
        assert world.metric("b", "bgpctl_fib_routes_unsafe") == 1
        for node, other in (("a", "b"), ("b", "a")):
            asked = ["ip", "-n", world.namespaces[node], "route", "get", ADDRESSES[other]]
            assert "dev wire" in subprocess.run(asked, check=True, capture_output=True, text=True).stdout
            assert world.established(node)
