"""Add-path towards a peer: which paths of a prefix it is sent and how they come and go (RFC 7911)."""

from __future__ import annotations

from typing import Any

import pytest
from speaker_makers import Router, a_client, a_plan, announce, withdraw

from reflector.plan import Match, Origination, Policy, PolicyRule, RouteSource, Verdict

P = "10.1.0.0/26"
P6 = "fd00:1::/64"
SOURCES = ("s1", "s2", "s3")
HOPS = {"s1": "10.0.0.1", "s2": "10.0.0.2", "s3": "10.0.0.3"}


def a_router(limit: int = 0, **changes: Any) -> Router:
    """Three sources without add-path, and a client that is sent paths."""
    sources = (a_client(name, HOPS[name]) for name in SOURCES)
    router = Router(a_plan(*sources, a_client("client", "10.0.0.9", add_path_limit=limit, **changes)))
    for name in SOURCES:
        router.up(name)
    return router


def listen(router: Router) -> None:
    router.up("client", add_path_send=frozenset((4, 6)))


def say(router: Router, name: str, **fields: Any) -> None:
    router.receive(name, announce(P, next_hop=HOPS[name], **fields))


def identifiers(router: Router) -> list[int]:
    return list(router.tables["client"].paths.get(P, {}))


def test_all_paths_are_sent_each_with_an_identifier_of_its_own() -> None:
    """RFC 7911 3."""
    router = a_router()
    listen(router)
    for name in SOURCES:
        say(router, name)
    assert router.tables["client"].next_hops(P) == set(HOPS.values())
    assert len(set(identifiers(router))) == 3
    assert router.tables["s1"].next_hops(P) == {"10.0.0.1"}, "without add-path the best one"


def test_a_late_joiner_is_sent_all_paths() -> None:
    router = a_router()
    for name in SOURCES:
        say(router, name)
    listen(router)
    assert router.tables["client"].next_hops(P) == set(HOPS.values())


def test_a_path_that_is_announced_again_replaces_what_came_from_the_same_peer() -> None:
    router = a_router()
    listen(router)
    say(router, "s1")
    say(router, "s2")
    before = identifiers(router)
    say(router, "s1", med=7)
    assert identifiers(router) == before
    assert sorted(path.med or 0 for path in router.tables["client"].paths[P].values()) == [0, 7]


def test_a_path_that_is_not_the_best_comes_and_goes_alone() -> None:
    router = a_router()
    listen(router)
    say(router, "s1", local_pref=200)
    say(router, "s2")
    quiet = len(router.tables["s3"].updates)
    router.receive("s2", withdraw(P))
    assert router.tables["client"].next_hops(P) == {"10.0.0.1"}
    assert len(router.tables["s3"].updates) == quiet, "who has the best path only hears nothing of it"


def test_a_peer_that_goes_takes_its_paths_along() -> None:
    router = a_router()
    listen(router)
    for name in SOURCES:
        say(router, name)
    router.down("s2")
    assert router.tables["client"].next_hops(P) == {"10.0.0.1", "10.0.0.3"}
    for name in ("s1", "s3"):
        router.down(name)
    assert router.advertised("client") == set()


def test_with_a_limit_the_best_paths_are_sent() -> None:
    router = a_router(limit=2)
    listen(router)
    for number, name in enumerate(SOURCES):
        say(router, name, local_pref=100 + number)
    assert router.tables["client"].next_hops(P) == {"10.0.0.2", "10.0.0.3"}
    router.receive("s3", withdraw(P))
    assert router.tables["client"].next_hops(P) == {"10.0.0.1", "10.0.0.2"}


def test_the_limit_of_one_is_one_identifier_for_good() -> None:
    router = a_router(limit=1)
    listen(router)
    for number, name in enumerate(SOURCES):
        say(router, name, local_pref=100 + number)
    assert router.tables["client"].next_hops(P) == {"10.0.0.3"}
    assert identifiers(router) == [1]


def test_there_is_always_a_path_while_one_takes_the_place_of_another() -> None:
    """What comes from elsewhere is announced before what it replaces is withdrawn."""
    router = a_router(limit=2)
    listen(router)
    for number, name in enumerate(SOURCES):
        say(router, name, local_pref=100 + number)
    seen: list[set[str]] = []
    table = router.tables["client"]
    replay, table._update = table._update, lambda body: (replay(body), seen.append(table.next_hops(P)))  # type: ignore[method-assign]
    router.receive("s3", withdraw(P))
    assert [len(hops) for hops in seen] == [3, 2]


def test_paths_that_peers_identify_are_passed_on_under_identifiers_of_ours() -> None:
    """RFC 7911 3: an identifier means nothing beyond its session."""
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2"), a_client("client", "10.0.0.9")))
    for name in ("a", "b"):
        router.up(name, add_path_receive=frozenset((4,)))
    listen(router)
    for name in ("a", "b"):
        for path_id in (1, 2):
            router.receive(name, announce(P, path_id=path_id, next_hop=f"10.0.{path_id}.{ord(name)}"))
    assert len(router.tables["client"].paths[P]) == 4
    router.receive("a", withdraw(P, path_id=1))
    assert router.tables["client"].next_hops(P) == {"10.0.2.97", "10.0.1.98", "10.0.2.98"}


def test_paths_of_one_message_with_several_identifiers_are_all_taken() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("client", "10.0.0.9")))
    router.up("a", add_path_receive=frozenset((4,)))
    listen(router)
    router.receive("a", announce(P, path_id=1), announce(P, path_id=2))
    assert len(identifiers(router)) == 2


def test_both_families() -> None:
    router = a_router()
    listen(router)
    for name in SOURCES:
        router.receive(name, announce(P6, next_hop=f"fd00::{name[1]}"))
    assert router.tables["client"].next_hops(P6) == {"fd00::1", "fd00::2", "fd00::3"}


def test_our_own_route_is_sent_beside_what_peers_have() -> None:
    own = Origination(P, RouteSource.BLOCK)
    router = a_router()
    router.apply(a_plan(*router.engine.plan.sessions, originations=(own,)))
    listen(router)
    say(router, "s1")
    assert router.tables["client"].next_hops(P) == {"10.0.0.100", "10.0.0.1"}


def test_what_export_withholds_of_the_paths_is_not_sent() -> None:
    no_s2 = Policy("no-s2", (PolicyRule(Verdict.REJECT, Match(community="64512:2")),))
    router = a_router(export_policies=("no-s2",))
    router.apply(a_plan(*router.engine.plan.sessions, policies=(no_s2,)))
    listen(router)
    say(router, "s1")
    say(router, "s2", communities=((64512 << 16) + 2,))
    assert router.tables["client"].next_hops(P) == {"10.0.0.1"}


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0), (0, 2), (2, 0), (2, 1), (1, 2)])
def test_another_limit_in_the_plan_is_sent_as_a_difference(before: int, after: int) -> None:
    """No session is reset; what is sent is what a fresh start would be."""
    router = a_router(limit=before)
    listen(router)
    for number, name in enumerate(SOURCES):
        say(router, name, local_pref=100 + number)
    *sources, _ = router.engine.plan.sessions
    router.apply(a_plan(*sources, a_client("client", "10.0.0.9", add_path_limit=after)))
    best_first = ["10.0.0.3", "10.0.0.2", "10.0.0.1"]
    assert router.tables["client"].next_hops(P) == set(best_first[: after or 3])
    group = router.engine.peers["client"].group
    assert group is not None
    assert group.encoder.advertised[4] == (after or 3)


def test_a_refresh_brings_all_paths_again() -> None:
    """RFC 2918 4."""
    router = a_router()
    listen(router)
    for name in SOURCES:
        say(router, name)
    router.tables["client"].paths.clear()
    router.receive("client", b"\0\1\0\1", kind=5)
    assert router.tables["client"].next_hops(P) == set(HOPS.values())


def test_a_peer_that_was_cut_off_ends_with_the_paths_of_now() -> None:
    """Keys of what was missed carry their identifier: paths that went meanwhile are withdrawn one by one."""
    router = a_router()
    listen(router)
    for name in SOURCES:
        say(router, name)
    client = router.engine.peers["client"]
    assert client.group is not None
    client.outbox.cut_off()
    client.group.cut_off.append(client)
    router.engine.receive("s1", 2, withdraw(P), 0.0)
    router.engine.receive("s2", 2, announce(P, next_hop="10.0.0.2", med=9), 0.0)
    router.engine.turn.settle()
    router.engine.receive("s1", 2, announce(P, next_hop="10.0.0.1", med=5), 0.0)
    router.engine.turn.settle()
    router.engine.receive("s3", 2, withdraw(P), 0.0)
    router.turn()
    assert {path.med for path in router.tables["client"].paths[P].values()} == {9, 5}
    assert client.group.encoder.advertised[4] == 2
