"""Roles and ONLY_TO_CUSTOMER: the table at the top of roles.py, from what a peer sends to what another is sent
(RFC 9234 5)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from shown import explain
from speaker_makers import OUR_AS, Router, a_client, a_plan, an_ebgp_peer, an_origination, announce

from reflector.plan import Match, Policy, PolicyRule, Role, Verdict
from reflector.rib.path import Path
from reflector.verdict import RouteVerdict
from reflector.wire.nlri import pack_nlri

P, P6 = "10.1.0.0/26", "fd00:1::/64"
PEER_AS = 65001
SOMEBODY = 65009
LEAK, NOTHING = RouteVerdict.ROUTE_LEAK, None


def a_router(role: Role | None, **changes) -> Router:
    """An external peer to which we are `role`, and a client."""
    router = Router(a_plan(an_ebgp_peer("external", "10.0.0.1", PEER_AS, role=role), a_client("client", "10.0.0.2")))
    router.apply(replace(router.engine.plan, **changes))
    router.up("external")
    router.up("client")
    return router


def from_external(setter: int | None, prefix: str = P) -> bytes:
    return announce(prefix, as_path=(PEER_AS,), local_pref=None, only_to_customer=setter)


def received_path(router: Router, peer: str = "external") -> Path:
    return router.engine.peers[peer].adj_rib_in[4].routes[pack_nlri(P)]


def export_verdict(router: Router, peer: str) -> str:
    (verdict,) = [each.verdict for each in explain(router.engine, P).exports if each.peer == peer]
    return verdict


@pytest.mark.parametrize(
    ("role", "setter", "expected"),
    [
        (Role.PROVIDER, PEER_AS, LEAK),
        (Role.PROVIDER, SOMEBODY, LEAK),
        (Role.PROVIDER, None, NOTHING),
        (Role.RS, PEER_AS, LEAK),
        (Role.RS, None, NOTHING),
        (Role.PEER, PEER_AS, PEER_AS),
        (Role.PEER, SOMEBODY, LEAK),
        (Role.PEER, None, PEER_AS),
        (Role.CUSTOMER, SOMEBODY, SOMEBODY),
        (Role.CUSTOMER, None, PEER_AS),
        (Role.RS_CLIENT, SOMEBODY, SOMEBODY),
        (Role.RS_CLIENT, None, PEER_AS),
        (None, SOMEBODY, SOMEBODY),
        (None, None, NOTHING),
    ],
)
def test_ingress(role: Role | None, setter: int | None, expected: RouteVerdict | int | None) -> None:
    """RFC 9234 5, ingress 1 to 3. What enters travels on inside the AS as it is."""
    router = a_router(role)
    router.receive("external", from_external(setter))
    path = received_path(router)
    if expected is LEAK:
        assert (path.verdict, path.attributes) == (RouteVerdict.ROUTE_LEAK, None)
        assert router.advertised("client") == set()
    else:
        assert path.verdict is RouteVerdict.ACCEPTED
        assert router.attributes("client", P).only_to_customer == expected
    assert path.received.only_to_customer == setter


@pytest.mark.parametrize(
    ("role", "setter", "expected"),
    [
        (Role.PROVIDER, SOMEBODY, SOMEBODY),
        (Role.PROVIDER, None, OUR_AS),
        (Role.RS, SOMEBODY, SOMEBODY),
        (Role.RS, None, OUR_AS),
        (Role.PEER, SOMEBODY, "withheld"),
        (Role.PEER, None, OUR_AS),
        (Role.CUSTOMER, SOMEBODY, "withheld"),
        (Role.CUSTOMER, None, NOTHING),
        (Role.RS_CLIENT, SOMEBODY, "withheld"),
        (Role.RS_CLIENT, None, NOTHING),
        (None, SOMEBODY, SOMEBODY),
        (None, None, NOTHING),
    ],
)
def test_egress(role: Role | None, setter: int | None, expected: int | str | None) -> None:
    """RFC 9234 5, egress 1 and 2."""
    router = a_router(role)
    router.receive("client", announce(P, only_to_customer=setter))
    if expected == "withheld":
        assert router.advertised("external") == set()
        assert export_verdict(router, "external") == RouteVerdict.ONLY_TO_CUSTOMER.value
    else:
        assert router.attributes("external", P).only_to_customer == expected


def test_our_own_routes_are_sent_to_a_peer_with_our_as() -> None:
    router = a_router(Role.PEER, originations=(an_origination(P),))
    assert router.attributes("external", P).only_to_customer == OUR_AS
    assert router.attributes("client", P).only_to_customer is None


def test_the_as_of_the_session_is_the_one_that_is_set() -> None:
    session = an_ebgp_peer("external", "10.0.0.1", PEER_AS, role=Role.PROVIDER, local_as=64999)
    router = Router(a_plan(session, originations=(an_origination(P),)))
    router.up("external")
    assert router.attributes("external", P).only_to_customer == 64999


def test_a_route_of_a_provider_goes_to_a_customer_and_not_to_another_provider() -> None:
    """RFC 9234 1: the leak that all this is about."""
    sessions = {
        "provider": an_ebgp_peer("provider", "10.0.0.1", PEER_AS, role=Role.CUSTOMER),
        "other": an_ebgp_peer("other", "10.0.0.2", 65002, role=Role.CUSTOMER),
        "customer": an_ebgp_peer("customer", "10.0.0.3", 65003, role=Role.PROVIDER),
    }
    router = Router(a_plan(*sessions.values()))
    for name in sessions:
        router.up(name)
    router.receive("provider", from_external(None))
    assert (router.advertised("other"), router.advertised("customer")) == (set(), {P})
    assert router.attributes("customer", P).only_to_customer == PEER_AS


def test_inside_the_as_a_role_means_nothing() -> None:
    """RFC 9234 5: the procedures are for eBGP."""
    router = Router(a_plan(a_client("a", "10.0.0.1", role=Role.PROVIDER), a_client("b", "10.0.0.2", role=Role.PEER)))
    router.up("a")
    router.up("b")
    router.receive("a", announce(P, only_to_customer=SOMEBODY), announce("10.2.0.0/26"))
    assert router.attributes("b", P).only_to_customer == SOMEBODY
    assert router.attributes("b", "10.2.0.0/26").only_to_customer is None


def test_ipv6_is_treated_alike() -> None:
    """RFC 9234 5: AFI 1 and 2, SAFI 1."""
    router = a_router(Role.PROVIDER)
    router.receive("external", from_external(SOMEBODY, P6))
    assert router.advertised("client") == set()
    router.receive("external", from_external(None, P6))
    assert router.advertised("client") == {P6}


def test_what_the_peer_says_of_its_role_changes_nothing() -> None:
    """RFC 9234 4.2: without the peer's capability our configured role counts."""
    for offered in (None, Role.CUSTOMER):
        router = Router(a_plan(an_ebgp_peer("external", "10.0.0.1", PEER_AS, role=Role.PROVIDER)))
        router.up("external", role=offered)
        router.receive("external", from_external(SOMEBODY))
        assert received_path(router).verdict is RouteVerdict.ROUTE_LEAK


def test_a_policy_that_accepts_everything_accepts_no_leak_and_tells_none() -> None:
    """RFC 9234 5: an operator cannot change these procedures."""
    everything = Policy("all", (PolicyRule(Verdict.ACCEPT, Match()),))
    session = an_ebgp_peer(
        "external", "10.0.0.1", PEER_AS, role=Role.PEER, import_policies=("all",), export_policies=("all",)
    )
    router = Router(a_plan(session, a_client("client", "10.0.0.2"), policies=(everything,)))
    router.up("external")
    router.up("client")
    router.receive("external", from_external(SOMEBODY))
    router.receive("client", announce("10.2.0.0/26", only_to_customer=SOMEBODY))
    assert received_path(router).verdict is RouteVerdict.ROUTE_LEAK
    assert router.advertised("external") == set()


def test_explain_says_who_set_it() -> None:
    router = a_router(Role.PEER)
    router.receive("external", from_external(SOMEBODY))
    (candidate,) = explain(router.engine, P).candidates
    assert candidate.verdict == "route-leak"
    assert candidate.rule == "ONLY_TO_CUSTOMER 65009 from the peer AS 65001"


def test_a_role_that_the_plan_changes_counts_for_the_routes_that_are_there() -> None:
    router = a_router(None)
    router.receive("external", from_external(SOMEBODY))
    assert router.advertised("client") == {P}
    external, client = router.engine.plan.sessions
    router.apply(replace(router.engine.plan, sessions=(replace(external, role=Role.PROVIDER), client)))
    assert router.advertised("client") == set()
