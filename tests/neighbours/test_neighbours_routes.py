"""Routes and their attributes between us and every real neighbour, in every role and both directions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from neighbour import Daemon, Route
from segment import LOCAL_AS, eventually
from world import (
    CLUSTER,
    FAR,
    NUMBER,
    OF_DAEMON,
    OF_FAR,
    OF_OURS,
    OF_WITNESS,
    PATH_OF_WITNESS,
    RECORDER,
    US,
    Role,
    World,
    address,
    cluster_of,
    peer_as,
    prefix,
)

from reflector.plan import NORMAL_PRIORITY, PRIORITY_BASE, Family, RouteSource
from reflector.verdict import RouteVerdict

pytestmark = pytest.mark.netns


def arrived(world: World, kind: type[Daemon], family: Family, number: int) -> Route:
    """What the daemon has from us to the prefix with this number."""
    wanted = prefix(family, number)
    return eventually(lambda: world.received(kind, family).get(wanted), f"{kind.name} has {wanted}")


def as_shown(world: World, kind: type[Daemon], route: Route, originator: str) -> Route:
    """The route as this daemon's own table shows it."""
    if world.role is Role.REFLECTOR and kind.marks_on_arrival:
        clusters = (cluster_of(kind), *route.cluster_list)
        return replace(route, originator_id=originator, cluster_list=clusters)
    return route


def test_our_route_arrives_with_its_attributes(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4271 5.1, RFC 4456 8: our own address as next hop, and our own AS in front towards another one; a client is
    a client, but our own route is not reflected."""
    route = arrived(world, kind, family, US)
    ours = Route(address(family, US), (), PRIORITY_BASE - NORMAL_PRIORITY, OF_OURS)
    if world.role is Role.EBGP:
        assert route.local_pref in (None, 100)
        ours = Route(address(family, US), (LOCAL_AS,), route.local_pref, OF_OURS)
    assert route == as_shown(world, kind, ours, address(4, US))


def test_our_clients_route_arrives_with_its_attributes(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4456 8 and 10, RFC 1997, RFC 8092, RFC 4360: reflected with its next hop, path and communities as they were;
    to another AS (RFC 4271 5.1) with our AS and our address, and without LOCAL_PREF."""
    route = arrived(world, kind, family, RECORDER)
    whose, client = address(family, RECORDER), address(4, RECORDER)
    reflected = Route(whose, PATH_OF_WITNESS, 250, OF_WITNESS, client, (CLUSTER,))
    if world.role is Role.EBGP:
        assert route.local_pref in (None, 100)
        reflected = Route(address(family, US), (LOCAL_AS, *PATH_OF_WITNESS), route.local_pref, OF_WITNESS)
    assert route == as_shown(world, kind, reflected, client)


def test_its_route_reaches_us(world: World, kind: type[Daemon], family: Family) -> None:
    """As it was advertised; no other speaker has reflected it before."""
    wanted = prefix(family, NUMBER[kind])
    (route,) = eventually(lambda: world.candidates(kind, wanted), f"we have {wanted} of {kind.name}")
    own_path = str(peer_as(world.role, kind)) if world.role is Role.EBGP else ""
    assert (route.next_hop, route.as_path, route.local_pref) == (address(family, NUMBER[kind]), own_path, 100)
    assert sorted(route.communities) == sorted(OF_DAEMON)
    is_marked = world.role is Role.REFLECTOR and kind.marks_its_own
    assert bool(route.originator_id) == is_marked
    assert bool(route.cluster_list) == is_marked


def test_its_route_reaches_our_client_unchanged(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4456 8, RFC 1997, RFC 8092, RFC 4360: an iBGP route is reflected, an eBGP route is advertised with the
    next hop that it came with."""
    wanted = prefix(family, NUMBER[kind])
    route = eventually(lambda: world.recorders[family].listen().get(wanted), f"our client has {wanted}")
    itself = address(4, NUMBER[kind])
    expected = Route(address(family, NUMBER[kind]), (), 100, OF_DAEMON, itself, (CLUSTER,))
    if world.role is Role.EBGP:
        expected = Route(address(family, NUMBER[kind]), (peer_as(world.role, kind),), 100, OF_DAEMON)
    if world.role is Role.REFLECTOR and kind.marks_its_own:
        expected = Route(address(family, NUMBER[kind]), (), 100, OF_DAEMON, itself, (CLUSTER, cluster_of(kind)))
    assert route == expected


def test_only_routes_that_the_role_allows_arrive(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4456 6: a non-client receives no routes of other non-clients; clients and eBGP peers receive all but their
    own, which a client drops by ORIGINATOR_ID and an eBGP peer by its AS."""
    ours = {prefix(family, US), prefix(family, RECORDER)}
    others = {prefix(family, NUMBER[other]) for other in world.kinds if other is not kind}
    expected = ours | others if world.role in (Role.CLIENT, Role.EBGP) else ours
    eventually(lambda: set(world.received(kind, family)) == expected, f"{kind.name} has {sorted(expected)}")


# ------------------------------------------------------------------------------- a reflector above us


above_us = pytest.mark.parametrize("world", [Role.REFLECTOR], indirect=True, ids=str)


@above_us
def test_what_it_reflects_reaches_us(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4456 8: with the other client as originator, in the daemon's cluster."""
    wanted = prefix(family, OF_FAR + NUMBER[kind])
    (route,) = eventually(lambda: world.candidates(kind, wanted), f"we have {wanted}")
    assert (route.next_hop, route.local_pref) == (address(family, FAR), 250)
    assert route.as_path == " ".join(map(str, PATH_OF_WITNESS))
    assert (route.originator_id, route.cluster_list) == (address(4, FAR), (cluster_of(kind),))


@above_us
def test_what_we_reflect_again_keeps_its_originator(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4456 8: our cluster goes in front of the daemon's, the originator stays."""
    wanted = prefix(family, OF_FAR + NUMBER[kind])
    route = eventually(lambda: world.recorders[family].listen().get(wanted), f"our client has {wanted}")
    clusters = (CLUSTER, cluster_of(kind))
    assert route == Route(address(family, FAR), PATH_OF_WITNESS, 250, OF_WITNESS, address(4, FAR), clusters)


@above_us
def test_our_route_reaches_its_other_client(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4456 8: we are the originator."""
    wanted = prefix(family, US)
    route = eventually(lambda: world.far[kind, family].listen().get(wanted), f"the other client has {wanted}")
    preference = PRIORITY_BASE - NORMAL_PRIORITY
    assert route == Route(address(family, US), (), preference, OF_OURS, address(4, US), (cluster_of(kind),))


@above_us
def test_our_own_route_that_comes_back_is_dropped(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4456 8: by ORIGINATOR_ID. Only FRR sends it to its originator at all."""
    wanted = prefix(family, US)
    assert world.us_route(wanted).source is RouteSource.BLOCK
    came_back = {candidate.verdict for candidate in world.candidates(kind, wanted)}
    assert came_back == ({RouteVerdict.ORIGINATOR_LOOP.value} if kind.name == "frr" else set())


# ---------------------------------------------------------------------------------------- withdrawals


def test_its_route_is_withdrawn_when_it_withdraws_it(world: World, kind: type[Daemon], family: Family) -> None:
    """RFC 4271 4.3, RFC 4760 4: from us and from our client."""
    wanted = prefix(family, 200 + NUMBER[kind])
    daemon, recorder = world.daemons[kind], world.recorders[family]
    daemon.announce(wanted)
    eventually(lambda: wanted in recorder.listen(), f"our client has {wanted}")
    daemon.withdraw(wanted)
    eventually(lambda: wanted not in recorder.listen(), f"our client has lost {wanted}")
    assert world.candidates(kind, wanted) == []


def test_our_route_is_withdrawn_when_it_leaves_the_plan(world: World, kind: type[Daemon], family: Family) -> None:
    wanted = prefix(family, 2)
    world.apply(world.plan(numbers=(US, 2)))
    eventually(lambda: wanted in world.received(kind, family), f"{kind.name} has {wanted}")
    world.apply(world.plan())
    eventually(lambda: wanted not in world.received(kind, family), f"{kind.name} has lost {wanted}")


def test_our_clients_route_is_withdrawn_when_it_withdraws_it(world: World, kind: type[Daemon], family: Family) -> None:
    wanted = prefix(family, 3)
    world.recorders[family].announce(wanted)
    eventually(lambda: wanted in world.received(kind, family), f"{kind.name} has {wanted}")
    world.recorders[family].withdraw(wanted)
    eventually(lambda: wanted not in world.received(kind, family), f"{kind.name} has lost {wanted}")


def test_no_session_has_flapped(world: World, kind: type[Daemon], family: Family) -> None:
    assert (world.status(kind, family).flaps, world.status(kind, family).last_error) == (0, "")
