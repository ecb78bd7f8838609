"""Which sessions learned prefixes come from: what would have no route left if some of them ended."""

from __future__ import annotations

from speaker_makers import Router, a_client, a_plan, an_origination, announce, withdraw

from reflector.messages import SourceCount
from reflector.show.incremental import complete_now
from reflector.show.sources import sources

A, B = a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")


def counts(router: Router) -> list[SourceCount]:
    return list(complete_now(sources(router.engine)).counts)


def test_prefixes_count_by_all_sessions_that_have_them() -> None:
    router = Router(a_plan(A, B, originations=(an_origination("10.7.0.0/26"),)))
    router.up("a")
    router.up("b")
    router.receive("a", announce("10.1.0.0/26", "10.2.0.0/26", "10.7.0.0/26"))
    router.receive("b", announce("10.2.0.0/26", local_pref=200), announce("10.3.0.0/26"))
    assert counts(router) == [
        SourceCount(4, ("a", "b"), 1),
        SourceCount(4, ("a",), 1),
        SourceCount(4, ("b",), 1),
    ], "10.7.0.0/26 is this node's own"
    router.receive("b", withdraw("10.2.0.0/26"))
    assert counts(router) == [SourceCount(4, ("a",), 2), SourceCount(4, ("b",), 1)]


def test_nothing_learned_has_no_sources() -> None:
    router = Router(a_plan(A, originations=(an_origination("10.7.0.0/26"),)))
    router.up("a")
    assert counts(router) == []
