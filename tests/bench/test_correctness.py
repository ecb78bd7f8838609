"""The thorough reader finds what a reflector may do wrong with a route (RFC 4456 8 and 10)."""

from __future__ import annotations

from typing import Any

import pytest

from labs.bench.reflection.case import CLUSTER_ID, Case
from labs.bench.reflection.correctness import WITHDRAWER, complaints
from labs.bench.reflection.messages import LOCAL_PREF, ClientMessage
from reflector.addresses import pack_address
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import intern_attributes
from reflector.wire.message import MAX_LENGTH
from reflector.wire.update import announcements

CASE = Case(3, 2)


def advertised(case: Case, client: int, owner: int, **changes: Any) -> list[ClientMessage]:
    """A reflected table of `owner`, as it is advertised to `client`."""
    next_hop = pack_address(case.address(owner))
    fields = {
        "next_hop": next_hop,
        "local_pref": LOCAL_PREF,
        "originator_id": case.router_id(owner),
        "cluster_list": (pack_address(CLUSTER_ID),),
    }
    attributes = intern_attributes(**(fields | changes))
    block = encode_attributes(attributes)
    hop = attributes.next_hop
    return [(client, octets) for octets in announcements(case.family, block, hop, case.keys(owner), MAX_LENGTH)]


def all_advertised(case: Case) -> list[ClientMessage]:
    """What a correct reflector has advertised at the end."""
    return [
        message
        for client in range(case.configured)
        for owner in range(case.clients)
        if owner not in (client, WITHDRAWER)
        for message in advertised(case, client, owner)
    ]


@pytest.mark.parametrize("case", [CASE, Case(3, 2, 6)], ids=str)
def test_a_right_reflector_gives_no_complaint(case: Case) -> None:
    assert complaints(case, all_advertised(case)) == []


def test_a_clients_own_routes_may_come_back() -> None:
    assert complaints(CASE, [*all_advertised(CASE), *advertised(CASE, 1, 1)]) == []


def test_a_missing_prefix_is_found() -> None:
    assert complaints(CASE, all_advertised(CASE)[:-1]) == ["a prefix is missing (2 times)"]


def test_a_route_that_is_told_again_is_found() -> None:
    every = all_advertised(CASE)
    assert complaints(CASE, [*every, every[-1]]) == ["client 3 was sent 2 routes twice without a change"]


def test_a_withdrawn_prefix_that_stays_is_found() -> None:
    assert complaints(CASE, [*all_advertised(CASE), *advertised(CASE, 2, WITHDRAWER)]) == [
        "a withdrawn prefix is still there (2 times)"
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"next_hop": b"\1\2\3\4"}, "next hop is 1.2.3.4, not 172.16.0.2"),
        ({"local_pref": 100}, f"LOCAL_PREF is 100, not {LOCAL_PREF}"),
        ({"originator_id": b"\1\2\3\4"}, "ORIGINATOR_ID is 1.2.3.4, not 172.16.0.2"),
        ({"cluster_list": ()}, "CLUSTER_LIST is (), not (b'\\xe0\\x00\\x00\\x01',)"),
        ({"origin": 2}, "ORIGIN is 2, not 0"),
        ({"med": 0}, "MULTI_EXIT_DISC is 0, not None"),
    ],
)
def test_an_altered_attribute_is_named(changes: dict[str, Any], sentence: str) -> None:
    assert complaints(CASE, [*all_advertised(CASE), *advertised(CASE, 2, 1, **changes)]) == [f"{sentence} (2 times)"]
