"""What is retained of lost nodes of the cluster, for which sessions it waits, and what of it goes early."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from control_world import ControlWorld
from shown import shown_peers
from speaker_makers import (
    Router,
    a_client,
    a_long_lived,
    a_plan,
    a_restart,
    a_session,
    an_ebgp_peer,
    announce,
)

from reflector.addresses import pack_address
from reflector.events import RetainedRoutesWithdrawn
from reflector.inbound.selection_deferral import DEFERRAL_TIME
from reflector.messages import Retained, RetainedWithdrawn, ShowRetained, WithdrawRetained
from reflector.plan import NodePlan, SessionKind
from reflector.show.retained import awaited, complete_reflectors
from reflector.wire.message import HEADER_LENGTH, ErrorCode, MessageType, notification
from reflector.wire.nlri import pack_nlri
from reflector.wire.update import end_of_rib

POD, OTHER, OUTSIDE, POD_V6 = "10.1.0.0/26", "10.2.0.0/26", "192.0.2.0/24", "fd00:1::/64"
GONE, THERE = pack_address("10.0.0.7"), pack_address("10.0.0.8")
POOLS = ((4, pack_nlri("10.0.0.0/8")), (6, pack_nlri("fd00::/16")))
DAY = 86400
LIVING: dict[str, Any] = {
    "graceful_restart": a_restart(is_restarting=False, notification=True),
    "long_lived": a_long_lived(DAY),
}


def a_node_of_the_cluster() -> NodePlan:
    """Two reflectors, a node of the mesh, a switch outside."""
    return a_plan(
        a_session("rr1", "10.0.0.1", peer_node="rr1"),
        a_session("rr2", "10.0.0.2", peer_node="rr2"),
        a_session("n3", "10.0.0.3", peer_node="n3", kind=SessionKind.MESH),
        an_ebgp_peer("tor", "192.0.2.1"),
        cluster_id="",
    )


@pytest.fixture
def router() -> Router:
    """All sessions are up; rr1 has sent routes of two nodes and of one outside."""
    router = Router(a_node_of_the_cluster())
    for name in ("rr1", "rr2", "n3", "tor"):
        router.up(name, **LIVING)
        mark_ends(router, name)
    router.receive("rr1", announce(POD, OUTSIDE, next_hop="10.0.0.7"))
    router.receive("rr1", announce(OTHER, next_hop="10.0.0.8"))
    return router


def mark_ends(router: Router, name: str) -> None:
    for family in (4, 6):
        router.receive(name, end_of_rib(family)[HEADER_LENGTH:])


def waiting(router: Router) -> list[str]:
    return [session.name for session in awaited(router.engine.peers.values(), router.now)]


def heard(router: Router) -> list[str]:
    return list(complete_reflectors(router.engine.peers.values(), router.now))


def prefixes(router: Router, name: str) -> set[str]:
    """What is in the Adj-RIB-In of this peer."""
    texts = {pack_nlri(text): text for text in (POD, OTHER, OUTSIDE, POD_V6)}
    return {texts[key] for rib in router.engine.peers[name].adj_rib_in.values() for key in rib.routes}


def forget(router: Router, *next_hops: bytes, networks: Any = POOLS) -> int:
    forgotten = router.engine.withdraw_retained(frozenset(next_hops), networks)
    router.turn()
    return forgotten


# ---------------------------------------------------------------------------------------- how it begins


@pytest.mark.parametrize("how", ["reset", "notification", "hold timer", "stopped for good"])
def test_every_way_in_which_a_reflector_goes_leads_to_a_day_but_the_one_for_good(router: Router, how: str) -> None:
    """RFC 9494 4.2 after RFC 4724 4.2 and, with N, RFC 8538 4."""
    if how == "reset":
        router.down("rr1", is_lost=True)
    elif how == "hold timer":
        for _ in range(3):
            router.wait(100)
            for name in ("rr2", "n3", "tor"):
                router.receive(name, b"", kind=MessageType.KEEPALIVE)
    else:
        code = (ErrorCode.CEASE, 4) if how == "notification" else (ErrorCode.CEASE, 9)
        router.receive("rr1", notification(*code)[HEADER_LENGTH:], kind=MessageType.NOTIFICATION)
    stays = how != "stopped for good"
    assert (prefixes(router, "rr1") == {POD, OTHER, OUTSIDE}) is stays
    router.wait(121)
    (status,) = [each for each in shown_peers(router.engine, {}, router.now).peers if each.name == "rr1"]
    assert (status.long_lived_stale, math.isclose(status.stale_left, DAY, abs_tol=2)) == (
        (3, True) if stays else (0, False)
    )


# ---------------------------------------------------------------------------------------- who is awaited


def test_a_speaker_that_starts_waits_for_all_nodes_and_for_no_neighbour_outside() -> None:
    router = Router(a_node_of_the_cluster())
    assert (waiting(router), heard(router)) == (["rr1", "rr2", "n3"], [])


def test_who_has_marked_the_end_of_what_it_has_is_heard() -> None:
    """RFC 4724 2: End-of-RIB. In the mesh a node speaks of itself alone."""
    router = Router(a_node_of_the_cluster())
    for name in ("rr1", "n3"):
        router.up(name, **LIVING)
    assert (waiting(router), heard(router)) == (["rr1", "rr2", "n3"], [])
    mark_ends(router, "rr1")
    mark_ends(router, "n3")
    assert (waiting(router), heard(router)) == (["rr2"], ["rr1"])


def test_a_reflector_that_has_restarted_itself_is_heard_later() -> None:
    """RFC 4724 4.1: it does not wait for nodes that have restarted, too, and we must not believe that they are gone."""
    router = Router(a_node_of_the_cluster())
    router.up("rr1", **LIVING | {"graceful_restart": a_restart(is_restarting=True), "hold_time": 0})
    mark_ends(router, "rr1")
    router.wait(DEFERRAL_TIME - 1)
    assert (waiting(router), heard(router)) == (["rr2", "n3"], [])
    router.wait(1)
    assert heard(router) == ["rr1"]


def test_a_client_tells_a_reflector_of_itself_alone() -> None:
    router = Router(a_plan(a_client("n1", "10.0.0.1", peer_node="n1")))
    router.up("n1", **LIVING)
    mark_ends(router, "n1")
    assert heard(router) == []


def test_who_is_lost_is_awaited_until_it_has_said_all_again(router: Router) -> None:
    assert waiting(router) == []
    router.down("rr1", is_lost=True)
    (session,) = awaited(router.engine.peers.values(), router.now)
    assert (session.peer_node, session.routes, session.left) == ("rr1", 3, 120 + DAY)
    assert session.next_hops == (GONE, THERE)
    router.up("rr1", **LIVING)
    assert waiting(router) == ["rr1"]
    mark_ends(router, "rr1")
    assert waiting(router) == []


def test_what_another_reflector_has_as_well_is_not_retained(router: Router) -> None:
    """RFC 9494 4.3: the fresh one is the best, once the restart time is over."""
    router.receive("rr2", announce(POD, next_hop="10.0.0.7"))
    router.down("rr1", is_lost=True)
    router.wait(121)
    (session,) = awaited(router.engine.peers.values(), router.now)
    assert session.routes == 2


# ------------------------------------------------------------------------------------------ early drop


@pytest.mark.parametrize("away", [1, 200])
def test_a_stale_route_to_a_node_that_is_gone_goes_at_once(router: Router, away: float) -> None:
    """Within the restart time and after it; what leads to another node or outside the pools stays."""
    router.down("rr1", is_lost=True)
    router.wait(away)
    assert forget(router, GONE) == 1
    assert prefixes(router, "rr1") == {OTHER, OUTSIDE}
    assert router.advertised("tor") == {OTHER, OUTSIDE}


def test_a_fresh_route_stays_wherever_it_leads(router: Router) -> None:
    assert forget(router, GONE, THERE) == 0
    assert prefixes(router, "rr1") == {POD, OTHER, OUTSIDE}


def test_what_has_come_again_stays(router: Router) -> None:
    router.down("rr1", is_lost=True)
    router.up("rr1", **LIVING)
    router.receive("rr1", announce(POD, next_hop="10.0.0.7"))
    assert forget(router, GONE) == 0
    assert prefixes(router, "rr1") == {POD, OTHER, OUTSIDE}


def test_a_neighbour_outside_the_cluster_is_not_concerned(router: Router) -> None:
    router.receive("tor", announce("10.3.0.0/26", next_hop="10.0.0.7", as_path=(65001,)))
    router.down("tor", is_lost=True)
    assert forget(router, GONE) == 0


def test_each_family_has_networks_of_its_own(router: Router) -> None:
    router.receive("rr1", announce(POD_V6, next_hop="fd00::7"))
    router.down("rr1", is_lost=True)
    assert forget(router, pack_address("fd00::7"), networks=POOLS[:1]) == 0
    assert forget(router, pack_address("fd00::7")) == 1
    assert prefixes(router, "rr1") == {POD, OTHER, OUTSIDE}


# ------------------------------------------------------------------------------------ control socket, journal


def test_the_control_socket_tells_and_forgets(tmp_path: Path) -> None:
    with ControlWorld(a_node_of_the_cluster(), tmp_path) as world:
        world.up("rr1", **LIVING)
        mark_ends(world, "rr1")
        world.receive("rr1", announce(POD, next_hop="10.0.0.7"))
        client = world.client()
        retained = client.ask(ShowRetained())
        assert isinstance(retained, Retained)
        assert ([each.name for each in retained.awaited], retained.complete_reflectors) == (["rr2", "n3"], ("rr1",))
        world.down("rr1", is_lost=True)
        assert client.ask(WithdrawRetained((GONE,), POOLS)) == RetainedWithdrawn(1)


def test_what_was_forgotten_is_forgotten_in_a_replay_too(router: Router) -> None:
    router.down("rr1", is_lost=True)
    RetainedRoutesWithdrawn((GONE,), POOLS).play(router.engine)
    assert prefixes(router, "rr1") == {OTHER, OUTSIDE}
