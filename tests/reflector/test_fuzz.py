"""Whatever octets a peer sends: never an exception, at worst its own session ends, and no other is touched."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speaker_makers import Router, a_client, a_plan, a_session, an_ebgp_peer, announce, withdraw

from reflector.wire.attribute_writer import encode_attribute
from reflector.wire.attributes import RawAttribute
from reflector.wire.message import MessageReader, MessageType, message
from reflector.wire.update import end_of_rib

pytestmark = pytest.mark.slow

STEADY = "10.99.0.0/16"
HEADER = 19
VALID = (
    announce("10.1.0.0/26", "10.2.0.0/26", as_path=(65001, 65002), med=3, communities=(7, 8)),
    announce("10.1.0.0/26", large_communities=((1, 2, 3),), originator_id=b"abcd", cluster_list=(b"efgh",)),
    announce("fd00:1::/64", "fd00:2::/60", as_path=(65001,)),
    announce("10.3.0.0/26", next_hop="fd00::7", others=(RawAttribute(0xC0, 99, bytes(300)),)),
    withdraw("10.1.0.0/26", "10.2.0.0/26"),
    withdraw("fd00:1::/64"),
    end_of_rib(4)[HEADER:],
    end_of_rib(6)[HEADER:],
)


def a_router(add_path: bool, external: bool) -> Router:
    fuzzer = an_ebgp_peer("fuzzer", "10.0.0.1", 65001) if external else a_client("fuzzer", "10.0.0.1")
    router = Router(a_plan(fuzzer, a_client("steady", "10.0.0.2"), a_session("listener", "10.0.0.3")))
    router.up("fuzzer", add_path_receive=frozenset((4, 6)) if add_path else frozenset())
    router.up("steady")
    router.up("listener")
    router.receive("steady", announce(STEADY, next_hop="10.0.0.2", local_pref=4000000000))
    return router


def send(router: Router, octets: bytes) -> None:
    """As the transport does: cut into messages, each received, then the end of the turn. The tables of the others
    fail on any message of ours that is not well formed."""
    reader = MessageReader(65535)
    for kind, body in reader.feed(octets):
        router.engine.receive("fuzzer", kind, body, now=0.0)
    if reader.error is not None:
        router.engine.reject("fuzzer", reader.error)
    turn = router.turn()
    assert {close.session for close in turn.closes} <= {"fuzzer"}
    for name in ("steady", "listener"):
        assert router.engine.peers[name].is_established
        assert STEADY in router.advertised(name)
    if turn.closes:
        assert router.selected() == {STEADY: "steady"}
        assert router.advertised("listener") == {STEADY}


BOTH = st.booleans()


@settings(max_examples=400)
@given(st.binary(max_size=200), BOTH, BOTH)
def test_any_octets(octets: bytes, add_path: bool, external: bool) -> None:
    send(a_router(add_path, external), octets)


@settings(max_examples=400)
@given(st.sampled_from(list(MessageType)), st.binary(max_size=100), BOTH, BOTH)
def test_any_body_of_any_type(kind: MessageType, body: bytes, add_path: bool, external: bool) -> None:
    send(a_router(add_path, external), message(kind, body))


MUTATIONS = st.lists(
    st.tuples(st.sampled_from(("set", "insert", "delete", "cut")), st.integers(0, 400), st.integers(0, 255)), max_size=6
)


def mutated(body: bytes, mutations: list[tuple[str, int, int]]) -> bytes:
    octets = bytearray(body)
    for how, where, value in mutations:
        place = where % (len(octets) + 1)
        if how == "insert":
            octets.insert(place, value)
        elif how == "cut":
            del octets[max(place, 4) :]
        elif place < len(octets):
            if how == "set":
                octets[place] = value
            else:
                del octets[place]
    return bytes(octets)


@settings(max_examples=1000)
@given(st.lists(st.tuples(st.sampled_from(VALID), MUTATIONS), min_size=1, max_size=4), BOTH, BOTH)
def test_updates_with_any_octets_changed(updates: list, add_path: bool, external: bool) -> None:
    router = a_router(add_path, external)
    send(router, b"".join(message(MessageType.UPDATE, mutated(body, mutations)) for body, mutations in updates))


ATTRIBUTES = st.builds(
    lambda flags, code, value: encode_attribute(flags & 0xE0, code, value),
    st.sampled_from((0x40, 0x80, 0xC0, 0xE0, 0x00)),
    st.sampled_from((*range(1, 19), 32, 99, 255)),
    st.sampled_from((b"", b"\0", bytes(4), b"\x0a\0\0\1", bytes(8), b"\2\1\0\0\xfd\xe9")) | st.binary(max_size=40),
)


@settings(max_examples=1000)
@given(st.lists(ATTRIBUTES, max_size=8), st.sampled_from((b"", b"\x08\x0a", b"\x1a\x0a\1\0\0")), BOTH, BOTH)
def test_any_attributes_in_any_order(attributes: list[bytes], nlri: bytes, add_path: bool, external: bool) -> None:
    block = b"".join(attributes)
    body = b"\0\0" + struct.pack("!H", len(block)) + block + nlri
    send(a_router(add_path, external), message(MessageType.UPDATE, body))


@pytest.mark.parametrize("kind", list(MessageType))
def test_the_shortest_message_of_each_type_is_survived(kind: MessageType) -> None:
    shortest = {1: 29, 2: 23, 3: 21, 4: 19, 5: 23}[kind]
    send(a_router(add_path=False, external=False), message(kind, bytes(shortest - HEADER)))
