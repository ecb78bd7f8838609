"""Long-lived graceful restart (RFC 9494): what outlives the restart time, how it is sent, and when it goes."""

from __future__ import annotations

from typing import Any

import pytest
from shown import explain, shown_peers
from speaker_makers import (
    Router,
    a_client,
    a_long_lived,
    a_plan,
    a_restart,
    an_ebgp_peer,
    announce,
    communities,
    withdraw,
)

from reflector.inbound.graceful_restart import STALE_TIME
from reflector.plan import AddCommunity, Match, Policy, PolicyRule, RemoveCommunity, Verdict
from reflector.policy.long_lived import RULE
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import LLGR_STALE, NO_EXPORT, NO_LLGR
from reflector.wire.message import HEADER_LENGTH, MessageType, hard_reset
from reflector.wire.update import end_of_rib

POD, OTHER, POD_V6 = "10.1.0.0/26", "10.2.0.0/26", "fd00:1::/64"
END_V4, END_V6 = end_of_rib(4)[HEADER_LENGTH:], end_of_rib(6)[HEADER_LENGTH:]
HOUR = 3600
LIVING = a_long_lived(HOUR)
STALE, REFUSED = communities("65535:6", "65535:7")


def a_router(*sessions: Any, **plan: Any) -> Router:
    """`a` offers 120 s of restart time and an hour after that; `b` knows of it and hears everything."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2"), *sessions, **plan))
    router.up("a", long_lived=LIVING, hold_time=0)
    router.up("b", long_lived=LIVING, hold_time=0)
    return router


@pytest.fixture
def router() -> Router:
    router = a_router()
    router.receive("a", announce(POD, OTHER))
    return router


def away(router: Router, seconds: float = 120) -> None:
    """`a` is lost and stays away for so long."""
    router.down("a", is_lost=True)
    router.wait(seconds)


def is_stale(router: Router, prefix: str, name: str = "b") -> bool:
    """What this peer was sent last has LLGR_STALE."""
    return STALE in router.attributes(name, prefix).communities


# ------------------------------------------------------------------------------------------ time


def test_the_communities_are_the_well_known_ones() -> None:
    """RFC 9494 3.2 and 3.3."""
    assert (LLGR_STALE, NO_LLGR) == (STALE, REFUSED)


def test_within_the_restart_time_nothing_is_sent(router: Router) -> None:
    """RFC 9494 4.2: first the procedures of RFC 4724, which change no preference."""
    sent = len(router.tables["b"].updates)
    away(router, 119)
    assert len(router.tables["b"].updates) == sent


def test_after_the_restart_time_routes_are_readvertised_as_stale(router: Router) -> None:
    """RFC 9494 4.2."""
    away(router)
    assert router.advertised("b") == {POD, OTHER}
    assert is_stale(router, POD)
    assert is_stale(router, OTHER)


def test_routes_of_one_path_stay_one_path(router: Router) -> None:
    away(router)
    rib = router.engine.peers["a"].adj_rib_in[4]
    assert len({id(path) for path in rib.routes.values()}) == 1
    assert rib.stale == rib.routes.keys()


def test_the_long_lived_time_counts_from_the_end_of_the_restart_time(router: Router) -> None:
    """RFC 9494 4.2: the sum of both limits it, even if the timers are looked at late."""
    away(router, 130)
    router.wait(HOUR - 11)
    assert router.advertised("b") == {POD, OTHER}
    router.wait(1)
    assert router.advertised("b") == set()


def test_without_a_restart_time_routes_are_stale_at_once() -> None:
    """RFC 9494 4.2: only the long-lived procedures apply."""
    router = a_router()
    router.up("a", graceful_restart=a_restart(time=0), long_lived=LIVING)
    router.receive("a", announce(POD))
    router.down("a", is_lost=True)
    assert is_stale(router, POD)
    router.wait(HOUR)
    assert router.advertised("b") == set()


def test_a_family_that_graceful_restart_does_not_list_has_a_restart_time_of_zero() -> None:
    """RFC 9494 4.2. When it is back only the long-lived capability can say that its state was kept."""
    router = a_router()
    only_v6 = a_restart(families=(6,))
    router.up("a", graceful_restart=only_v6, long_lived=LIVING)
    router.receive("a", announce(POD))
    router.receive("a", announce(POD_V6))
    router.down("a", is_lost=True)
    assert (is_stale(router, POD), is_stale(router, POD_V6)) == (True, False)
    router.up("a", graceful_restart=only_v6, long_lived=LIVING)
    assert router.advertised("b") == {POD, POD_V6}


def test_a_family_without_a_long_lived_time_goes_with_the_restart_time() -> None:
    """RFC 9494 4.2: zero seconds for a family that is not listed."""
    router = a_router()
    router.up("a", long_lived=a_long_lived(HOUR, families=(4,)))
    router.receive("a", announce(POD))
    router.receive("a", announce(POD_V6))
    away(router)
    assert router.advertised("b") == {POD}


def test_each_family_has_its_own_time() -> None:
    """RFC 9494 4.2."""
    router = a_router()
    router.up("a", long_lived=LIVING._replace(times={4: 100, 6: 200}))
    router.receive("a", announce(POD))
    router.receive("a", announce(POD_V6))
    away(router)
    router.wait(100)
    assert router.advertised("b") == {POD_V6}
    router.wait(100)
    assert router.advertised("b") == set()


def test_without_graceful_restart_the_capability_counts_for_nothing() -> None:
    """RFC 9494 4.5."""
    router = a_router()
    router.up("a", graceful_restart=None, long_lived=LIVING)
    router.receive("a", announce(POD))
    router.down("a", is_lost=True)
    assert router.advertised("b") == set()


@pytest.mark.parametrize(
    ("both", "body", "stays"),
    [
        (False, b"\x06\x04", False),
        (True, b"\x06\x04", True),
        (True, hard_reset(b"\x06\x02")[HEADER_LENGTH:], False),
    ],
)
def test_a_notification_is_for_it_what_it_is_for_graceful_restart(both: bool, body: bytes, stays: bool) -> None:
    """RFC 8538 4."""
    router = a_router()
    router.up("a", graceful_restart=a_restart(notification=both), long_lived=LIVING)
    router.receive("a", announce(POD))
    router.receive("a", body, kind=MessageType.NOTIFICATION)
    router.wait(120)
    assert router.advertised("b") == ({POD} if stays else set())


def test_no_llgr_goes_when_the_restart_time_is_over() -> None:
    """RFC 9494 4.2, as sent by the peer."""
    router = a_router()
    router.receive("a", announce(POD), announce(OTHER, communities=(NO_LLGR,)))
    away(router, 119)
    assert router.advertised("b") == {POD, OTHER}
    router.wait(1)
    assert router.advertised("b") == {POD}
    assert router.engine.peers["a"].adj_rib_in[4].stale == set(router.engine.peers["a"].adj_rib_in[4].routes)


def with_import(*rules: PolicyRule) -> Router:
    """`a_router` where `a` has an import policy."""
    return a_router_with(Policy("import", rules), import_policies=("import",))


def a_router_with(policy: Policy, **session: Any) -> Router:
    router = Router(
        a_plan(a_client("a", "10.0.0.1", **session), a_client("b", "10.0.0.2"), policies=(policy,)),
    )
    router.up("a", long_lived=LIVING, hold_time=0)
    router.up("b", long_lived=LIVING, hold_time=0)
    router.receive("a", announce(POD, OTHER))
    return router


def test_no_llgr_of_an_import_policy_counts_as_well() -> None:
    """RFC 9494 4.2: or as the result of a configured policy."""
    router = with_import(PolicyRule(Verdict.ACCEPT, operations=(AddCommunity("65535:7"),)))
    away(router)
    assert router.advertised("b") == set()


def test_an_import_policy_may_look_for_it() -> None:
    """RFC 9494 3.2."""
    router = with_import(PolicyRule(Verdict.REJECT, Match(community="65535:6")))
    away(router, 119)
    assert router.advertised("b") == {POD, OTHER}
    router.wait(1)
    assert router.advertised("b") == set()
    router.up("a", long_lived=LIVING)
    router.receive("a", announce(POD))
    assert router.advertised("b") == {POD}


def test_a_new_policy_finds_stale_routes_stale(router: Router) -> None:
    away(router)
    router.apply(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2", import_default="reject")))
    assert is_stale(router, POD)


# ---------------------------------------------------------------------------------- the peer is back


def test_a_peer_that_is_back_makes_its_routes_fresh_and_loses_the_rest(router: Router) -> None:
    """RFC 9494 4.2: the procedures of RFC 4724 apply."""
    away(router)
    router.up("a", long_lived=LIVING)
    assert is_stale(router, POD)
    router.receive("a", announce(POD))
    assert not is_stale(router, POD)
    assert is_stale(router, OTHER)
    router.receive("a", END_V4)
    assert router.advertised("b") == {POD}


@pytest.mark.parametrize(
    ("restart", "long_lived"),
    [
        (a_restart(), LIVING._replace(forwarding=frozenset())),
        (a_restart()._replace(forwarding=frozenset()), LIVING),
        (a_restart(), a_long_lived(HOUR, families=(6,))),
        (a_restart(), None),
        (None, LIVING),
    ],
    ids=["no long-lived F", "no F", "family not listed", "no long-lived capability", "no graceful restart"],
)
def test_a_peer_that_is_back_without_its_state_loses_everything_at_once(
    router: Router, restart: Any, long_lived: Any
) -> None:
    """RFC 9494 4.2: once the long-lived period has begun the bits of both capabilities are needed."""
    away(router)
    router.up("a", graceful_restart=restart, long_lived=long_lived)
    assert router.advertised("b") == set()


def test_before_the_long_lived_period_only_the_bits_of_graceful_restart_count(router: Router) -> None:
    """RFC 9494 4.2, RFC 4724 4.2."""
    away(router, 60)
    router.up("a", long_lived=None)
    assert router.advertised("b") == {POD, OTHER}


def test_the_time_goes_on_while_the_peer_sends_its_routes() -> None:
    """RFC 9494 4.2: it is stopped by the End-of-RIB only."""
    router = a_router()
    router.receive("a", announce(POD, OTHER))
    away(router)
    router.wait(HOUR - 10)
    router.up("a", long_lived=LIVING)
    router.receive("a", announce(POD))
    router.wait(9)
    assert router.advertised("b") == {POD, OTHER}
    router.wait(1)
    assert router.advertised("b") == {POD}


def test_a_peer_lost_again_before_the_end_was_marked_does_not_start_the_time_anew(router: Router) -> None:
    """RFC 9494 4.2: nor does it lose what was stale before, as it would by RFC 4724 4.2."""
    away(router)
    router.wait(HOUR - 100)
    router.up("a", long_lived=LIVING)
    router.receive("a", announce(POD))
    away(router, 99)
    assert (is_stale(router, POD), is_stale(router, OTHER)) == (False, True)
    router.wait(1)
    assert router.advertised("b") == set()


def test_what_came_in_between_has_its_restart_time(router: Router) -> None:
    away(router)
    router.up("a", long_lived=LIVING)
    router.receive("a", announce(POD))
    away(router, 119)
    assert (is_stale(router, POD), is_stale(router, OTHER)) == (False, True)
    router.wait(1)
    assert is_stale(router, POD)


def test_a_peer_lost_again_after_its_time_was_over_leaves_nothing(router: Router) -> None:
    """RFC 9494 4.2: it had not synchronised when the time ended."""
    away(router)
    router.wait(HOUR - 10)
    router.up("a", long_lived=LIVING)
    router.receive("a", announce(POD))
    router.wait(20)
    assert router.advertised("b") == {POD}
    router.down("a", is_lost=True)
    assert router.advertised("b") == set()


@pytest.mark.parametrize("synchronises", ["by its markers", "in time"])
def test_a_peer_that_has_synchronised_starts_the_time_anew(router: Router, synchronises: str) -> None:
    """RFC 9494 4.2: by End-of-RIB, or when waiting for it is over."""
    away(router)
    router.up("a", long_lived=LIVING, hold_time=0)
    router.receive("a", announce(POD, OTHER))
    if synchronises == "by its markers":
        router.receive("a", END_V4, END_V6)
    else:
        router.wait(STALE_TIME)
    away(router)
    router.wait(HOUR - 1)
    assert router.advertised("b") == {POD, OTHER}
    router.wait(1)
    assert router.advertised("b") == set()


def test_a_peer_that_marks_no_end_is_swept_before_its_long_lived_time_is_over(router: Router) -> None:
    away(router)
    router.up("a", long_lived=LIVING, hold_time=0)
    router.receive("a", announce(POD))
    router.wait(STALE_TIME)
    assert router.advertised("b") == {POD}


def test_a_stale_route_that_is_withdrawn_is_gone(router: Router) -> None:
    away(router)
    router.up("a", long_lived=LIVING)
    router.receive("a", withdraw(POD))
    assert router.advertised("b") == {OTHER}


def test_a_peer_that_leaves_the_plan_takes_its_routes_along(router: Router) -> None:
    away(router)
    router.apply(a_plan(a_client("b", "10.0.0.2")))
    assert router.advertised("b") == set()


def test_with_add_path_every_path_is_marked() -> None:
    """RFC 7911."""
    router = a_router()
    both = frozenset((4,))
    router.up("a", long_lived=LIVING, add_path_receive=both)
    router.receive("a", announce(POD, path_id=1), announce(POD, path_id=2, med=1))
    away(router)
    assert is_stale(router, POD)
    router.up("a", long_lived=LIVING, add_path_receive=both)
    router.receive("a", announce(POD, path_id=2, med=1))
    assert router.attributes("b", POD).med == 1
    assert not is_stale(router, POD)


# ---------------------------------------------------------------------------------------- preference


def test_any_other_route_is_preferred(router: Router) -> None:
    """RFC 9494 4.3 and 4.4."""
    router.receive("b", announce(POD, next_hop="10.0.0.2", local_pref=1, as_path=(1, 2, 3)))
    away(router, 119)
    assert router.selected()[POD] == "a"
    router.wait(1)
    assert router.selected() == {POD: "b", OTHER: "a"}
    verdicts = {candidate.peer: candidate.verdict for candidate in explain(router.engine, POD).candidates}
    assert verdicts == {"a": RouteVerdict.LOST_STALE, "b": RouteVerdict.BEST}


def test_among_stale_routes_all_is_as_usual(router: Router) -> None:
    """RFC 9494 4.4."""
    router.receive("b", announce(POD, next_hop="10.0.0.2", local_pref=200, communities=(LLGR_STALE,)))
    away(router)
    assert router.selected()[POD] == "b"


def test_a_route_that_comes_as_stale_is_the_least_preferred(router: Router) -> None:
    """RFC 9494 4.3: whoever attached the community."""
    router.receive("b", announce(POD, next_hop="10.0.0.2", local_pref=200, communities=(LLGR_STALE,)))
    assert router.selected()[POD] == "a"


# ------------------------------------------------------------------------------------------- telling


def test_an_ibgp_peer_without_it_is_sent_with_no_export_and_local_pref_zero() -> None:
    """RFC 9494 4.6."""
    router = a_router(a_client("old", "10.0.0.3"))
    router.up("old", hold_time=0)
    router.receive("a", announce(POD))
    away(router)
    known = router.attributes("old", POD)
    assert (set(known.communities), known.local_pref) == ({STALE, NO_EXPORT}, 0)
    knows = router.attributes("b", POD)
    assert (set(knows.communities), knows.local_pref) == ({STALE}, 100)


def test_an_ebgp_peer_without_it_is_no_longer_sent() -> None:
    """RFC 9494 4.3: such routes are withdrawn."""
    router = a_router(an_ebgp_peer("tor", "10.0.0.3", 65001), an_ebgp_peer("knows", "10.0.0.4", 65002))
    router.up("tor", hold_time=0)
    router.up("knows", hold_time=0, long_lived=LIVING)
    router.receive("a", announce(POD))
    away(router)
    assert router.advertised("tor") == set()
    assert is_stale(router, POD, "knows")
    exports = {export.peer: export.verdict for export in explain(router.engine, POD).exports}
    assert exports["tor"] == RouteVerdict.STALE_NOT_SENT
    router.up("a", long_lived=LIVING)
    router.receive("a", announce(POD))
    assert router.advertised("tor") == {POD}


def test_a_late_peer_without_it_is_sent_the_same() -> None:
    """RFC 9494 4.6."""
    router = a_router(a_client("old", "10.0.0.3"))
    router.receive("a", announce(POD))
    away(router)
    router.up("old")
    assert (router.attributes("old", POD).local_pref, router.attributes("b", POD).local_pref) == (0, 100)


def test_no_policy_takes_the_community_away() -> None:
    """RFC 9494 4.3: neither on the way in nor on the way out."""
    remove = Policy("remove", (PolicyRule(Verdict.ACCEPT, operations=(RemoveCommunity("65535:*"),)),))
    remover = {"import_policies": ("remove",), "export_policies": ("remove",)}
    router = Router(
        a_plan(a_client("a", "10.0.0.1", **remover), a_client("b", "10.0.0.2", **remover), policies=(remove,))
    )
    router.up("a", long_lived=LIVING)
    router.up("b", long_lived=LIVING)
    router.receive("a", announce(POD, communities=(LLGR_STALE, NO_EXPORT)))
    assert router.attributes("b", POD).communities == (STALE,)


# ---------------------------------------------------------------------------------------- explaining


def test_what_is_long_lived_stale_is_explained_and_counted(router: Router) -> None:
    away(router, 119)
    assert [p.long_lived_stale for p in shown_peers(router.engine, {}, router.now).peers] == [0, 0]
    router.wait(1)
    status, _ = shown_peers(router.engine, {}, router.now).peers
    assert (status.stale, status.long_lived_stale) == (2, 2)
    (candidate,) = explain(router.engine, POD).candidates
    assert (candidate.stale, candidate.rule) == (True, f"accepted by default; {RULE}")
    assert candidate.communities == ("65535:6",)
    router.up("a", long_lived=LIVING)
    router.receive("a", announce(POD))
    status, _ = shown_peers(router.engine, {}, router.now).peers
    assert (status.stale, status.long_lived_stale) == (1, 1)
    assert explain(router.engine, POD).candidates[0].rule == "accepted by default"
