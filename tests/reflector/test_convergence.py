"""Networks of engines: any topology converges to the same routes whatever the order of events, and nothing loops.

MULTI_EXIT_DISC is left out on purpose: with it RFC 3345 describes networks that do not converge whoever speaks BGP.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speaker_network import LinkSpec, Network, RouterSpec, Topology

from reflector.addresses import pack_address, unpack_address
from reflector.inbound.graceful_restart import STALE_TIME
from reflector.inbound.selection_deferral import DEFERRAL_TIME
from reflector.session.ending import Ending

pytestmark = pytest.mark.slow

PREFIXES = ("10.1.0.0/26", "10.2.0.0/26", "10.3.0.0/26")
MESSAGES = 20_000
Make = Callable[[Topology, int], Network]
LONG_LIVED = 600
# The start's deferral, the longest restart time, what a peer that is back may take, and what is long-lived after that.
ALL_TIMERS = (DEFERRAL_TIME, 120.0, STALE_TIME, LONG_LIVED, STALE_TIME)


def routers(count: int, asn: int = 64512) -> tuple[RouterSpec, ...]:
    return tuple(RouterSpec(f"r{number}", f"10.0.0.{number}", asn) for number in range(1, count + 1))


def reflects(reflector: str, *clients: str) -> tuple[LinkSpec, ...]:
    return tuple(LinkSpec(reflector, client, frozenset((client,))) for client in clients)


def in_clusters(specs: tuple[RouterSpec, ...], **cluster_ids: str) -> tuple[RouterSpec, ...]:
    return tuple(spec._replace(cluster_id=cluster_ids.get(spec.name, "")) for spec in specs)


def started(
    topology: Topology,
    originations: dict[str, tuple[str, ...]],
    seed: int = 0,
    lost: frozenset[int] = frozenset(),
    make: Make = Network,
) -> Any:
    """All links up but for the lost ones, these originations, everything sent."""
    network = make(topology, seed)
    for number, link in enumerate(topology.links):
        if number not in lost:
            network.link_up(link)
    for name, prefixes in originations.items():
        network.originate(name, prefixes)
    network.settle(MESSAGES)
    return network


def assert_everyone_was_told_what_export_says(network: Network) -> None:
    """The Adj-RIB-In of each router is the Adj-RIB-Out of its peer, through all encodings."""
    for sender, receiver in network.wires:
        advertised = network.adj_rib_out(sender, receiver)
        assert network.adj_rib_in(receiver, sender) == advertised, (sender, receiver)


def assert_attributes_are_right(network: Network) -> None:
    """RFC 4456 8, RFC 4271 5.1: of every route that anybody has heard."""
    addresses = {pack_address(router.address): router for router in network.topology.routers}
    for sender, receiver in network.wires:
        me, other = network.routers[receiver], network.routers[sender]
        for attributes in network.adj_rib_in(receiver, sender).values():
            asns = [asn for _, members in attributes.as_path for asn in members]
            assert len(set(asns)) == len(asns), "an AS stands in the path once"
            assert len(set(attributes.cluster_list)) == len(attributes.cluster_list), "a cluster reflects a route once"
            if me.asn != other.asn:
                assert (attributes.next_hop, asns[0]) == (pack_address(other.address), other.asn)
                assert (attributes.originator_id, attributes.cluster_list) == (b"", ())
                continue
            assert bool(attributes.originator_id) is bool(attributes.cluster_list)
            entered_at = addresses[attributes.originator_id or pack_address(other.address)]
            assert entered_at.asn == me.asn
            if not asns:
                assert attributes.next_hop == pack_address(entered_at.address)
            else:
                assert addresses[attributes.next_hop].asn == asns[0]


def assert_silent(network: Network) -> None:
    """No route is left anywhere, and nothing waits to be sent."""
    for name, engine in network.engines.items():
        assert network.loc_rib(name) == {}
        assert engine.ribs[4].table == {}
        for peer in engine.peers.values():
            assert all(not rib.routes for rib in peer.adj_rib_in.values())
            assert (peer.best, peer.outbox.is_empty) == (0, True)
            assert peer.group is None or peer.group.encoder.advertised[4] == 0


# ------------------------------------------------------------------------------ named topologies

FOUR = routers(4)
MESH = Topology(FOUR, tuple(LinkSpec(a.name, b.name) for a, b in combinations(FOUR, 2)))
REFLECTOR = Topology(FOUR, reflects("r1", "r2", "r3", "r4"))
SAME_CLUSTER = Topology(
    in_clusters(FOUR, r1="224.0.0.1", r2="224.0.0.1"),
    (LinkSpec("r1", "r2"), *reflects("r1", "r3", "r4"), *reflects("r2", "r3", "r4")),
)
OTHER_CLUSTER = SAME_CLUSTER._replace(routers=in_clusters(FOUR, r1="224.0.0.1", r2="224.0.0.2"))
FIVE = routers(5)
HIERARCHY = Topology(FIVE, (*reflects("r1", "r2", "r3"), *reflects("r2", "r4"), *reflects("r3", "r5")))
EAST, WEST = "224.0.1.1", "224.0.1.2"
# Two reflectors at the top serve the reflectors below in a cluster each, those their leaves in their own.
TWO_LEVELS = Topology(
    routers(7),
    (
        LinkSpec("r1", "r2"),
        *(
            LinkSpec(top, middle, frozenset((middle,)), cluster_id=cluster)
            for top in ("r1", "r2")
            for middle, cluster in (("r3", EAST), ("r4", WEST))
        ),
        *reflects("r3", "r5", "r6"),
        *reflects("r4", "r7"),
    ),
)
REFLECTING_EACH_OTHER = Topology(
    routers(3), tuple(LinkSpec(f"r{a}", f"r{b}", frozenset((f"r{a}", f"r{b}"))) for a, b in ((1, 2), (2, 3), (1, 3)))
)
CONNECTED = {
    "full mesh": MESH,
    "one reflector": REFLECTOR,
    "two reflectors of one cluster": SAME_CLUSTER,
    "two reflectors of two clusters": OTHER_CLUSTER,
    "reflectors of reflectors": HIERARCHY,
    "reflectors of reflectors in two clusters": TWO_LEVELS,
    "all reflect each other": REFLECTING_EACH_OTHER,
}


@pytest.mark.parametrize("topology", CONNECTED.values(), ids=CONNECTED)
@pytest.mark.parametrize("seed", range(5))
def test_everyone_gets_everyones_routes(topology: Topology, seed: int) -> None:
    own = {router.name: (f"10.{number}.0.0/26",) for number, router in enumerate(topology.routers)}
    network = started(topology, own, seed)
    for name in own:
        known = network.loc_rib(name)
        assert sorted(known) == sorted(prefix for prefixes in own.values() for prefix in prefixes)
        hops = {prefix: attributes.next_hop for prefix, (peer, attributes) in known.items() if peer and attributes}
        expected = {own[router.name][0]: pack_address(router.address) for router in topology.routers}
        assert hops == {prefix: hop for prefix, hop in expected.items() if prefix not in own[name]}
    assert_everyone_was_told_what_export_says(network)
    assert_attributes_are_right(network)


def test_the_cluster_list_is_the_way_through_the_hierarchy() -> None:
    network = started(HIERARCHY, {"r4": PREFIXES[:1]})
    _, attributes = network.loc_rib("r5")[PREFIXES[0]]
    assert attributes is not None
    assert [unpack_address(cluster) for cluster in attributes.cluster_list] == ["10.0.0.3", "10.0.0.1", "10.0.0.2"]
    assert attributes.originator_id == pack_address("10.0.0.4")


def test_the_way_through_several_clusters_of_one_reflector() -> None:
    """RFC 4456 7: the reflectors at the top serve the same two clusters, so neither takes the other's copy."""
    network = started(TWO_LEVELS, {"r5": PREFIXES[:1]})
    _, attributes = network.loc_rib("r7")[PREFIXES[0]]
    assert attributes is not None
    assert [unpack_address(cluster) for cluster in attributes.cluster_list] == ["10.0.0.4", WEST, EAST, "10.0.0.3"]
    nlri = next(iter(network.engines["r1"].ribs[4].table))
    assert [path.sender.name for path in network.engines["r1"].ribs[4].candidates(nlri) if path.sender] == ["r3"]
    assert len(network.engines["r4"].ribs[4].candidates(nlri)) == 2


def test_a_reflector_of_the_same_cluster_drops_what_the_other_reflected() -> None:
    network = started(SAME_CLUSTER, {"r3": PREFIXES[:1]})
    assert len(network.engines["r1"].ribs[4].candidates(next(iter(network.engines["r1"].ribs[4].table)))) == 1
    network = started(OTHER_CLUSTER, {"r3": PREFIXES[:1]})
    assert len(network.engines["r1"].ribs[4].candidates(next(iter(network.engines["r1"].ribs[4].table)))) == 2


def test_one_of_two_reflectors_is_enough() -> None:
    network = started(OTHER_CLUSTER, {"r3": PREFIXES})
    for link in OTHER_CLUSTER.links:
        if link.a == "r1":
            network.link_down(link)
    network.settle(MESSAGES)
    assert {peer for peer, _ in network.loc_rib("r4").values()} == {"r2"}
    assert set(network.loc_rib("r4")) == set(PREFIXES)


# ------------------------------------------------------------------------------- any topology


RESTARTS = st.fixed_dictionaries(
    {
        "restart_time": st.sampled_from((None, 0, 60, 120)),
        "long_lived": st.sampled_from((0, 0, LONG_LIVED)),
        "notification": st.booleans(),
    }
)


@st.composite
def topologies(draw: st.DrawFn, limits: tuple[int, ...] = (1,), *, restarts: bool = False) -> Topology:
    """2 to 6 routers in up to three ASes, any links, any reflection, any way of encoding; any graceful restart."""
    count = draw(st.integers(2, 6))
    specs = tuple(
        spec._replace(
            asn=draw(st.sampled_from((64512, 64512, 64512, 65001, 4200000001))),
            cluster_id=draw(st.sampled_from(("", "", "224.0.0.1", "224.0.0.2"))),
        )
        for spec in routers(count)
    )
    links = []
    for a, b in combinations(specs, 2):
        if draw(st.integers(0, 3)) == 0:
            continue
        choices = (frozenset(), frozenset((a.name,)), frozenset((b.name,)), frozenset((a.name, b.name)))
        clients = draw(st.sampled_from(choices if a.asn == b.asn else choices[:1]))
        wide, add_path = draw(st.booleans()), draw(st.booleans())
        length, limit = draw(st.sampled_from((4096, 65535))), draw(st.sampled_from(limits))
        cluster_id = draw(st.sampled_from(("", "", "224.0.0.1", "224.0.0.3")))
        link = LinkSpec(a.name, b.name, clients, wide, add_path, length, limit, cluster_id)
        links.append(link._replace(**draw(RESTARTS)) if restarts else link)
    return Topology(specs, tuple(links))


@st.composite
def histories(
    draw: st.DrawFn, limits: tuple[int, ...] = (1,)
) -> tuple[Topology, list[tuple[str, int, frozenset[str]]]]:
    """A topology, and what happens in it: links that come and go, routers that change what they originate."""
    event = st.tuples(
        st.sampled_from(("up", "up", "down", "originate", "originate", "steps")),
        st.integers(0, 100),
        st.frozensets(st.sampled_from(PREFIXES), max_size=3),
    )
    return draw(topologies(limits)), draw(st.lists(event, max_size=15))


def live_through(
    topology: Topology,
    history: list[tuple[str, int, frozenset[str]]],
    seed: int,
    make: Make = Network,
) -> Any:
    """The history with the adversary's steps between its events; at its end every link is up and all is sent."""
    network = make(topology, seed)
    for what, number, prefixes in history:
        if what == "originate":
            network.originate(topology.routers[number % len(topology.routers)].name, prefixes)
        elif what == "steps":
            for _ in range(number):
                network.step()
        elif topology.links:
            link = topology.links[number % len(topology.links)]
            (network.link_up if what == "up" else network.link_down)(link)
        for _ in range(number % 7):
            network.step()
    for link in topology.links:
        if (link.a, link.b) not in network.wires:
            network.link_up(link)
    network.settle(MESSAGES)
    return network


@settings(max_examples=250, deadline=None)
@given(histories(), st.integers(0, 2**32), st.integers(0, 2**32))
def test_any_history_ends_where_a_fresh_start_ends(given_history: tuple, seed: int, other_seed: int) -> None:
    topology, history = given_history
    network = live_through(topology, history, seed)
    reference = started(topology, {name: tuple(own) for name, own in network.originations.items()}, other_seed)
    for name in network.engines:
        assert network.loc_rib(name) == reference.loc_rib(name)
    assert_everyone_was_told_what_export_says(network)
    assert_attributes_are_right(network)


@settings(max_examples=150, deadline=None)
@given(histories(limits=(0, 1, 2)), st.integers(0, 2**32))
def test_with_several_paths_everyone_has_what_export_says(given_history: tuple, seed: int) -> None:
    """RFC 7911. Paths of one peer that differ in nothing but their identifier are distinguished by it, and it depends
    on who came first: so there is no one state to end in."""
    topology, history = given_history
    network = live_through(topology, history, seed)
    assert_everyone_was_told_what_export_says(network)
    assert_attributes_are_right(network)


@settings(max_examples=150, deadline=None)
@given(histories(limits=(0, 1, 2)), st.integers(0, 2**32))
def test_when_all_is_withdrawn_nothing_is_left(given_history: tuple, seed: int) -> None:
    topology, history = given_history
    network = live_through(topology, history, seed)
    for name in network.engines:
        network.originate(name, ())
    network.settle(MESSAGES)
    assert_silent(network)


@settings(max_examples=100, deadline=None)
@given(topologies(), st.integers(0, 2**32))
def test_one_route_costs_each_direction_of_a_link_few_messages(topology: Topology, seed: int) -> None:
    """No reflection loop: with n routers a route improves at most so often on its way through each link."""
    network = Network(topology, seed)
    for link in topology.links:
        network.link_up(link)
    network.settle(MESSAGES)
    before = network.delivered
    network.originate("r1", PREFIXES[:1])
    network.settle(MESSAGES)
    assert network.delivered - before <= 2 * len(network.wires) * len(topology.routers)


# ------------------------------------------------------------------------------------------- restarts


@st.composite
def restart_histories(draw: st.DrawFn) -> tuple[Topology, list[tuple[str, int, frozenset[str]]], frozenset[int]]:
    """A topology whose links restart gracefully or not, what happens in it, and which links are lost at its end."""
    event = st.tuples(
        st.sampled_from(
            ("up", "up", "lost", "lost", "half", "notified", "down", "originate", "originate", "time", "steps")
        ),
        st.integers(0, 100),
        st.frozensets(st.sampled_from(PREFIXES), max_size=3),
    )
    lost = st.frozensets(st.integers(0, 15), max_size=3)
    return draw(topologies(restarts=True)), draw(st.lists(event, max_size=20)), draw(lost)


def restart_through(
    topology: Topology,
    history: list[tuple[str, int, frozenset[str]]],
    lost: frozenset[int],
    seed: int,
    make: Make = Network,
) -> Any:
    """Everybody has a route and has heard of all; then the history; then these links are lost and never come back, all
    others are up, and every timer is over."""
    own = {router.name: PREFIXES[number % 3 : number % 3 + 1] for number, router in enumerate(topology.routers)}
    network = started(topology, own, seed, make=make)
    happens = {
        "up": network.link_up,
        "lost": lambda link: network.link_down(link, Ending.LOST),
        "half": lambda link: network.half_down(link, Ending.LOST),
        "notified": lambda link: network.link_down(link, Ending.NOTIFICATION),
        "down": network.link_down,
    }
    for what, number, prefixes in history:
        if what == "originate":
            network.originate(topology.routers[number % len(topology.routers)].name, prefixes)
        elif what == "time":
            network.pass_time(2.0 * number)
        elif what in happens and topology.links:
            happens[what](topology.links[number % len(topology.links)])
        for _ in range(number if what == "steps" else number % 7):
            network.step()
    for number, link in enumerate(topology.links):
        if number in lost:
            network.link_down(link, Ending.LOST)
        elif (link.a, link.b) not in network.wires:
            network.link_up(link)
    network.settle(MESSAGES)
    for seconds in ALL_TIMERS:
        network.pass_time(seconds)
        network.settle(MESSAGES)
    return network


@settings(max_examples=250, deadline=None)
@given(restart_histories(), st.integers(0, 2**32), st.integers(0, 2**32))
def test_any_restarts_end_where_a_fresh_start_ends(given_history: tuple, seed: int, other_seed: int) -> None:
    """RFC 4724, RFC 8538, RFC 9494: what is stale is used for a while, and leaves no trace."""
    topology, history, lost = given_history
    network = restart_through(topology, history, lost, seed)
    own = {name: tuple(prefixes) for name, prefixes in network.originations.items()}
    reference = started(topology, own, other_seed, lost)
    for name in network.engines:
        assert network.loc_rib(name) == reference.loc_rib(name)
    assert_everyone_was_told_what_export_says(network)
    assert_attributes_are_right(network)


@settings(max_examples=150, deadline=None)
@given(restart_histories(), st.integers(0, 2**32))
def test_no_route_outlives_its_withdrawal_once_the_timers_are_over(given_history: tuple, seed: int) -> None:
    """Also where a router could not hear of the withdrawal, because its link was lost by then."""
    topology, history, lost = given_history
    network = restart_through(topology, history, frozenset(), seed)
    for number, link in enumerate(topology.links):
        if number in lost:
            network.link_down(link, Ending.LOST)
    for name in network.engines:
        network.originate(name, ())
    network.settle(MESSAGES)
    for seconds in ALL_TIMERS:
        network.pass_time(seconds)
        network.settle(MESSAGES)
    assert_silent(network)


@settings(max_examples=100, deadline=None)
@given(restart_histories(), st.integers(0, 2**32))
def test_what_is_stale_is_sent_to_everyone_as_export_says(given_history: tuple, seed: int) -> None:
    """RFC 9494 4.3 and 4.6: also in the middle of it, when links are away and routes are long-lived stale."""
    topology, history, lost = given_history
    network = restart_through(topology, history, frozenset(), seed)
    for number, link in enumerate(topology.links):
        if number in lost:
            network.link_down(link, Ending.LOST)
    network.pass_time(125)
    network.settle(MESSAGES)
    assert_everyone_was_told_what_export_says(network)
