"""Paths per prefix: each costs the same to replace and to withdraw, and a peer has only so many (RFC 7911)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from growth import LINEAR, growth
from shown import explain
from speaker_makers import Router, a_client, a_plan, an_ebgp_peer, announce, some_attributes, withdraw

from reflector.addresses import pack_address
from reflector.inbound.paths_per_prefix import EXTERNAL_PATHS, INTERNAL_PATHS
from reflector.plan import Policy, PolicyRule, Verdict
from reflector.rib.loc_rib import CROWDED, LocRib
from reflector.rib.path import Path
from reflector.verdict import RouteVerdict
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import intern_attributes
from reflector.wire.message import HEADER_LENGTH
from reflector.wire.nlri import pack_nlri
from reflector.wire.update import announcements

P, Q = "10.1.0.0/26", "10.2.0.0/26"


def a_router(**changes: object) -> Router:
    router = Router(a_plan(an_ebgp_peer("a", "10.0.0.1", **changes), a_client("c", "10.0.0.3")))
    router.up("a", add_path_receive=frozenset((4,)), hold_time=0)
    router.up("c", hold_time=0)
    return router


def paths(first: int, last: int, prefix: str = P, **fields: object) -> list[bytes]:
    return [announce(prefix, path_id=number, as_path=(65001,), **fields) for number in range(first, last + 1)]


def gone(first: int, last: int, prefix: str = P) -> list[bytes]:
    return [withdraw(prefix, path_id=number) for number in range(first, last + 1)]


def verdicts(router: Router) -> dict[int, str]:
    return {each.path_id: each.verdict for each in explain(router.engine, P).candidates}


def candidates(router: Router, prefix: str = P) -> int:
    return len(router.engine.ribs[4].candidates(pack_nlri(prefix)))


def test_a_path_beyond_the_limit_is_no_candidate_and_has_a_verdict() -> None:
    router = a_router()
    router.receive("a", *paths(1, EXTERNAL_PATHS + 3))
    assert candidates(router) == EXTERNAL_PATHS
    beyond = {number for number, verdict in verdicts(router).items() if verdict == RouteVerdict.TOO_MANY_PATHS}
    assert beyond == {EXTERNAL_PATHS + 1, EXTERNAL_PATHS + 2, EXTERNAL_PATHS + 3}
    router.receive("a", *paths(1, 1, prefix=Q))
    assert candidates(router, Q) == 1, "another prefix has its own room"


def test_a_replaced_path_is_never_over_the_limit() -> None:
    router = a_router()
    router.receive("a", *paths(1, EXTERNAL_PATHS))
    router.receive("a", *paths(1, EXTERNAL_PATHS, med=9))
    assert RouteVerdict.TOO_MANY_PATHS.value not in verdicts(router).values()


def test_a_waiting_path_takes_the_place_of_one_that_goes() -> None:
    router = a_router()
    router.receive("a", *paths(1, EXTERNAL_PATHS + 2))
    router.receive("a", *gone(5, 5))
    assert candidates(router) == EXTERNAL_PATHS
    router.receive("a", *gone(6, 6), *gone(EXTERNAL_PATHS + 1, EXTERNAL_PATHS + 1))
    assert candidates(router) == EXTERNAL_PATHS - 1
    assert RouteVerdict.TOO_MANY_PATHS.value not in verdicts(router).values()
    assert not router.engine.peers["a"].adj_rib_in[4].waiting


def test_a_waiting_path_that_goes_frees_no_room() -> None:
    router = a_router()
    router.receive("a", *paths(1, EXTERNAL_PATHS + 2))
    router.receive("a", *gone(EXTERNAL_PATHS + 2, EXTERNAL_PATHS + 2))
    assert candidates(router) == EXTERNAL_PATHS
    assert list(verdicts(router).values()).count(RouteVerdict.TOO_MANY_PATHS.value) == 1


def test_a_policy_that_refuses_paths_makes_room_for_waiting_ones() -> None:
    router = a_router()
    router.receive("a", *paths(1, EXTERNAL_PATHS, communities=(7,)), *paths(EXTERNAL_PATHS + 1, EXTERNAL_PATHS + 1))
    router.receive("a", *gone(1, 1))
    assert candidates(router) == EXTERNAL_PATHS
    refuse = Policy("none", (PolicyRule(Verdict.REJECT),))
    plan = a_plan(
        an_ebgp_peer("a", "10.0.0.1", import_policies=("none",)), a_client("c", "10.0.0.3"), policies=(refuse,)
    )
    router.apply(plan)
    assert candidates(router) == 0
    assert not router.engine.peers["a"].adj_rib_in[4].waiting
    router.apply(a_plan(an_ebgp_peer("a", "10.0.0.1"), a_client("c", "10.0.0.3")))
    assert candidates(router) == EXTERNAL_PATHS


def test_a_session_that_goes_leaves_nothing_behind() -> None:
    router = a_router()
    router.receive("a", *paths(1, EXTERNAL_PATHS + 9))
    router.down("a")
    rib = router.engine.ribs[4]
    assert (rib.table, rib.crowded) == ({}, set())
    assert router.advertised("c") == set()


def test_an_internal_peer_has_more_room() -> None:
    router = Router(a_plan(a_client("a", "10.0.0.1"), a_client("c", "10.0.0.3")))
    router.up("a", add_path_receive=frozenset((4,)))
    router.receive("a", *(announce(P, path_id=number) for number in range(INTERNAL_PATHS + 2)))
    assert candidates(router) == INTERNAL_PATHS
    router.receive("a", *(withdraw(P, path_id=number) for number in range(INTERNAL_PATHS)))
    assert candidates(router) == 2


def test_a_crowd_that_shrinks_is_a_few_candidates_in_their_order() -> None:
    rib, made = LocRib(4), some_paths(CROWDED * 2)
    for path in made:
        rib.replace(b"p", None, path)
    rib.replace(b"p", made[0], made[0])
    assert rib.candidates(b"p") == [*made[1:], made[0]]
    assert rib.crowded == {b"p"}
    for path in made[1:-1]:
        rib.replace(b"p", path, None)
    assert (rib.candidates(b"p"), rib.crowded) == ([made[-1], made[0]], set())


def some_paths(number: int) -> list[Path]:
    attributes = intern_attributes(next_hop=b"\x0a\0\0\1")
    return [Path(None, 4, attributes, attributes) for _ in range(number)]


@pytest.mark.slow
@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "withdrawn"])
def test_candidates_of_one_prefix_cost_the_same_however_many_they_are(replaced: bool) -> None:
    def prepare(number: int) -> Callable[[], object]:
        rib, old, new = LocRib(4), some_paths(number), some_paths(number)
        for path in old:
            rib.replace(b"p", None, path)

        def work() -> None:
            for path, successor in zip(reversed(old), new, strict=True):
                rib.replace(b"p", path, successor if replaced else None)

        return work

    assert growth(prepare, 5000) < LINEAR


@pytest.mark.slow
def test_thousands_of_path_identifiers_are_bounded_work_a_turn() -> None:
    def prepare(number: int) -> Callable[[], object]:
        router = a_router()
        router.receive("a", *paths(1, number))
        again = [*reversed(paths(1, number, med=3)), *gone(1, number)]
        return lambda: router.receive("a", *again)

    assert growth(prepare, 500) < LINEAR


def in_one_update(prefix: str, identifiers: range) -> bytes:
    """All in one UPDATE, as an extended message holds thousands."""
    block = encode_attributes(some_attributes(as_path=(65001,), local_pref=None))
    keys = [number.to_bytes(4, "big") + pack_nlri(prefix) for number in identifiers]
    (message,) = announcements(4, block, pack_address("10.0.0.1"), keys, 65535)
    return message[HEADER_LENGTH:]


def test_many_paths_of_one_update_are_bounded_in_their_order() -> None:
    router = a_router()
    router.receive("a", in_one_update(P, range(1, EXTERNAL_PATHS + 40)))
    accepted = [number for number, verdict in verdicts(router).items() if verdict != RouteVerdict.TOO_MANY_PATHS]
    assert accepted == list(range(1, EXTERNAL_PATHS + 1))
    router.receive("a", in_one_update(P, range(1, EXTERNAL_PATHS + 60)))
    assert candidates(router) == EXTERNAL_PATHS
    router.receive("a", *gone(1, EXTERNAL_PATHS + 58))
    assert list(verdicts(router)) == [EXTERNAL_PATHS + 59]
    assert candidates(router) == 1
