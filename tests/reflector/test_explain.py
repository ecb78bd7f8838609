"""Explain: the verdict of every route to a prefix, and what each peer is sent of the best one."""

from __future__ import annotations

import pytest
from shown import explain
from speaker_makers import Router, a_client, a_plan, a_session, an_ebgp_peer, an_origination, announce

from reflector.plan import Match, Policy, PolicyRule, PrefixMatch, Verdict
from reflector.verdict import RouteVerdict

POD = "10.1.0.0/26"


def test_the_winner_and_the_step_that_the_other_one_lost_at() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a")
    router.up("b")
    router.receive("a", announce(POD, local_pref=100))
    router.receive("b", announce(POD, local_pref=200))
    verdicts = {each.peer: each.verdict for each in explain(router.engine, POD).candidates}
    assert verdicts == {"a": "lost-local-pref", "b": "best"}


def test_a_route_that_import_refuses_is_there_with_the_rule() -> None:
    policy = Policy("guests", (PolicyRule(Verdict.REJECT, Match(), defined_by="no guests"),))
    router = Router(a_plan(a_session("a", "10.0.0.1", import_policies=("guests",)), policies=(policy,)))
    router.up("a")
    router.receive("a", announce(POD))
    (candidate,) = explain(router.engine, POD).candidates
    assert (candidate.verdict, candidate.rule) == ("import-rejected", "no guests")


def test_a_loop_is_named() -> None:
    router = Router(a_plan(an_ebgp_peer("tor", "10.0.0.1")))
    router.up("tor")
    router.receive("tor", announce(POD, as_path=(65001, 64512), local_pref=None))
    (candidate,) = explain(router.engine, POD).candidates
    assert (candidate.verdict, candidate.as_path) == ("as-loop", "65001 64512")


def test_each_peer_is_sent_or_not_and_why() -> None:
    pods = PolicyRule(Verdict.ACCEPT, Match(prefix=PrefixMatch("10.1.0.0/16", 16, 32)), defined_by="IPPool pods")
    plan = a_plan(
        a_session("node", "10.0.0.1"),
        a_session("other", "10.0.0.2"),
        an_ebgp_peer("tor", "10.0.0.3", export_policies=("pods",), export_default=Verdict.REJECT),
        an_ebgp_peer("upstream", "10.0.0.4", peer_as=65002, export_default=Verdict.REJECT),
        policies=(Policy("pods", (pods,)),),
    )
    router = Router(plan)
    for name in ("node", "other", "tor", "upstream"):
        router.up(name)
    router.receive("node", announce(POD))
    advertised = {each.peer: (each.verdict, each.rule) for each in explain(router.engine, POD).exports}
    assert advertised == {
        "node": ("not-reflected", ""),
        "other": ("not-reflected", ""),
        "tor": ("advertised", "IPPool pods"),
        "upstream": ("export-rejected", "no policy accepts it"),
    }


def test_what_a_peer_is_sent_is_sent_as_it_is_sent() -> None:
    router = Router(a_plan(an_ebgp_peer("tor", "10.0.0.3"), originations=(an_origination(POD),)))
    router.up("tor")
    (export,) = explain(router.engine, POD).exports
    sent = router.attributes("tor", POD)
    assert (export.as_path, export.local_pref) == ("64512", None)
    assert sent.local_pref is None
    assert export.next_hop == ".".join(map(str, sent.next_hop))


def test_a_prefix_that_no_one_has_sent_names_the_one_around_it() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1")))
    router.up("a")
    router.receive("a", announce("10.0.0.0/8"), announce("10.1.0.0/16"))
    explanation = explain(router.engine, POD)
    assert (explanation.candidates, explanation.exports, explanation.covered_by) == ((), (), "10.1.0.0/16")


def test_a_route_that_outlived_its_session_is_stale() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1")))
    router.up("a")
    router.receive("a", announce(POD))
    router.down("a", is_lost=True)
    (candidate,) = explain(router.engine, POD).candidates
    assert (candidate.verdict, candidate.stale) == ("best", True)


def test_an_add_path_peer_is_sent_of_every_path_up_to_its_limit() -> None:
    """RFC 7911."""
    router = Router(
        a_plan(
            *(a_client(name, f"10.0.0.{number}") for number, name in enumerate("abc", 1)),
            a_client("many", "10.0.0.9", add_path_limit=2),
        )
    )
    for name in "abc":
        router.up(name)
        router.receive(name, announce(POD, local_pref=100 + ord(name)))
    router.up("many", add_path_send=frozenset((4,)))
    advertised = {
        each.source: (each.verdict, each.local_pref)
        for each in explain(router.engine, POD).exports
        if each.peer == "many"
    }
    assert advertised == {
        "c": ("advertised", 199),
        "b": ("advertised", 198),
        "a": ("beyond-limit", None),
    }
    identifiers = {each.path_id for each in explain(router.engine, POD).exports if each.peer == "many"}
    assert len(identifiers) == 3


def test_what_decides_is_shown() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")))
    router.up("a")
    router.up("b")
    router.receive("a", announce(POD, as_path=(65001,), med=7, origin=1))
    router.receive("b", announce(POD, as_path=(65001,), med=5, origin=1))
    shown = {each.peer: (each.verdict, each.med, each.origin) for each in explain(router.engine, POD).candidates}
    assert shown == {
        "a": (RouteVerdict.LOST_MED.value, 7, "EGP"),
        "b": ("best", 5, "EGP"),
    }


@pytest.mark.parametrize("text", ["", "nowhere", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_prefix_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        explain(Router(a_plan()).engine, text)
