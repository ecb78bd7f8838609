"""Blocks of a node without a BGP speaker: routes out of the plan, against the kernel and a VXLAN made with `ip` alone.

`node` runs our programmer. `peer`, in the same subnet, is the static end: nothing of ours runs there.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
from fib_makers import decoded, learned, update
from fib_namespaces import Namespace
from msgspec.structs import replace

from bgpctl.fib.core.failures import RouteFailure
from bgpctl.fib.programmer import RouteProgrammer
from reflector.kernel.netlink.sockets import Monitor
from reflector.plan import (
    PRIORITY_BASE,
    Encapsulation,
    Family,
    KernelPlan,
    KernelRule,
    KernelVerdict,
    RouteSource,
    TunnelRoute,
    Vtep,
    VxlanPlan,
)

pytestmark = pytest.mark.netns
Script = Callable[[RouteProgrammer], Awaitable[None]]

OUR_MAC, PEER_MAC, OTHER_MAC = "66:00:00:00:00:01", "00:15:5d:00:00:02", "00:15:5d:00:00:09"
RTM_NEWROUTE, RTM_DELROUTE = 24, 25


class Network(NamedTuple):
    """`block` is the static end's, as are `far` and what follows; `pod` and `ours` are addresses of pods."""

    pool: str
    node: str
    tunnel: str
    ours: str
    block: str
    far: str
    far_tunnel: str
    pod: str
    device: str


NETWORKS: dict[Family, Network] = {
    4: Network(
        "10.244.0.0/16",
        "10.0.0.1",
        "10.244.1.1",
        "10.244.1.5",
        "10.244.2.0/26",
        "10.0.0.2",
        "10.244.2.1",
        "10.244.2.5",
        "vxlan.calico",
    ),
    6: Network(
        "fd44::/48",
        "fd00::1",
        "fd44:0:0:1::1",
        "fd44:0:0:1::5",
        "fd44:0:0:2::/122",
        "fd00::2",
        "fd44:0:0:2::1",
        "fd44:0:0:2::5",
        "vxlan-v6.calico",
    ),
}
families = pytest.mark.parametrize("family", [4, 6])


def plan(family: Family = 4, *, routed: bool = True) -> KernelPlan:
    found = NETWORKS[family]
    end = Vtep("w1", found.far, found.far_tunnel, PEER_MAC)
    vxlan = VxlanPlan(family, found.device, 4096, 4789, found.node, found.tunnel, OUR_MAC, vteps=(end,))
    route = TunnelRoute(found.block, found.far_tunnel, "w1", "block of w1, no BGP speaker")
    rule = KernelRule(found.pool, KernelVerdict.PROGRAM, Encapsulation.VXLAN, cross_subnet=True)
    return KernelPlan(
        rules=(rule,),
        local_subnets=("10.0.0.0/24", "fd00::/64"),
        vxlans=(vxlan,),
        tunnel_routes=(route,) if routed else (),
    )


def moved(family: Family = 4, **changes: str) -> KernelPlan:
    """The same with another end of the tunnel."""
    base = plan(family)
    (vxlan,), (route,) = base.vxlans, base.tunnel_routes
    end = replace(vxlan.vteps[0], **changes)
    return replace(
        base, vxlans=(replace(vxlan, vteps=(end,)),), tunnel_routes=(replace(route, gateway=end.tunnel_address),)
    )


def programmed(node: Namespace, kernel: KernelPlan, script: Script) -> None:
    async def main() -> None:
        fib = await RouteProgrammer.open(kernel)
        try:
            await script(fib)
        finally:
            await fib.close()

    node.run(main)


def ours(node: Namespace) -> list[str]:
    """The routes to the block of either family, as `ip` lists them."""
    blocks = tuple(found.block for found in NETWORKS.values())
    return [line for line in node.routes() if line.startswith(blocks)]


def expected(family: Family = 4, gateway: str = "") -> str:
    found = NETWORKS[family]
    preference = " pref medium" if family == 6 else ""
    return f"{found.block} via {gateway or found.far_tunnel} dev {found.device} metric 1024 onlink{preference}"


@pytest.fixture
def static_end(node: Namespace, peer: Namespace) -> Namespace:
    """`peer` as a VXLAN end of both families, made of commands."""
    peer.ip("addr", "add", "10.0.0.2/24", "dev", "eth0")
    peer.ip("addr", "add", "fd00::2/64", "dev", "eth0", "nodad")
    for family, device in ((4, "win"), (6, "win6")):
        found = NETWORKS[4 if family == 4 else 6]
        nodad = ["nodad"] if family == 6 else []
        port = ["dstport", "4789", "local", found.far, "nolearning"]
        peer.ip("link", "add", device, "address", PEER_MAC, "type", "vxlan", "id", "4096", *port)
        peer.ip("link", "set", device, "mtu", "1400", "up")
        peer.ip("addr", "add", found.far_tunnel, "dev", device, *nodad)
        peer.command("bridge", "fdb", "append", OUR_MAC, "dev", device, "dst", found.node, "self", "permanent")
        peer.ip("neigh", "add", found.tunnel, "lladdr", OUR_MAC, "dev", device, "nud", "permanent")
        peer.ip("route", "add", found.ours, "via", found.tunnel, "dev", device, "onlink")
        peer.ip("addr", "add", found.pod, "dev", "lo", *nodad)
        node.ip("addr", "add", found.ours, "dev", "lo", *nodad)
    return peer


def answers(node: Namespace, family: Family = 4) -> bool:
    """Whether the pod behind the static end answers our pod."""
    found = NETWORKS[family]
    command = ["ping", "-n", "-c", "2", "-i", "0.1", "-W", "1", "-I", found.ours, found.pod]
    return "2 packets transmitted, 2 received" in node.command(*command, check=False)


# ------------------------------------------------------------------------------------------ packets


@pytest.mark.skipif(shutil.which("ping") is None, reason="needs ping (iputils-ping)")
@families
def test_pods_reach_each_other_before_any_route_came_by_bgp(
    node: Namespace, static_end: Namespace, family: Family
) -> None:
    """In one subnet, with a pool that is encapsulated across subnets only: the tunnel is used all the same."""

    async def script(fib: RouteProgrammer) -> None:
        assert (ours(node), fib.status().failed, fib.status().devices) == ([expected(family)], (), ())
        assert answers(node, family)
        sent = static_end.ip("-s", "-o", "link", "show", "win" if family == 4 else "win6")
        assert int(sent.replace("\\", " ").split("RX:")[1].split()[7]) >= 2, "through the tunnel, not past it"

    programmed(node, plan(family), script)


@pytest.mark.skipif(shutil.which("ping") is None, reason="needs ping (iputils-ping)")
def test_the_route_follows_the_mac_and_the_addresses_of_the_node(node: Namespace, static_end: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        assert answers(node)
        static_end.ip("link", "set", "win", "address", OTHER_MAC)  # and with it go the neighbours, permanent or not
        static_end.ip("neigh", "replace", "10.244.1.1", "lladdr", OUR_MAC, "dev", "win", "nud", "permanent")
        assert not answers(node)
        await fib.apply_plan(moved(mac=OTHER_MAC))
        assert answers(node)

        await fib.apply_plan(moved(mac=OTHER_MAC, tunnel_address="10.244.2.9"))
        assert ours(node) == [expected(gateway="10.244.2.9")]
        assert answers(node)
        assert "10.244.2.1 " not in node.ip("neigh", "show", "dev", "vxlan.calico", "nud", "permanent")

        static_end.ip("addr", "del", "10.0.0.2/24", "dev", "eth0")
        static_end.ip("addr", "add", "10.0.0.22/24", "dev", "eth0")
        static_end.ip("link", "set", "win", "type", "vxlan", "local", "10.0.0.22")
        await fib.apply_plan(moved(mac=OTHER_MAC, tunnel_address="10.244.2.9", node_address="10.0.0.22"))
        assert answers(node)

    programmed(node, plan(), script)


# ------------------------------------------------------------------------------------------ the route


def test_a_node_that_goes_takes_its_route_with_it(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        assert ours(node) == [expected()]
        await fib.apply_plan(plan(routed=False))
        assert ours(node) == []
        assert (fib.status().desired, fib.status().installed) == (0, 0)

    programmed(node, plan(), script)


@families
def test_a_restart_changes_nothing_in_the_kernel(node: Namespace, family: Family) -> None:
    """The route is there, and the Loc-RIB never names it: it is neither written again nor swept."""

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update())

    programmed(node, plan(family), script)
    assert ours(node) == [expected(family)]
    monitor = node.inside(Monitor)
    programmed(node, plan(family), script)
    seen = [
        (each.kind, decoded(each.body)) for each in monitor.read(100)[0] if each.kind in (RTM_NEWROUTE, RTM_DELROUTE)
    ]
    monitor.close()
    assert [(kind, route) for kind, route in seen if route.protocol == 179] == []
    assert ours(node) == [expected(family)]


def test_it_is_neither_swept_nor_retained_where_routes_are_retained(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        fib.retains = True
        await fib.retain()
        assert (ours(node), fib.retained_count) == ([expected()], 0)
        await fib.apply_plan(plan(routed=False))
        assert ours(node) == []

    programmed(node, plan(), script)


@pytest.mark.parametrize("metric", [1024, 512, 2147483547])
def test_no_route_to_the_block_by_bgp_takes_its_place(node: Namespace, metric: int) -> None:
    """Whoever sends it, and however urgent it is: it stands beside it in the RIB, not in the kernel."""
    block = NETWORKS[4].block

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(block, via=("10.0.0.7",), local_pref=PRIORITY_BASE - metric)))
        assert ours(node) == [expected()]
        await fib.apply_update(update(withdrawn=(block,)))
        assert ours(node) == [expected()]

    programmed(node, plan(), script)


def test_what_the_speaker_originates_for_it_is_no_route_to_learn(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(NETWORKS[4].block, via=(), source=RouteSource.STATIC)))
        assert ours(node) == [expected()]

    programmed(node, plan(), script)


def test_a_route_by_bgp_inside_the_block_goes_its_own_way(node: Namespace) -> None:
    """An address that has moved elsewhere is more specific."""
    base = plan()
    other = Vtep("n3", "10.0.9.3", "10.244.3.1", "66:00:00:00:00:03")
    kernel = replace(base, vxlans=(replace(base.vxlans[0], vteps=(*base.vxlans[0].vteps, other)),))
    node.ip("route", "add", "10.0.9.0/24", "via", "10.0.0.254")

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned("10.244.2.7/32", via=("10.0.9.3",))))
        assert [line.split()[:3] for line in node.routes()] == [
            ["10.244.2.0/26", "via", "10.244.2.1"],
            ["10.244.2.7", "via", "10.244.3.1"],
        ]

    programmed(node, kernel, script)


def test_a_node_that_gets_a_speaker_is_never_without_a_route(node: Namespace) -> None:
    """The route by BGP is there already: one replacement, or none where it leads the same way."""
    with_speaker = replace(plan(routed=False), rules=(replace(plan().rules[0], cross_subnet=False),))

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(NETWORKS[4].block, via=("10.0.0.2",))))
        monitor = Monitor()
        await fib.apply_plan(with_speaker)
        seen = [each for each in monitor.read(100)[0] if each.kind == RTM_DELROUTE]
        monitor.close()
        assert (ours(node), seen) == ([expected()], [])

    programmed(node, plan(), script)


def test_a_deleted_route_is_repaired_and_a_deleted_device_comes_back_with_it(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        node.ip("route", "del", NETWORKS[4].block)
        await fib.resync()
        assert (ours(node), fib.status().repairs) == ([expected()], 1)
        node.ip("link", "del", "vxlan.calico")
        await fib.resync()
        assert ours(node) == [expected()]

    programmed(node, plan(), script)


def test_without_a_device_it_is_unresolved_with_the_reason(node: Namespace) -> None:
    node.ip("link", "add", "vxlan.calico", "type", "bridge")

    async def script(fib: RouteProgrammer) -> None:
        assert ours(node) == []
        assert fib.status().unresolved == (
            RouteFailure("10.244.2.0/26", "next hop 10.244.2.1: the tunnel device does not exist"),
        )

    programmed(node, plan(), script)


def test_a_block_over_the_nodes_own_network_is_not_programmed(node: Namespace) -> None:
    base = plan()
    over = replace(base, tunnel_routes=(replace(base.tunnel_routes[0], prefix="10.0.0.128/26"),))

    async def script(fib: RouteProgrammer) -> None:
        assert node.routes() == []
        (refused,) = fib.status().unsafe_own
        assert refused.reason == (
            "not programmed: it is inside this node's own network 10.0.0.0/24; "
            "bgpctl.io/allow-underlay-routes allows it"
        )
        await fib.apply_plan(replace(over, allow_underlay_routes=("10.0.0.0/24",)))
        assert [line.split()[0] for line in node.routes()] == ["10.0.0.128/26"]

    programmed(node, over, script)


def test_flush_removes_it(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.flush()
        assert node.routes() == []

    programmed(node, plan(), script)


def test_five_thousand_of_them_are_there_in_seconds_and_cost_later_changes_nothing(node: Namespace) -> None:
    base = plan()
    gateway = base.tunnel_routes[0].gateway
    many = tuple(TunnelRoute(f"10.{64 + n // 1024}.{n // 4 % 256}.{n % 4 * 64}/26", gateway, "w1") for n in range(5000))
    kernel = replace(base, tunnel_routes=many)

    async def script(fib: RouteProgrammer) -> None:
        assert (fib.status().installed, fib.status().failed) == (5000, ())
        before = fib.status().batches
        await fib.apply_update(update(learned("20.0.0.0/24", via=("10.0.0.7",))))
        assert sum(fib.status().batches.counts) - sum(before.counts) == 1
        await fib.apply_plan(replace(base, tunnel_routes=()))
        assert (fib.status().installed, node.routes("proto", "179", "dev", "vxlan.calico")) == (1, [])

    programmed(node, kernel, script)
