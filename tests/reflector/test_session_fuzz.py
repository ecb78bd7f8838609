"""Whatever octets come over a connection, in whatever pieces, and however it breaks: nothing is raised, at worst that
session ends, once and with well-formed last words, and the others go on.

The sessions are socket pairs at the transport, which cuts, reads and writes as in the speaker.
"""

from __future__ import annotations

import contextlib
import socket
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speaker_makers import (
    Table,
    a_client,
    a_negotiation,
    a_plan,
    a_session,
    an_ebgp_peer,
    an_origination,
    announce,
    withdraw,
)

from reflector.engine import Engine
from reflector.event_loop import EventLoop
from reflector.transport.connection import Handover
from reflector.transport.transport import Transport
from reflector.wire.message import KEEPALIVE, MessageReader, MessageType, message, notification
from reflector.wire.update import BEGIN_OF_REFRESH, END_OF_REFRESH, end_of_rib, route_refresh

pytestmark = pytest.mark.slow

STEADY, OURS = "10.99.0.0/16", "10.98.0.0/16"
FUZZER = "fuzzer"
OTHERS = ("steady", "listener")
ADDRESSES = {FUZZER: "10.0.0.1", "steady": "10.0.0.2", "listener": "10.0.0.3"}


class Wire:
    """A transport with a session of the fuzzer and two of others. `ended` is what the session layer was given."""

    def __init__(self, *, external: bool, add_path: bool) -> None:
        self.now = 0.0
        self.ended: list[tuple[str, str]] = []
        fuzzer = an_ebgp_peer(FUZZER, ADDRESSES[FUZZER]) if external else a_client(FUZZER, ADDRESSES[FUZZER])
        steady, listener = a_client("steady", ADDRESSES["steady"]), a_session("listener", ADDRESSES["listener"])
        self.engine = Engine(a_plan(fuzzer, steady, listener, originations=(an_origination(OURS),)), self.now)
        self.loop = EventLoop()
        self.transport = Transport(self.engine, self.loop, lambda: self.now, lambda: self.now)
        self.ours: dict[str, socket.socket] = {}
        self.theirs: dict[str, socket.socket] = {}
        self.tables: dict[str, Table] = {}
        for name in ADDRESSES:
            with_paths = frozenset((4, 6)) if add_path and name == FUZZER else frozenset()
            self._connect(name, external=external and name == FUZZER, add_path=with_paths)
        self.theirs["steady"].sendall(
            message(MessageType.UPDATE, announce(STEADY, next_hop="10.0.0.2", local_pref=400))
        )
        self.turn()

    def _connect(self, name: str, *, external: bool, add_path: frozenset[int]) -> None:
        self.ours[name], self.theirs[name] = socket.socketpair()
        self.theirs[name].setblocking(False)
        agreed = a_negotiation(
            ADDRESSES[name], add_path_send=add_path, add_path_receive=add_path, enhanced_refresh=True
        )
        self.tables[name] = Table(agreed, external=external)
        self.transport.take(Handover(name, self.ours[name], agreed, partial(self._end, name)))

    def _end(self, name: str, reason: str, _hold_down: float) -> None:
        self.ended.append((name, reason))
        self.ours[name].close()

    def say(self, octets: bytes) -> None:
        """As the fuzzer, if it is still heard."""
        with contextlib.suppress(OSError):
            self.theirs[FUZZER].sendall(octets)
        self.turn()

    def hang_up(self) -> None:
        self.theirs[FUZZER].close()
        self.turn()

    def wait(self, seconds: int) -> None:
        """The others stay alive, the fuzzer as it likes."""
        for name in OTHERS:
            self.theirs[name].sendall(KEEPALIVE)
        self.turn()
        self.now += seconds
        self.engine.tick(self.now)
        self.turn()

    def turn(self) -> None:
        """Two of the event loop: what closes in the first is withdrawn in the second."""
        for _ in range(2):
            self.loop.turn(0.0)
            self.transport.finish(self.engine.flush(self.now))
        for name in OTHERS:
            with contextlib.suppress(BlockingIOError):
                self.tables[name].feed(self.theirs[name].recv(1 << 20))

    def last_words(self) -> list[int]:
        """The types of what the fuzzer was sent that it has not read: whole messages."""
        self.theirs[FUZZER].setblocking(False)
        octets = bytearray()
        with contextlib.suppress(OSError):
            while part := self.theirs[FUZZER].recv(1 << 20):
                octets += part
        reader = MessageReader()
        kinds = [kind for kind, _ in reader.feed(bytes(octets))]
        assert sum(len(body) + 19 for _, body in MessageReader().feed(bytes(octets))) == len(octets)
        return kinds

    def check(self) -> None:
        assert [name for name, _ in self.ended] in ([], [FUZZER])
        assert self.engine.peers[FUZZER].is_established == (not self.ended)
        for name in OTHERS:
            assert self.engine.peers[name].is_established
            assert self.engine.peers[name].counters.flaps == 0
            assert {STEADY, OURS} <= set(self.tables[name].routes)
        if self.ended and not self.engine.peers[FUZZER].is_stale:
            assert set(self.tables["listener"].routes) == {STEADY, OURS}

    def close(self) -> None:
        for ends in (*self.ours.values(), *self.theirs.values()):
            ends.close()


VALID = (
    KEEPALIVE,
    end_of_rib(4),
    end_of_rib(6),
    route_refresh(4, 0),
    route_refresh(6, 0),
    route_refresh(4, BEGIN_OF_REFRESH),
    route_refresh(4, END_OF_REFRESH),
    notification(6, 2),
    notification(6, 9, b"\6\2"),
    *(
        message(MessageType.UPDATE, body)
        for body in (
            announce("10.1.0.0/26", "10.2.0.0/26", as_path=(65001, 65002), med=3, communities=(7, 8)),
            announce(STEADY, as_path=(65001,)),
            announce(OURS, local_pref=3000000000),
            announce("fd00:1::/64", "fd00:2::/60", as_path=(65001,)),
            withdraw("10.1.0.0/26", STEADY),
            withdraw("fd00:1::/64"),
        )
    ),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Valid messages, of which a few octets are others, are missing or are too many."""
    octets = bytearray(b"".join(draw(st.lists(st.sampled_from(VALID), min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(octets)))
        how, value = draw(st.sampled_from(("set", "insert", "delete"))), draw(st.integers(0, 255))
        if how == "insert" or place == len(octets):
            octets.insert(place, value)
        elif how == "set":
            octets[place] = value
        else:
            del octets[place]
    return bytes(octets)


OCTETS = damaged() | st.binary(max_size=120)
STEPS = st.lists(
    st.tuples(st.just("say"), OCTETS)
    | st.tuples(st.just("wait"), st.integers(0, 100))
    | st.tuples(st.just("hang up"), st.none()),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.booleans(), st.booleans())
def test_any_conversation(steps: list, external: bool, add_path: bool) -> None:
    wire = Wire(external=external, add_path=add_path)
    try:
        wire.check()
        for what, value in steps:
            if what == "say":
                wire.say(value)
            elif what == "wait":
                wire.wait(value)
            else:
                wire.hang_up()
            wire.check()
        if wire.theirs[FUZZER].fileno() != -1:
            assert MessageType.NOTIFICATION not in wire.last_words()[:-1]
    finally:
        wire.close()


@settings(max_examples=200, deadline=None)
@given(damaged(), st.lists(st.integers(1, 40), max_size=12), st.booleans())
def test_octets_mean_the_same_in_any_pieces(octets: bytes, cuts: list[int], external: bool) -> None:
    """TCP knows no messages: how the octets were cut decides nothing but the reason that is given when a bad header
    comes in one piece with a message before it that would have ended the session as well."""
    whole, pieces = Wire(external=external, add_path=False), Wire(external=external, add_path=False)
    try:
        whole.say(octets)
        for cut in cuts:
            pieces.say(octets[:cut])
            octets = octets[cut:]
        pieces.say(octets)
        pieces.check()
        assert [name for name, _ in pieces.ended] == [name for name, _ in whole.ended]
        assert pieces.tables["listener"].routes == whole.tables["listener"].routes
        assert pieces.tables["steady"].routes == whole.tables["steady"].routes
    finally:
        whole.close()
        pieces.close()


def test_what_came_before_garbage_in_the_same_read_still_counts() -> None:
    """RFC 4271 6.1: the header error ends the session, and only what follows it is meaningless."""
    wire = Wire(external=False, add_path=False)
    wire.say(notification(6, 2) + b"\0" * 19)
    ((_, reason),) = wire.ended
    assert "administrative shutdown" in reason
    wire.check()
    wire.close()
