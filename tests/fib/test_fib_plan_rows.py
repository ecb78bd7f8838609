"""Each field of the FIB's part of a plan, changed while the programmer runs: what the kernel has afterwards.

This is the table of effects (docs/applying-changes.md) for the fields that no session shows. `gone` was in the kernel's
answers before the change and `come` is in them afterwards; "" where a field only adds or takes away.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from fib_makers import learned, update
from fib_namespaces import Namespace
from msgspec.structs import replace

from bgpctl.fib.programmer import RouteProgrammer
from bgpctl.plan_diff.effects import EFFECTS, Effect
from reflector.plan import (
    Encapsulation,
    Family,
    HostRoute,
    KernelPlan,
    KernelRule,
    KernelVerdict,
    TunnelRoute,
    Value,
    Vtep,
    VxlanPlan,
)

pytestmark = pytest.mark.netns

POOL, REMOTE, PLAIN = "10.244.0.0/16", "10.244.2.0/26", "20.0.0.0/24"
NODE, PEER, OTHER_PEER = "10.0.0.1", "10.0.0.2", "10.0.0.3"
RULE = KernelRule(POOL, KernelVerdict.PROGRAM, Encapsulation.VXLAN)
HOST = HostRoute("192.168.7.7", PEER)
VTEP = Vtep("b", PEER, "10.244.2.1", "66:00:00:00:00:02")
VXLAN = VxlanPlan(4, "vxlan.calico", 4096, 4789, NODE, "10.244.1.1", "66:00:00:00:00:01", vteps=(VTEP,))
TUNNELLED = TunnelRoute("10.244.9.0/26", "10.244.2.1", "b")
BASE = KernelPlan(rules=(RULE,), host_routes=(HOST,), vxlans=(VXLAN,), tunnel_routes=(TUNNELLED,))
SIX = VxlanPlan(6, "vxlan-v6.calico", 4096, 4789, "fd00::1", "fd44::1", "66:00:00:00:00:06")


class Row(NamedTuple):
    change: dict[str, Any]
    gone: str = ""
    come: str = ""


# By kind and field. Of KernelRule, HostRoute, VxlanPlan, Vtep and TunnelRoute the plan has one each.
PLAN: dict[str, Row] = {
    "protocol": Row({"protocol": 180}, "proto 179", "proto 180"),
    "table": Row({"table": 100}, f"{PLAIN} via {PEER} dev eth0 proto 179", f"{PLAIN} via {PEER} dev eth0 table 100"),
    "normal_priority_v4": Row(
        {"normal_priority_v4": 2048}, "7.7 via 10.0.0.2 dev eth0 proto 179 metric 1024", "metric 2048"
    ),
    "rules": Row({"rules": ()}, f"{REMOTE} via 10.244.2.1 dev vxlan.calico", f"{REMOTE} via {PEER} dev eth0"),
    "blackholes": Row({"blackholes": ("10.244.1.0/26",)}, "", "6 10.244.1.0/26 proto 179"),
    "host_routes": Row({"host_routes": ()}, "192.168.7.7 via"),
    "excluded_next_hops": Row({"excluded_next_hops": (PEER,)}, f"{PLAIN} via"),
    "vxlans": Row({"vxlans": ()}, "vxlan id 4096"),
    "tunnel_routes": Row({"tunnel_routes": ()}, "10.244.9.0/26 via 10.244.2.1 dev vxlan.calico"),
}
RULES: dict[str, Row] = {
    "network": Row({"network": "20.0.0.0/8"}, f"{REMOTE} via 10.244.2.1", f"{PLAIN} via 10.244.2.1"),
    "verdict": Row({"verdict": KernelVerdict.LEAVE}, f"{REMOTE} via"),
    "encapsulation": Row({"encapsulation": Encapsulation.NONE}, f"{REMOTE} via 10.244.2.1", f"{REMOTE} via {PEER}"),
    "defined_by": Row({"defined_by": "another pool"}),
}
HOSTS: dict[str, Row] = {
    "address": Row({"address": "192.168.7.8"}, "192.168.7.7 via", "192.168.7.8 via"),
    "gateway": Row({"gateway": OTHER_PEER}, f"192.168.7.7 via {PEER}", f"192.168.7.7 via {OTHER_PEER}"),
    "defined_by": Row({"defined_by": "another BGPPeer"}),
}
VXLANS: dict[str, Row] = {
    "device": Row({"device": "vxlan1"}, "vxlan.calico", f"{REMOTE} via 10.244.2.1 dev vxlan1"),
    "vni": Row({"vni": 4097}, "vxlan id 4096", "vxlan id 4097"),
    "port": Row({"port": 4790}, "dstport 4789", "dstport 4790"),
    "local_address": Row({"local_address": "10.0.0.11"}, "local 10.0.0.1 ", "local 10.0.0.11 "),
    "tunnel_address": Row({"tunnel_address": "10.244.1.9"}, "inet 10.244.1.1/32", "inet 10.244.1.9/32"),
    "mac": Row({"mac": "66:00:00:00:00:09"}, "link/ether 66:00:00:00:00:01", "link/ether 66:00:00:00:00:09"),
    "mtu": Row({"mtu": 1300}, "mtu 1450", "mtu 1300"),
    "vteps": Row({"vteps": ()}, "10.244.2.1 dev vxlan.calico lladdr"),
}
VTEPS: dict[str, Row] = {
    "node": Row({"node": "c"}),
    "node_address": Row({"node_address": OTHER_PEER}, f"dst {PEER} ", f"dst {OTHER_PEER} "),
    "tunnel_address": Row(
        {"tunnel_address": "10.244.2.9"}, f"{REMOTE} via 10.244.2.1", "10.244.2.9 dev vxlan.calico lladdr"
    ),
    "mac": Row({"mac": "66:00:00:00:00:03"}, "lladdr 66:00:00:00:00:02", "lladdr 66:00:00:00:00:03"),
}
TUNNEL_ROUTES: dict[str, Row] = {
    "prefix": Row({"prefix": "10.244.8.0/26"}, "10.244.9.0/26 via", "10.244.8.0/26 via 10.244.2.1 dev vxlan.calico"),
    "gateway": Row({"gateway": "10.244.2.9"}, "10.244.9.0/26 via 10.244.2.1", "10.244.9.0/26 via 10.244.2.9"),
    "node": Row({"node": "c"}),
    "defined_by": Row({"defined_by": "another node"}),
}
ROWS: dict[type[Value], dict[str, Row]] = {
    KernelPlan: PLAN,
    KernelRule: RULES,
    HostRoute: HOSTS,
    VxlanPlan: VXLANS,
    Vtep: VTEPS,
    TunnelRoute: TUNNEL_ROUTES,
}
# With a test of its own below, or why there is none here.
ELSEWHERE: dict[tuple[type[Value], str], str] = {
    (KernelPlan, "normal_priority_v6"): "below",
    (KernelPlan, "local_subnets"): "below, with cross_subnet",
    (KernelPlan, "workload_networks"): "nothing is programmed: tests/fib/test_workload_routes.py",
    (KernelPlan, "aggregated_blocks"): "the same",
    (KernelPlan, "allow_underlay_routes"): "tests/fib/test_underlay_guard.py",
    (KernelRule, "cross_subnet"): "below",
    (VxlanPlan, "family"): "below",
    (KernelPlan, "ipip_address"): "needs a kernel with IPIP: tests/fib/test_fib_tunnel.py",
    (KernelPlan, "ipip_mtu"): "the same",
}


def changed(kind: type[Value], change: dict[str, Any]) -> KernelPlan:
    match kind.__name__:
        case "KernelRule":
            return replace(BASE, rules=(replace(RULE, **change),))
        case "HostRoute":
            return replace(BASE, host_routes=(replace(HOST, **change),))
        case "VxlanPlan":
            return replace(BASE, vxlans=(replace(VXLAN, **change),))
        case "Vtep":
            return replace(BASE, vxlans=(replace(VXLAN, vteps=(replace(VTEP, **change),)),))
        case "TunnelRoute":
            return replace(BASE, tunnel_routes=(replace(TUNNELLED, **change),))
        case _:
            return replace(BASE, **change)


def answers(node: Namespace) -> str:
    """All that the kernel says of routes (6 is a blackhole), links, addresses, neighbours and forwarding entries."""
    commands = (
        "ip -4 -N route show table all type unicast",
        "ip -4 -N route show table all type blackhole",
        "ip -6 -N route show table all proto 179",
        "ip -d -o link show",
        "ip -o addr show",
        "ip neigh show nud permanent",
        "bridge fdb show",
    )
    return "\n".join(node.command(*command.split(), check=False) for command in commands)


def run(node: Namespace, before: KernelPlan, after: KernelPlan) -> tuple[str, str]:
    """The kernel's answers with each of the plans, the second one applied while the programmer runs."""
    found: list[str] = []

    async def main() -> None:
        fib = await RouteProgrammer.open(before)
        try:
            await fib.apply_update(update(learned(REMOTE, PLAIN, via=(PEER,)), learned("fd09::/64", via=("fd00::2",))))
            found.append(answers(node))
            await fib.apply_plan(after)
            found.append(answers(node))
        finally:
            await fib.close()

    # An address that is being probed would look otherwise a moment later (RFC 4862 5.4).
    node.command("sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0")
    node.ip("addr", "add", "10.0.0.11/24", "dev", "eth0")
    node.run(main)
    first, second = found
    return first, second


@pytest.mark.parametrize(
    ("kind", "field"), [pytest.param(kind, each, id=f"{kind.__name__}.{each}") for kind in ROWS for each in ROWS[kind]]
)
def test_a_field_of_the_fibs_plan_is_taken_up_in_place(node: Namespace, kind: type[Value], field: str) -> None:
    change, gone, come = ROWS[kind][field]
    before, after = run(node, BASE, changed(kind, change))
    assert (gone in before, not gone or gone not in after) == (True, True), after
    assert (not come or come not in before, come in after) == (True, True), after
    if not gone and not come:
        assert after == before


@pytest.mark.parametrize("family", [4, 6])
def test_another_normal_priority_is_the_metric_of_blackholes(node: Namespace, family: Family) -> None:
    block, field = {4: ("10.244.1.0/26", "normal_priority_v4"), 6: ("fd44::/122", "normal_priority_v6")}[family]
    plan = KernelPlan(blackholes=(block,))
    before, after = run(node, plan, replace(plan, **{field: 2048}))
    assert ("metric 1023" in before, "metric 2047" in before) == (True, False)
    assert ("metric 1023" in after, "metric 2047" in after) == (False, True)


@pytest.mark.parametrize("field", ["cross_subnet", "local_subnets"])
def test_the_own_subnet_is_not_encapsulated_across_subnets_only(node: Namespace, field: str) -> None:
    near = replace(BASE, rules=(replace(RULE, cross_subnet=True),), local_subnets=("10.0.0.0/24",))
    far = replace(near, rules=(RULE,)) if field == "cross_subnet" else replace(near, local_subnets=())
    before, after = run(node, far, near)
    assert f"{REMOTE} via 10.244.2.1 dev vxlan.calico" in before
    assert f"{REMOTE} via {PEER} dev eth0" in after


def test_a_device_of_the_other_family_comes_and_goes(node: Namespace) -> None:
    before, after = run(node, BASE, replace(BASE, vxlans=(SIX,)))
    assert ("vxlan.calico" in before, "vxlan-v6.calico" in before) == (True, False)
    assert ("vxlan.calico" in after, "local fd00::1" in after) == (False, True)


def test_every_field_that_the_fib_takes_up_has_a_test() -> None:
    tried = {(kind, field) for kind, rows in ROWS.items() for field in rows}
    assert tried | ELSEWHERE.keys() == {(kind, field) for kind in ROWS for field in EFFECTS[kind]}
    assert all(EFFECTS[kind][field].effect is Effect.SOFT for kind, field in tried)
