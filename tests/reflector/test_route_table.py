"""The kernel's routes as next hops are looked up in them: RFC 4271 9.1.2.1, the kernel's own rules of precedence."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflector.addresses import pack_address
from reflector.kernel.route_table import NOWHERE, KernelRoute, Leg, Lookup, Resolution, RouteTable

ETH0, ETH1 = 2, 3
CONNECTED = Leg(0, is_connected=True, interface=ETH0)


def via(gateway: str, metric: int = 0, interface: int = ETH0) -> Leg:
    return Leg(metric, gateway=pack_address(gateway), interface=interface)


def blackhole(metric: int = 0) -> Leg:
    return Leg(metric, leads=False)


def a_route(prefix: str, *legs: Leg, replaces: bool = False) -> KernelRoute:
    network = ip_network(prefix)
    bits = network.max_prefixlen
    key = int(network.network_address) >> (bits - network.prefixlen)
    return KernelRoute(bits, network.prefixlen, key, legs, replaces)


def a_table(*routes: KernelRoute) -> RouteTable:
    table = RouteTable()
    for route in routes:
        table.put(route)
    return table


def resolve(table: RouteTable, address: str) -> Resolution:
    return table.resolve(Lookup(pack_address(address)))


# ----------------------------------------------------------------------------------------- which route


def test_the_longest_prefix_decides() -> None:
    table = a_table(
        a_route("10.0.0.0/8", via("10.9.9.9", 7, ETH1)),
        a_route("10.1.0.0/16", via("10.9.9.9", 100)),
        a_route("10.1.2.0/24", via("10.9.9.9", 1, ETH1)),
    )
    assert resolve(table, "10.1.9.1") == Resolution(True, 100, (ETH0,))


def test_an_address_that_no_prefix_covers_is_unresolvable() -> None:
    assert resolve(a_table(a_route("10.0.0.0/8", CONNECTED)), "192.0.2.1") == NOWHERE


def test_a_default_route_resolves_at_its_metric() -> None:
    """As in BIRD; RFC 4271 9.1.2.1 asks for a route, not for which."""
    assert resolve(a_table(a_route("0.0.0.0/0", via("10.0.0.1", 300))), "192.0.2.1") == Resolution(True, 300, (ETH0,))
    assert resolve(a_table(a_route("::/0", via("fe80::1", 1024))), "fd00::9").cost == 1024


def test_the_families_are_two_tables() -> None:
    assert resolve(a_table(a_route("0.0.0.0/0", CONNECTED)), "fd00::1") == NOWHERE
    assert resolve(a_table(a_route("::/0", CONNECTED)), "10.0.0.1") == NOWHERE


def test_of_several_metrics_the_lowest_is_the_cost() -> None:
    """RFC 4271 9.1.2.2 e."""
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.2", 50)), a_route("10.1.0.0/16", via("10.0.0.1", 20, ETH1)))
    assert resolve(table, "10.1.0.1") == Resolution(True, 20, (ETH1,))


def test_the_network_of_a_link_costs_nothing_whatever_its_metric() -> None:
    """IPv6 gives it 256, NetworkManager 100 and more."""
    assert resolve(a_table(a_route("fd00::/64", CONNECTED._replace(metric=256))), "fd00::9").cost == 0


def test_a_route_over_a_tunnel_device_counts_as_any_other() -> None:
    assert resolve(a_table(a_route("10.5.0.0/16", Leg(40, interface=9))), "10.5.0.1") == Resolution(True, 40, (9,))


# --------------------------------------------------------------------------------------- no way through


def test_a_blackhole_is_no_way_even_though_a_shorter_prefix_is() -> None:
    table = a_table(a_route("0.0.0.0/0", via("10.0.0.1")), a_route("10.1.0.0/16", blackhole()))
    assert resolve(table, "10.1.0.1") == NOWHERE


def test_a_blackhole_of_a_higher_metric_is_not_asked_while_there_is_a_way() -> None:
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1", 10)), a_route("10.1.0.0/16", blackhole(9999)))
    assert resolve(table, "10.1.0.1").is_resolvable
    table.link(ETH0, is_up=False)
    assert resolve(table, "10.1.0.1") == NOWHERE


def test_a_route_over_a_link_that_is_down_gives_way_to_the_next_metric_then_to_a_shorter_prefix() -> None:
    table = a_table(
        a_route("0.0.0.0/0", via("10.0.9.1", 5, 9)),
        a_route("10.1.0.0/16", via("10.0.0.1", 10, ETH0)),
        a_route("10.1.0.0/16", via("10.0.1.1", 20, ETH1)),
    )
    table.link(ETH0, is_up=False)
    assert resolve(table, "10.1.0.1") == Resolution(True, 20, (ETH1,))
    table.link(ETH1, is_up=False)
    assert resolve(table, "10.1.0.1") == Resolution(True, 5, (9,))


def test_a_multipath_route_lives_as_long_as_one_of_its_links() -> None:
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1", 3, ETH0), via("10.0.1.1", 3, ETH1)))
    assert resolve(table, "10.1.0.1") == Resolution(True, 3, (ETH0, ETH1))
    table.link(ETH0, is_up=False)
    assert resolve(table, "10.1.0.1") == Resolution(True, 3, (ETH1,))
    table.link(ETH1, is_up=False)
    assert resolve(table, "10.1.0.1") == NOWHERE


# ------------------------------------------------------------------------------------------- changes


def test_a_route_that_replaces_takes_the_place_of_those_with_its_metric() -> None:
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1", 3)), a_route("10.1.0.0/16", via("10.0.0.1", 9)))
    table.put(a_route("10.1.0.0/16", blackhole(3), replaces=True))
    assert resolve(table, "10.1.0.1") == NOWHERE
    table.remove(a_route("10.1.0.0/16", blackhole(3)))
    assert resolve(table, "10.1.0.1").cost == 9


def test_a_way_that_is_appended_stands_beside_the_others_and_goes_alone() -> None:
    table = a_table(a_route("fd01::/64", via("fe80::1", 1024, ETH0)))
    table.put(a_route("fd01::/64", via("fe80::1", 1024, ETH0), via("fe80::2", 1024, ETH1)))
    table.remove(a_route("fd01::/64", via("fe80::1", 1024, ETH0)))
    assert resolve(table, "fd01::1") == Resolution(True, 1024, (ETH1,))


def test_two_links_with_the_same_network_are_two_routes() -> None:
    """IPv6 does not make one multipath route of them."""
    first, second = CONNECTED, CONNECTED._replace(interface=ETH1)
    table = a_table(a_route("fd00::/64", first), a_route("fd00::/64", second))
    table.remove(a_route("fd00::/64", second))
    assert resolve(table, "fd00::9") == Resolution(True, 0, (ETH0,))


def test_the_removal_of_what_is_not_there_changes_nothing() -> None:
    table = a_table(a_route("10.1.0.0/16", CONNECTED))
    table.remove(a_route("10.1.0.0/16", via("10.0.0.1")))
    table.remove(a_route("10.2.0.0/16", CONNECTED))
    table.remove(a_route("10.2.0.0/24", CONNECTED))
    assert resolve(table, "10.1.0.1").is_resolvable
    assert len(table) == 1


def test_a_link_with_routes_that_comes_up_again_asks_for_a_dump_and_counts_as_down_until_then() -> None:
    """Going down it took IPv4 routes along without a word."""
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1")))
    assert not table.link(ETH0, is_up=False)
    assert table.link(ETH0, is_up=True)
    assert resolve(table, "10.1.0.1") == NOWHERE


def test_a_link_without_routes_comes_up_just_so() -> None:
    table = a_table()
    table.link(ETH0, is_up=False)
    assert not table.link(ETH0, is_up=True)
    table.put(a_route("10.1.0.0/16", CONNECTED))
    assert resolve(table, "10.1.0.1").is_resolvable


# ------------------------------------------------------------------------------------------- touched


def lookups(table: RouteTable, *addresses: str) -> dict[str, Lookup]:
    """The addresses as they are resolved now."""
    made = {address: Lookup(pack_address(address)) for address in addresses}
    for lookup in made.values():
        lookup.resolution = table.resolve(lookup)
    return made


def concerned(table: RouteTable, made: dict[str, Lookup]) -> list[str]:
    found = table.take_changes().concerned(made.values())
    return [address for address, lookup in made.items() if lookup in found]


def test_a_changed_prefix_touches_the_addresses_in_it_once() -> None:
    table = a_table(a_route("0.0.0.0/0", CONNECTED))
    table.take_changes()
    made = lookups(table, "10.1.0.1", "10.2.0.1", "10.2.1.1", "fd00::1")
    table.put(a_route("10.1.0.0/16", blackhole()))
    table.remove(a_route("10.2.0.0/24", blackhole()))
    assert concerned(table, made) == ["10.1.0.1", "10.2.0.1"]
    assert not table.has_changed
    assert concerned(table, made) == []


def test_a_link_that_goes_down_touches_what_leads_over_it() -> None:
    table = a_table(a_route("10.1.0.0/16", via("10.0.0.1")), a_route("10.2.0.0/16", via("10.0.1.1", 0, ETH1)))
    table.take_changes()
    made = lookups(table, "10.1.0.1", "10.2.0.1")
    table.link(ETH0, is_up=False)
    assert concerned(table, made) == ["10.1.0.1"]
    table.link(ETH0, is_up=False)
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
LEGS = st.builds(
    Leg,
    metric=st.sampled_from((0, 10, 20)),
    leads=st.sampled_from((True, True, False)),
    is_connected=st.just(False),
    gateway=st.sampled_from((b"", b"\1\1\1\1")),
    interface=st.sampled_from((ETH0, ETH1)),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("put", "replace", "remove")), st.sampled_from(PREFIXES), LEGS),
        st.tuples(st.just("down"), st.just(""), LEGS),
    ),
    max_size=40,
)


def naive(routes: dict[str, set[Leg]], down: set[int], address: str) -> Resolution:
    """All routes looked at, one after the other."""
    found = [
        (-ip_network(prefix).prefixlen, leg.metric, leg)
        for prefix, legs in routes.items()
        for leg in legs
        if ip_address(address) in ip_network(prefix) and (not leg.leads or leg.interface not in down)
    ]
    if not found:
        return NOWHERE
    first = min(found)[:2]
    legs = sorted(leg for length, metric, leg in found if (length, metric) == first and leg.leads)
    return Resolution(True, first[1], tuple(leg.interface for leg in legs)) if legs else NOWHERE


@given(STEPS)
def test_any_history_resolves_as_a_look_at_every_route_does(steps: list[tuple[str, str, Leg]]) -> None:
    table, routes, down = RouteTable(), {prefix: set[Leg]() for prefix in PREFIXES}, set[int]()
    for verb, prefix, leg in steps:
        if verb == "down":
            down.add(leg.interface)
            table.link(leg.interface, is_up=False)
        elif verb == "remove":
            routes[prefix].discard(leg)
            table.remove(a_route(prefix, leg))
        else:
            if verb == "replace":
                routes[prefix] = {each for each in routes[prefix] if each.metric != leg.metric}
            routes[prefix].add(leg)
            table.put(a_route(prefix, leg, replaces=verb == "replace"))
    assert {a: resolve(table, a) for a in ADDRESSES} == {a: naive(routes, down, a) for a in ADDRESSES}


@given(STEPS, STEPS)
def test_every_answer_that_changes_was_touched(
    before: list[tuple[str, str, Leg]], after: list[tuple[str, str, Leg]]
) -> None:
    table = RouteTable()
    _carry_out(table, before)
    table.take_changes()
    made = lookups(table, *ADDRESSES)
    _carry_out(table, after)
    changed = {address for address, lookup in made.items() if table.resolve(lookup) != lookup.resolution}
    assert changed <= set(concerned(table, made))


def _carry_out(table: RouteTable, steps: list[tuple[str, str, Leg]]) -> None:
    for verb, prefix, leg in steps:
        if verb == "down":
            table.link(leg.interface, is_up=False)
        elif verb == "remove":
            table.remove(a_route(prefix, leg))
        else:
            table.put(a_route(prefix, leg, replaces=verb == "replace"))


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00::1"])
def test_what_is_emptied_is_as_new(address: str) -> None:
    prefix = "10.1.0.0/16" if "." in address else "fd00::/64"
    table = a_table(a_route(prefix, CONNECTED))
    table.remove(a_route(prefix, CONNECTED))
    assert (len(table), resolve(table, address)) == (0, NOWHERE)
