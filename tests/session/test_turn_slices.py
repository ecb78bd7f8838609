"""What one session may take of a turn: the rest of what it sent waits, in order, and nothing is lost."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from segment import session

from reflector.addresses import pack_address
from reflector.engine import Engine
from reflector.event_loop import EventLoop
from reflector.plan import NodePlan
from reflector.session.negotiated import Negotiated
from reflector.transport.connection import Handover
from reflector.transport.transport import SLICE, Transport
from reflector.wire.message import KEEPALIVE, MessageType, notification

US, NAMES = "10.9.0.9", ("10.9.0.1", "10.9.0.2")
SESSIONS = tuple(session(address, US) for address in NAMES)


class Clock:
    """Each look takes a quarter of a slice."""

    now = 100.0

    def __call__(self) -> float:
        self.now += SLICE / 4
        return self.now


class Speaker:
    def __init__(self) -> None:
        self.loop = EventLoop()
        self.engine = Engine(NodePlan(node="us", router_id=US, sessions=SESSIONS), 100.0)
        clock = Clock()
        self.transport = Transport(self.engine, self.loop, clock, clock)
        self.remotes: list[socket.socket] = []
        self.ended: list[str] = []
        self._ours: list[socket.socket] = []
        for each in SESSIONS:
            ours, remote = socket.socketpair()
            address = pack_address(each.peer_address)
            negotiated = Negotiated(address, address, (4,), 90)
            self.transport.take(Handover(each.name, ours, negotiated, lambda reason, _: self.ended.append(reason)))
            self.remotes.append(remote)
            self._ours.append(ours)

    def turn(self) -> list[int]:
        """How many KEEPALIVEs each session has brought after it."""
        self.loop.turn(0)
        self.transport.go_on()
        self.transport.finish(self.engine.flush(100.0))
        return [self.engine.peers[each.name].counters.received[MessageType.KEEPALIVE] for each in SESSIONS]

    def close(self) -> None:
        for each in (*self.remotes, *self._ours):
            each.close()


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    made = Speaker()
    yield made
    made.close()


def test_a_turn_handles_a_slice_of_each_session_and_the_next_turns_go_on(speaker: Speaker) -> None:
    speaker.remotes[0].send(KEEPALIVE * 10)
    speaker.remotes[1].send(KEEPALIVE)
    first = speaker.turn()
    assert 0 < first[0] < 10
    assert first[1] == 1, "the other session has its own time"
    assert speaker.transport.has_unhandled
    turns = 1
    while speaker.transport.has_unhandled:
        turns += 1
        assert turns < 10
        handled = speaker.turn()
    assert handled == [10, 1]


def test_nothing_more_is_read_while_messages_wait(speaker: Speaker) -> None:
    """So that what waits in the speaker is bounded, and the peer's TCP is what waits."""
    speaker.remotes[0].send(KEEPALIVE * 10)
    speaker.turn()
    speaker.remotes[0].send(KEEPALIVE * 10)
    read = speaker.engine.peers[SESSIONS[0].name].counters.bytes_in
    assert speaker.transport.has_unhandled
    speaker.turn()
    assert speaker.engine.peers[SESSIONS[0].name].counters.bytes_in == read


def test_what_a_peer_sent_before_it_left_is_handled_before_it_is_gone(speaker: Speaker) -> None:
    speaker.remotes[0].send(KEEPALIVE * 10 + notification(6, 2))
    speaker.remotes[0].close()
    for _ in range(8):
        speaker.turn()
    assert speaker.engine.peers[SESSIONS[0].name].counters.received[MessageType.KEEPALIVE] == 10
    assert speaker.ended == ["peer sent NOTIFICATION: cease (administrative shutdown)"]


def test_a_session_that_ends_takes_its_waiting_messages_along(speaker: Speaker) -> None:
    speaker.remotes[0].send(KEEPALIVE * 10)
    speaker.turn()
    speaker.transport.close(SESSIONS[0].name, "test")
    assert not speaker.transport.has_unhandled
    assert speaker.turn()[0] < 10
