"""The kernel's routes as next hops are looked up in them: RFC 4271 9.1.2.1, the kernel's own rules of precedence."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflector.addresses import pack_address
from reflector.kernel.interfaces import ALL_INTERFACES, DOWN, NO_CARRIER, UP
from reflector.kernel.link import LinkAddress
from reflector.kernel.lookup import Lookup
from reflector.kernel.netlink.route_message import RouteEvent
from reflector.kernel.prefix_table import Placement
from reflector.kernel.resolve import LINK_LOCAL, NO_ROUTE, OWN_ADDRESS, UNREACHABLE, Resolution, Unresolved
from reflector.kernel.route import BLACKHOLE, UNICAST, Leg, RouteTerms, parse_prefix, prefix_of
from reflector.kernel.routing_table import RoutingTable

ETH0, ETH1 = 2, 3
KERNEL, STATIC = 2, 4


class Way(NamedTuple):
    """One way of a route that is made for a test."""

    metric: int
    legs: tuple[Leg, ...] = ()
    protocol: int = STATIC


CONNECTED = Way(0, (Leg(b"", ETH0),), KERNEL)


def via(gateway: str, metric: int = 0, interface: int = ETH0) -> Way:
    return Way(metric, (Leg(pack_address(gateway), interface),))


def on_link(metric: int = 0, interface: int = ETH0) -> Way:
    return Way(metric, (Leg(b"", interface),))


def blackhole(metric: int = 0) -> Way:
    return Way(metric)


def a_route(prefix: str, *ways: Way, replaces: bool = False) -> RouteEvent:
    """One route; several ways are a multipath."""
    family, nlri = parse_prefix(prefix)
    legs = tuple(sorted(leg for way in ways for leg in way.legs))
    terms = RouteTerms(family, ways[0].metric, ways[0].protocol, legs, UNICAST if legs else BLACKHOLE)
    return RouteEvent(nlri, terms, True, Placement.REPLACE if replaces else Placement.BEHIND)


def put(table: RoutingTable, route: RouteEvent) -> None:
    table.routes.put(route.nlri, route.terms, route.placement)


def remove(table: RoutingTable, route: RouteEvent) -> None:
    table.routes.remove(route.nlri, route.terms)


def a_table(*routes: RouteEvent) -> RoutingTable:
    table = RoutingTable()
    for route in routes:
        put(table, route)
    return table


def link_down(table: RoutingTable, interface: int) -> None:
    table.observe_interface(interface, DOWN)


def resolve(table: RoutingTable, address: str) -> Resolution:
    return table.resolve(Lookup(pack_address(address)))


def resolved(cost: int, *ways: Way) -> Resolution:
    return Resolution(None, cost, tuple(sorted(leg for way in ways for leg in way.legs)))


# ----------------------------------------------------------------------------------------- which route


def test_the_longest_prefix_decides() -> None:
    table = a_table(
        a_route("10.0.0.0/8", via("10.9.9.9", 7, ETH1)),
        a_route("10.1.0.0/16", via("10.9.9.9", 100)),
        a_route("10.1.2.0/24", via("10.9.9.9", 1, ETH1)),
    )
    assert resolve(table, "10.1.9.1") == resolved(100, via("10.9.9.9"))


def test_an_address_that_no_prefix_covers_is_unresolvable() -> None:
    assert resolve(a_table(a_route("10.0.0.0/8", CONNECTED)), "192.0.2.1") == NO_ROUTE


def test_a_default_route_resolves_at_its_metric() -> None:
    """As in BIRD; RFC 4271 9.1.2.1 asks for a route, not for which."""
    assert resolve(a_table(a_route("0.0.0.0/0", via("10.0.0.1", 300))), "192.0.2.1") == resolved(300, via("10.0.0.1"))
    assert resolve(a_table(a_route("::/0", via("fe80::1", 1024))), "fd00::9").cost == 1024


def test_the_families_are_two_tables() -> None:
    assert resolve(a_table(a_route("0.0.0.0/0", CONNECTED)), "fd00::1") == NO_ROUTE
    assert resolve(a_table(a_route("::/0", CONNECTED)), "10.0.0.1") == NO_ROUTE


def test_of_several_metrics_the_lowest_is_the_cost() -> None:
    """RFC 4271 9.1.2.2 e."""
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.2", 50)), a_route("10.1.0.0/16", via("10.0.0.1", 20, ETH1)))
    assert resolve(table, "10.1.0.1") == resolved(20, via("10.0.0.1", 20, ETH1))


def test_the_network_of_a_link_costs_nothing_whatever_its_metric() -> None:
    """IPv6 gives it 256, NetworkManager 100 and more."""
    assert resolve(a_table(a_route("fd00::/64", CONNECTED._replace(metric=256))), "fd00::9").cost == 0


def test_a_route_over_a_tunnel_device_counts_as_any_other() -> None:
    assert resolve(a_table(a_route("10.5.0.0/16", on_link(40, 9))), "10.5.0.1") == resolved(40, on_link(40, 9))


# --------------------------------------------------------------------------------------- no way through


def test_a_blackhole_is_no_way_even_though_a_shorter_prefix_is() -> None:
    table = a_table(a_route("0.0.0.0/0", via("10.0.0.1")), a_route("10.1.0.0/16", blackhole()))
    assert resolve(table, "10.1.0.1") == UNREACHABLE


def test_a_blackhole_of_a_higher_metric_is_not_asked_while_there_is_a_way() -> None:
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1", 10)), a_route("10.1.0.0/16", blackhole(9999)))
    assert resolve(table, "10.1.0.1").is_resolvable
    link_down(table, ETH0)
    assert resolve(table, "10.1.0.1") == UNREACHABLE


def test_a_route_over_a_link_that_is_down_gives_way_to_the_next_metric_then_to_a_shorter_prefix() -> None:
    table = a_table(
        a_route("0.0.0.0/0", via("10.0.9.1", 5, 9)),
        a_route("10.1.0.0/16", via("10.0.0.1", 10, ETH0)),
        a_route("10.1.0.0/16", via("10.0.1.1", 20, ETH1)),
    )
    link_down(table, ETH0)
    assert resolve(table, "10.1.0.1") == resolved(20, via("10.0.1.1", 20, ETH1))
    link_down(table, ETH1)
    assert resolve(table, "10.1.0.1") == resolved(5, via("10.0.9.1", 5, 9))


def test_a_multipath_route_lives_as_long_as_one_of_its_links() -> None:
    one, other = via("10.0.0.1", 3, ETH0), via("10.0.1.1", 3, ETH1)
    table = a_table(a_route("10.1.0.0/16", one, other))
    assert resolve(table, "10.1.0.1") == resolved(3, one, other)
    link_down(table, ETH0)
    assert resolve(table, "10.1.0.1") == resolved(3, other)
    link_down(table, ETH1)
    assert resolve(table, "10.1.0.1") == NO_ROUTE


# ------------------------------------------------------------------------------------------- changes


def test_a_route_that_replaces_takes_the_place_of_the_one_with_its_metric() -> None:
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1", 3)), a_route("10.1.0.0/16", via("10.0.0.1", 9)))
    put(table, a_route("10.1.0.0/16", blackhole(3), replaces=True))
    assert resolve(table, "10.1.0.1") == UNREACHABLE
    remove(table, a_route("10.1.0.0/16", blackhole(3)))
    assert resolve(table, "10.1.0.1").cost == 9


def test_a_way_that_is_appended_stands_beside_the_others_and_goes_alone() -> None:
    table = a_table(a_route("fd01::/64", via("fe80::1", 1024, ETH0)))
    put(table, a_route("fd01::/64", via("fe80::1", 1024, ETH0), via("fe80::2", 1024, ETH1)))
    remove(table, a_route("fd01::/64", via("fe80::1", 1024, ETH0)))
    assert resolve(table, "fd01::1") == resolved(1024, via("fe80::2", 1024, ETH1))


def test_two_links_with_the_same_network_are_two_routes() -> None:
    """IPv6 does not make one multipath route of them."""
    first, second = CONNECTED, CONNECTED._replace(legs=(Leg(b"", ETH1),))
    table = a_table(a_route("fd00::/64", first), a_route("fd00::/64", second))
    remove(table, a_route("fd00::/64", second))
    assert resolve(table, "fd00::9") == resolved(0, first)


def test_the_removal_of_what_is_not_there_changes_nothing() -> None:
    table = a_table(a_route("10.1.0.0/16", CONNECTED))
    remove(table, a_route("10.1.0.0/16", via("10.0.0.1")))
    remove(table, a_route("10.2.0.0/16", CONNECTED))
    remove(table, a_route("10.2.0.0/24", CONNECTED))
    assert resolve(table, "10.1.0.1").is_resolvable
    assert len(table.routes) == 1


def test_a_link_that_goes_down_takes_its_ipv4_routes_and_comes_back_without_them() -> None:
    """The kernel drops them and does not notify."""
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1")), a_route("fd01::/64", via("fe80::1", 1024)))
    link_down(table, ETH0)
    assert (resolve(table, "10.1.0.1"), resolve(table, "fd01::1")) == (NO_ROUTE, NO_ROUTE)
    assert not table.observe_interface(ETH0, UP)
    assert (resolve(table, "10.1.0.1"), resolve(table, "fd01::1").is_resolvable) == (NO_ROUTE, True)


def test_a_link_that_was_a_leg_of_a_multipath_asks_for_a_dump_when_it_comes_up() -> None:
    """The kernel takes the leg up again and does not notify."""
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1", 0, ETH0), via("10.0.1.1", 0, ETH1)))
    link_down(table, ETH0)
    assert table.observe_interface(ETH0, UP)
    assert not table.observe_interface(ETH0, NO_CARRIER)


def test_the_last_ipv4_address_of_a_link_takes_its_ipv4_routes() -> None:
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1")))
    first, second = LinkAddress(ETH0, b"\x0a\0\0\x01", 24), LinkAddress(ETH0, b"\x0a\0\0\x02", 24)
    table.put_address(first)
    table.put_address(second)
    assert not table.remove_address(first)
    assert resolve(table, "10.1.0.1").is_resolvable
    assert table.remove_address(second)
    assert resolve(table, "10.1.0.1") == NO_ROUTE


# ------------------------------------------------------------------------------------------ carriers

TWO_WAYS = (a_route("10.0.0.0/24", on_link(100, ETH0)), a_route("10.0.0.0/24", on_link(200, ETH1)))


def test_the_kernel_uses_a_link_without_carrier_so_the_next_hop_is_not_resolvable() -> None:
    """Whatever other route there is: the kernel does not take it."""
    table = a_table(*TWO_WAYS, a_route("0.0.0.0/0", via("10.9.9.9", 0, ETH1)))
    table.observe_interface(ETH0, NO_CARRIER)
    assert resolve(table, "10.0.0.7") == Resolution(Unresolved.NO_CARRIER, 100, on_link(100, ETH0).legs)


@pytest.mark.parametrize("where", [ETH0, ALL_INTERFACES])
def test_where_routes_with_linkdown_are_ignored_the_next_metric_is_asked(where: int) -> None:
    table = a_table(*TWO_WAYS)
    table.observe_interface(ETH0, NO_CARRIER)
    table.set_ignoring(4, where, ignores=True)
    assert resolve(table, "10.0.0.7") == resolved(200, on_link(200, ETH1))
    table.set_ignoring(4, where, ignores=False)
    assert resolve(table, "10.0.0.7").legs == on_link(100, ETH0).legs


def test_ipv6_ignores_by_the_link_alone() -> None:
    """`all` is copied to the links when it is set, and each is notified."""
    table = a_table(a_route("fd00::/64", on_link(100, ETH0)), a_route("fd00::/64", on_link(200, ETH1)))
    table.observe_interface(ETH0, NO_CARRIER)
    table.set_ignoring(6, ALL_INTERFACES, ignores=True)
    assert resolve(table, "fd00::7").reason is Unresolved.NO_CARRIER
    table.set_ignoring(6, ETH0, ignores=True)
    assert resolve(table, "fd00::7") == resolved(200, on_link(200, ETH1))


def test_a_multipath_with_one_carrier_resolves_over_all_its_legs() -> None:
    one, other = via("10.0.0.1", 3, ETH0), via("10.0.1.1", 3, ETH1)
    table = a_table(a_route("10.1.0.0/16", one, other))
    table.observe_interface(ETH0, NO_CARRIER)
    assert resolve(table, "10.1.0.1") == resolved(3, one, other)


# ------------------------------------------------------------------------------------------ no next hops


def test_an_address_of_this_node_is_no_next_hop() -> None:
    table = a_table(a_route("10.0.0.0/24", CONNECTED))
    ours = LinkAddress(ETH0, pack_address("10.0.0.1"), 24)
    table.put_address(ours)
    assert resolve(table, "10.0.0.1") == OWN_ADDRESS
    table.remove_address(ours)
    assert resolve(table, "10.0.0.1") == NO_ROUTE


def test_a_link_local_address_is_no_next_hop_without_a_link() -> None:
    assert resolve(a_table(a_route("fe80::/64", CONNECTED)), "fe80::1") == LINK_LOCAL


# ------------------------------------------------------------------------------------------- touched


def lookups(table: RoutingTable, *addresses: str) -> dict[str, Lookup]:
    """The addresses as they are resolved now."""
    made = {address: Lookup(pack_address(address)) for address in addresses}
    for lookup in made.values():
        lookup.resolution = table.resolve(lookup)
    return made


def concerned(table: RoutingTable, made: dict[str, Lookup]) -> list[str]:
    found = table.take_changes().concerned(made.values())
    return [address for address, lookup in made.items() if lookup in found]


def test_a_changed_prefix_touches_the_addresses_in_it_once() -> None:
    table = a_table(a_route("0.0.0.0/0", CONNECTED), a_route("10.2.0.0/24", blackhole()))
    table.take_changes()
    made = lookups(table, "10.1.0.1", "10.2.0.1", "10.2.1.1", "fd00::1")
    put(table, a_route("10.1.0.0/16", blackhole()))
    remove(table, a_route("10.2.0.0/24", blackhole()))
    assert concerned(table, made) == ["10.1.0.1", "10.2.0.1"]
    assert not table.has_changed
    assert concerned(table, made) == []


def test_a_link_that_goes_down_touches_what_leads_over_it() -> None:
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1")), a_route("10.2.0.0/16", via("10.0.1.1", 0, ETH1)))
    table.take_changes()
    made = lookups(table, "10.1.0.1", "10.2.0.1")
    link_down(table, ETH0)
    assert concerned(table, made) == ["10.1.0.1"]
    link_down(table, ETH0)
    assert not table.has_changed


# ------------------------------------------------------------------------------ against a naive lookup

PREFIXES = ("0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/8", "10.1.0.0/16", "10.1.128.0/17", "10.1.128.0/31", "10.1.128.1/32",
            "::/0", "fd00::/8", "fd00::/64", "fd00::8000:0:0:0/65", "fd00::1/128")  # fmt: skip
ADDRESSES = (
    "10.1.128.1",
    "10.1.128.0",
    "10.1.0.1",
    "10.9.0.1",
    "192.0.2.1",
    "8.8.8.8",
    "fd00::1",
    "fd00::2",
    "2001::1",
)
WAYS = st.builds(
    Way,
    metric=st.sampled_from((0, 10, 20)),
    legs=st.one_of(
        st.just(()), st.tuples(st.builds(Leg, st.sampled_from((b"", b"\1\1\1\1")), st.sampled_from((ETH0, ETH1))))
    ),
)
STATES = st.sampled_from((UP, NO_CARRIER, DOWN))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("put", "replace", "remove")), st.sampled_from(PREFIXES), WAYS),
        st.tuples(st.just("link"), st.sampled_from((ETH0, ETH1)), STATES),
        st.tuples(st.just("ignore"), st.sampled_from((ETH0, ETH1)), st.booleans()),
    ),
    max_size=40,
)
Steps = list[tuple[str, Any, Any]]


class Naive:
    """All routes in the kernel's order, looked at one after the other."""

    def __init__(self) -> None:
        self.routes: dict[str, list[Way]] = {prefix: [] for prefix in PREFIXES}
        self.states = {ETH0: UP, ETH1: UP}
        self.ignores = {ETH0: False, ETH1: False}

    def carry_out(self, verb: str, what: Any, value: Any) -> None:
        if verb == "ignore":
            self.ignores[what] = value
        elif verb == "link":
            if self.states[what].up and not value.up:
                for prefix in (each for each in PREFIXES if "." in each):
                    self.routes[prefix] = [way for way in self.routes[prefix] if not over(way, what)]
            self.states[what] = value
        elif verb == "remove":
            self._remove(what, value)
        else:
            same = [at for at, each in enumerate(self.routes[what]) if each.metric == value.metric]
            if ":" in what:
                like = [at for at in same if has_gateway(self.routes[what][at]) == has_gateway(value)]
                same = like or same
            if verb == "replace" and same:
                self.routes[what][same[0]] = value
            else:
                self.routes[what] = [each for each in self.routes[what] if each != value] + [value]
                self.routes[what].sort(key=lambda way: way.metric)

    def _remove(self, prefix: str, way: Way) -> None:
        """The kernel notifies of what it had."""
        if way in self.routes[prefix]:
            self.routes[prefix].remove(way)

    def resolve(self, address: str) -> Resolution:
        packed = pack_address(address)
        covering = [each for each in PREFIXES if prefix_of(parse_prefix(each)).covers_address(packed)]
        for prefix in sorted(covering, key=lambda each: -int(each.split("/")[1])):
            for way in self.routes[prefix]:
                if not way.legs:
                    return UNREACHABLE
                link = way.legs[0].ifindex
                state = self.states[link]
                if state.up and (state.carrier or not self.ignores[link]):
                    return Resolution(None if state.carrier else Unresolved.NO_CARRIER, way.metric, way.legs)
        return NO_ROUTE


def over(way: Way, link: int) -> bool:
    return any(leg.ifindex == link for leg in way.legs)


def has_gateway(way: Way) -> bool:
    return any(leg.gateway for leg in way.legs)


def carry_out(table: RoutingTable, naive: Naive, steps: Steps) -> None:
    for verb, what, value in steps:
        if verb == "link":
            table.observe_interface(what, value)
        elif verb == "ignore":
            table.set_ignoring(4, what, ignores=value)
            table.set_ignoring(6, what, ignores=value)
        elif verb != "remove":
            put(table, a_route(what, value, replaces=verb == "replace"))
        elif value in naive.routes[what]:
            remove(table, a_route(what, value))
        naive.carry_out(verb, what, value)


@given(STEPS)
def test_any_history_resolves_as_a_look_at_every_route_does(steps: Steps) -> None:
    table, naive = RoutingTable(), Naive()
    carry_out(table, naive, steps)
    assert {a: resolve(table, a) for a in ADDRESSES} == {a: naive.resolve(a) for a in ADDRESSES}


@given(STEPS, STEPS)
def test_every_answer_that_changes_was_touched(before: Steps, after: Steps) -> None:
    table, naive = RoutingTable(), Naive()
    carry_out(table, naive, before)
    table.take_changes()
    made = lookups(table, *ADDRESSES)
    carry_out(table, naive, after)
    changed = {address for address, lookup in made.items() if table.resolve(lookup) != lookup.resolution}
    assert changed <= set(concerned(table, made))


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00::1"])
def test_what_is_emptied_is_as_new(address: str) -> None:
    prefix = "10.1.0.0/16" if "." in address else "fd00::/64"
    table = a_table(a_route(prefix, CONNECTED))
    remove(table, a_route(prefix, CONNECTED))
    assert (len(table.routes), resolve(table, address)) == (0, NO_ROUTE)
