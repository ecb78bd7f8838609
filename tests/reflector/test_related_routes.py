"""What `explain` has of the prefixes around an address and inside a prefix: refused routes, too."""

from __future__ import annotations

import pytest
from shown import explain
from speaker_makers import Router, a_plan, a_session, an_origination, announce

from reflector.plan import Match, Policy, PolicyRule, PrefixMatch, Verdict
from reflector.show.related_routes import MOST

REJECTED = Policy(
    "guests",
    (PolicyRule(Verdict.REJECT, Match(prefix=PrefixMatch("10.244.21.0/24", 24, 24)), defined_by="BGPFilter guests"),),
)


@pytest.fixture
def router() -> Router:
    """`a` has sent a wide prefix, one inside it that is refused, and two that are more specific."""
    plan = a_plan(
        a_session("a", "10.0.0.1", import_policies=("guests",)),
        policies=(REJECTED,),
        originations=(an_origination("10.244.0.0/18"),),
    )
    router = Router(plan)
    router.up("a")
    router.receive("a", announce("10.244.0.0/16", "10.244.21.0/24", "10.244.21.64/26", "10.245.0.0/16"))
    return router


def test_a_refused_route_that_covers_an_address_is_named_with_its_rule(router: Router) -> None:
    explanation = explain(router.engine, "10.244.21.2/32")
    assert explanation.candidates == ()
    assert [(each.prefix, each.peer, each.verdict) for each in explanation.covering] == [
        ("10.244.21.0/24", "a", "import-rejected"),
        ("10.244.0.0/18", "", "best"),
        ("10.244.0.0/16", "a", "best"),
    ]
    assert explanation.covering[0].rule == "BGPFilter guests"
    assert explanation.inside == ()


def test_more_specific_routes_are_named(router: Router) -> None:
    explanation = explain(router.engine, "10.244.0.0/16")
    assert [each.prefix for each in explanation.inside] == ["10.244.0.0/18", "10.244.21.0/24", "10.244.21.64/26"]
    assert explanation.covering == ()


def test_nothing_beside_it_is_named(router: Router) -> None:
    explanation = explain(router.engine, "10.244.21.0/25")
    assert [each.prefix for each in explanation.inside] == ["10.244.21.64/26"]
    assert explain(router.engine, "10.246.0.0/16").inside == explain(router.engine, "10.246.0.0/16").covering == ()


def test_many_are_bounded_and_the_rest_counted(router: Router) -> None:
    router.receive("a", announce(*(f"10.245.{number}.0/24" for number in range(200))))
    explanation = explain(router.engine, "10.245.0.0/16")
    assert (len(explanation.inside), explanation.more) == (MOST, 150)


def test_ipv6_and_the_default_route(router: Router) -> None:
    router.receive("a", announce("0.0.0.0/0"))
    assert [each.prefix for each in explain(router.engine, "192.0.2.1/32").covering] == ["0.0.0.0/0"]
    assert {each.prefix for each in explain(router.engine, "0.0.0.0/0").inside} == {
        "10.244.0.0/16",
        "10.244.0.0/18",
        "10.244.21.0/24",
        "10.244.21.64/26",
        "10.245.0.0/16",
    }
