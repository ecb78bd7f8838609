"""What the FIB refuses to program: what would take the way to this node's own network, its peers and its next hops."""

from __future__ import annotations

import msgspec
import pytest
from fib_makers import ETH0, ETH1, STATIC, at, learned, leg, paths, put, route, underlay, update
from fib_namespaces import Namespace

from bgpctl.fib.core.desired import DesiredRoutes
from bgpctl.fib.core.reconciler import Reconciler
from bgpctl.fib.kernel.kernel_view import KernelView
from bgpctl.fib.programmer import RouteProgrammer
from reflector.addresses import pack_address
from reflector.kernel.link import LinkAddress
from reflector.plan import HostRoute, KernelPlan, KernelRule, KernelVerdict

PLAN = KernelPlan(local_subnets=("10.0.0.0/24", "fd00::/64"))
PEER, FAR_PEER, PEER_6, FAR_PEER_6 = "10.0.0.2", "10.1.0.2", "fd00::2", "fd01::2"
PEERS = (PEER, FAR_PEER, PEER_6, FAR_PEER_6)
# eth0's connected networks, and a way out of them.
DEFAULTS = (
    route("0.0.0.0/0", leg("10.0.0.254"), metric=0, protocol=STATIC),
    route("::/0", leg("fd00::fe"), metric=1024, protocol=STATIC),
)
ALLOWS = "; bgpctl.io/allow-underlay-routes allows it"


def desired(plan: KernelPlan = PLAN, peers: tuple[str, ...] = PEERS) -> DesiredRoutes:
    return DesiredRoutes(plan, underlay(*DEFAULTS), peers)


def refusal(prefix: str, plan: KernelPlan = PLAN, peers: tuple[str, ...] = PEERS) -> str:
    wish = desired(plan, peers).bgp(at(prefix), paths("fd00::9" if ":" in prefix else "10.0.0.9"))
    assert bool(wish.routes) != bool(wish.refusal)
    return wish.refusal


def blackhole_refusal(block: str, plan: KernelPlan = PLAN, peers: tuple[str, ...] = PEERS) -> str:
    (wish,) = desired(msgspec.structs.replace(plan, blackholes=(block,)), peers).own().values()
    assert bool(wish.routes) != bool(wish.refusal)
    return wish.refusal


# ------------------------------------------------------------------------------------------- BGP routes


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("10.0.0.0/24", "it is this node's own network"),
        ("10.0.0.0/25", "it is inside this node's own network 10.0.0.0/24"),
        ("10.0.0.77/32", "it is inside this node's own network 10.0.0.0/24"),
        ("10.0.0.1/32", "it is inside this node's own network 10.0.0.0/24"),
        (f"{PEER}/32", "it is inside this node's own network 10.0.0.0/24"),
        (f"{FAR_PEER}/32", "it is the address of a peer"),
        ("fd00::/64", "it is this node's own network"),
        ("fd00::/65", "it is inside this node's own network fd00::/64"),
        ("fd00::77/128", "it is inside this node's own network fd00::/64"),
        (f"{FAR_PEER_6}/128", "it is the address of a peer"),
    ],
)
def test_a_route_that_would_take_the_underlays_place_is_refused(prefix: str, reason: str) -> None:
    assert refusal(prefix) == f"not programmed: {reason}{ALLOWS}"


@pytest.mark.parametrize(
    "prefix",
    [
        *("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/23", "10.0.1.0/24", "10.1.0.0/24", "10.1.0.3/32", "192.168.1.0/26"),
        *("::/0", "fd00::/8", "fd00:0:0:1::/64", "fd01::/64", "fd01::3/128"),
    ],
)
def test_any_other_route_is_programmed(prefix: str) -> None:
    """A less specific one loses to the connected network, and a network with peers in it is how racks learn of each
    other."""
    assert refusal(prefix) == ""


@pytest.mark.parametrize("prefix", ["10.0.0.0/24", "10.0.0.64/26", f"{FAR_PEER}/32", f"{FAR_PEER_6}/128"])
def test_what_is_allowed_is_programmed(prefix: str) -> None:
    allowed = msgspec.structs.replace(PLAN, allow_underlay_routes=("10.0.0.0/24", "10.1.0.0/16", "fd01::/64"))
    assert refusal(prefix, allowed) == ""


def test_only_what_is_inside_is_allowed() -> None:
    allowed = msgspec.structs.replace(PLAN, allow_underlay_routes=("10.0.0.128/25",))
    assert refusal("10.0.0.192/26", allowed) == ""
    assert refusal("10.0.0.0/24", allowed)
    assert refusal("10.0.0.64/26", allowed)


def test_a_node_address_without_a_length_has_the_network_of_its_interface() -> None:
    plan = KernelPlan(local_subnets=("10.0.0.1/32", "fd00::1/128"))
    own = "it is inside this node's own network"
    assert refusal("10.0.0.64/26", plan) == f"not programmed: {own} 10.0.0.0/24{ALLOWS}"
    assert refusal("fd00::64/126", plan) == f"not programmed: {own} fd00::/64{ALLOWS}"


def test_every_network_that_a_peer_is_on_is_the_nodes_own() -> None:
    """A node has sessions on two networks, and the Node names one of them."""
    under = underlay(*DEFAULTS)
    under.table.put_address(LinkAddress(ETH1, pack_address("10.9.0.5"), 24))
    own = "it is inside this node's own network 10.9.0.0/24"
    refused = DesiredRoutes(PLAN, under, ("10.9.0.1",)).bgp(at("10.9.0.0/25"), paths("10.0.0.9"))
    assert refused.refusal == f"not programmed: {own}{ALLOWS}"
    assert DesiredRoutes(PLAN, under, ("10.0.0.2",)).bgp(at("10.9.0.0/25"), paths("10.0.0.9")).routes


def test_what_felix_programs_is_not_judged() -> None:
    plan = msgspec.structs.replace(PLAN, rules=(KernelRule("10.0.0.0/8", KernelVerdict.LEAVE),))
    assert desired(plan).bgp(at("10.0.0.64/26"), paths("10.0.0.9")) == ((), "", "")


# ------------------------------------------------------------------------------------------- blackholes


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("10.0.0.0/24", "a blackhole; it is this node's own network"),
        ("10.0.0.64/26", "a blackhole; it is inside this node's own network 10.0.0.0/24"),
        ("10.1.0.0/26", f"it would drop all packets to {FAR_PEER}, a peer of this node"),
        ("10.1.0.0/16", f"it would drop all packets to {FAR_PEER}, a peer of this node"),
        ("fd00::40/122", "a blackhole; it is inside this node's own network fd00::/64"),
        ("fd01::/122", f"it would drop all packets to {FAR_PEER_6}, a peer of this node"),
    ],
)
def test_a_blackhole_that_would_drop_what_the_node_lives_on_is_refused(block: str, reason: str) -> None:
    assert blackhole_refusal(block) == f"not programmed: {reason}{ALLOWS}"


@pytest.mark.parametrize("block", ["192.168.1.0/26", "10.1.0.64/26", "10.0.0.0/16", "fd64::/122", "fd00::/48"])
def test_any_other_blackhole_is_programmed(block: str) -> None:
    """Around the connected network, too: that is more specific."""
    assert blackhole_refusal(block) == ""


def test_a_blackhole_around_a_peer_is_programmed_while_the_kernel_has_a_longer_route_to_it() -> None:
    plan = msgspec.structs.replace(PLAN, blackholes=("10.1.0.0/26",))
    under = underlay(*DEFAULTS)
    routes = DesiredRoutes(plan, under, PEERS)
    assert routes.own()[at("10.1.0.0/26")].refusal
    put(under, route(f"{FAR_PEER}/32", leg(ifindex=ETH0), protocol=STATIC))
    assert routes.own()[at("10.1.0.0/26")].routes


def test_an_allowed_blackhole_is_programmed() -> None:
    allowed = msgspec.structs.replace(PLAN, allow_underlay_routes=("10.0.0.0/8",))
    assert blackhole_refusal("10.0.0.64/26", allowed) == ""
    assert blackhole_refusal("10.1.0.0/26", allowed) == ""


def test_a_host_route_of_the_plan_is_meant_for_a_peer() -> None:
    plan = msgspec.structs.replace(PLAN, host_routes=(HostRoute(FAR_PEER, "10.0.0.254"),))
    (wish,) = desired(plan).own().values()
    assert (len(wish.routes), wish.refusal) == (1, "")


# ------------------------------------------------------------------------------------------- next hops


class Fib:
    """A reconciler, without a kernel that carries anything out."""

    def __init__(self, plan: KernelPlan = PLAN, peers: tuple[str, ...] = ()) -> None:
        self.state = Reconciler(plan, peers)
        view = KernelView()
        view.underlay = underlay(*DEFAULTS)
        self.state.observation.observe_all(view)

    def learn(self, prefix: str, via: str) -> None:
        self.state.announce([at(prefix)], paths(via))

    def wanted(self, prefix: str) -> bool:
        self.state.refresh()
        while self.state.work:
            self.state.comparison.next_changes(10)
        return bool(self.state.desired.at(at(prefix)))

    def unsafe(self) -> list[str]:
        failures = self.state.failures
        return [each.prefix for each in (*failures.unsafe_own(), *failures.unsafe_routes())]


def test_a_host_route_to_a_next_hop_is_taken_back_when_it_becomes_one() -> None:
    fib = Fib()
    fib.learn("10.1.0.9/32", via="10.0.0.3")
    assert fib.wanted("10.1.0.9/32")
    fib.learn("192.168.9.0/26", via="10.1.0.9")
    assert fib.wanted("192.168.9.0/26")
    assert not fib.wanted("10.1.0.9/32")
    assert fib.unsafe() == ["10.1.0.9/32"]


def test_a_blackhole_around_a_next_hop_is_taken_back_when_it_becomes_one() -> None:
    fib = Fib(msgspec.structs.replace(PLAN, blackholes=("10.1.0.0/26",)))
    assert fib.wanted("10.1.0.0/26")
    fib.learn("192.168.9.0/26", via="10.1.0.9")
    assert fib.wanted("192.168.9.0/26")
    assert not fib.wanted("10.1.0.0/26")
    assert fib.unsafe() == ["10.1.0.0/26"]


def test_what_was_refused_is_forgotten_with_its_reason() -> None:
    fib = Fib()
    fib.learn("10.0.0.64/26", via="10.0.0.3")
    assert not fib.wanted("10.0.0.64/26")
    assert fib.unsafe() == ["10.0.0.64/26"]
    fib.state.withdraw([at("10.0.0.64/26")])
    assert not fib.wanted("10.0.0.64/26")
    assert fib.unsafe() == []


def test_other_peers_and_another_plan_are_judged_anew() -> None:
    fib = Fib(msgspec.structs.replace(PLAN, blackholes=("10.1.0.0/26",)))
    assert fib.wanted("10.1.0.0/26")
    fib.state.apply_plan(fib.state.desired.plan, (FAR_PEER,))
    assert not fib.wanted("10.1.0.0/26")
    fib.state.apply_plan(msgspec.structs.replace(fib.state.desired.plan, allow_underlay_routes=("10.1.0.0/16",)), PEERS)
    assert fib.wanted("10.1.0.0/26")
    assert fib.unsafe() == []


def test_the_network_of_an_own_address_counts_as_soon_as_the_interface_has_it() -> None:
    fib = Fib(KernelPlan(local_subnets=("10.7.0.1/32",)))
    fib.learn("10.7.0.64/26", via="10.0.0.3")
    assert fib.wanted("10.7.0.64/26")
    fib.state.observation.observe_address(LinkAddress(ETH0, pack_address("10.7.0.1"), 24), came=True)
    assert not fib.wanted("10.7.0.64/26")


# ------------------------------------------------------------------------------------------- the kernel


@pytest.mark.netns
def test_the_kernel_keeps_its_way_to_the_peers(node: Namespace) -> None:
    """A block over the nodes' own network, a peer that announces hosts and halves of it, and what is allowed."""
    plan = msgspec.structs.replace(PLAN, blackholes=("10.0.0.0/26", "192.168.1.0/26"))
    node.ip("route", "add", "default", "via", "10.0.0.254", "dev", "eth0")

    async def script() -> None:
        fib = await RouteProgrammer.open(plan, PEERS)
        try:
            four = ("10.0.0.2/32", "10.0.0.0/25", f"{FAR_PEER}/32", "10.1.0.0/24")
            six = ("fd00::2/128", f"{FAR_PEER_6}/128", "fd01::/64")
            await fib.apply_update(update(learned(*four, via=("10.0.0.9",)), learned(*six, via=("fd00::9",))))
            programmed = {line.split()[1 if "blackhole" in line else 0] for line in node.routes()}
            assert programmed == {"192.168.1.0/26", "10.1.0.0/24", "fd01::/64"}
            for peer in (PEER, "10.0.0.254"):
                assert "dev eth0" in node.ip("route", "get", peer)
            status = fib.status()
            assert [each.prefix for each in status.unsafe_own] == ["10.0.0.0/26"]
            assert {each.prefix for each in status.unsafe} == {*four[:3], *six[:2]}
            assert status.desired == status.installed == 3
            await fib.apply_plan(msgspec.structs.replace(plan, allow_underlay_routes=("10.0.0.0/8", "fd00::/8")), PEERS)
            assert fib.status().unsafe == fib.status().unsafe_own == ()
            assert fib.status().installed == 9
        finally:
            await fib.close()

    node.run(script)
