"""Sessions that have overdrawn their budgets: what the others have before them, and what is left to them."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator

import pytest
from segment import session

from reflector.addresses import pack_address
from reflector.engine import Engine
from reflector.event_loop import EventLoop
from reflector.events import Events
from reflector.journal.checkpoint import checkpoint
from reflector.journal.journal_format import HEADER, event_frame, read_journal
from reflector.journal.recorder import Recorder
from reflector.journal.replay import replay
from reflector.plan import Family, NodePlan
from reflector.session.negotiated import Negotiated
from reflector.transport.budget import LONGEST_WAIT, RESERVE, SHARE
from reflector.transport.connection import Handover
from reflector.transport.transport import OVERDRAWN_SLICE, SLICE, Transport
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import intern_attributes
from reflector.wire.message import KEEPALIVE, MAX_EXTENDED_LENGTH, MessageType
from reflector.wire.update import PLAIN_REFRESH, announcements, route_refresh

US, NAMES = "10.9.0.9", ("10.9.0.1", "10.9.0.2", "10.9.0.3")
SESSIONS = tuple(session(address, US, rr_client=True) for address in NAMES)
PLAN = NodePlan(node="us", router_id=US, cluster_id=US, sessions=SESSIONS)
BUSY, OTHER, LISTENER = (each.name for each in SESSIONS)
HOLD_TIME = 3
COST = OVERDRAWN_SLICE / 4
PATIENCE = 0.01
ADD_PATH: frozenset[Family] = frozenset((4,))
REQUEST = route_refresh(4, PLAIN_REFRESH)


class Costly:
    """The events as they are, each message COST seconds long."""

    def __init__(self, events: Events, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self.handled: list[tuple[str, int, int]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._events, name)

    def receive(self, name: str, kind: int, body: bytes, now: float) -> None:
        self._clock.now += COST
        self.handled.append((name, kind, len(body)))
        self._events.receive(name, kind, body, now)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Sink:
    def __init__(self) -> None:
        self.octets = HEADER

    def write(self, data: bytes) -> None:
        self.octets += data

    def commit(self) -> None:
        pass


class Speaker:
    """A turn takes as long as its messages. `busy` is the peer whose session is about to overdraw its budget.
    `processor` is the time that the speaker runs; without it, all of the time."""

    def __init__(self, processor: Clock | None = None) -> None:
        self.clock, self.loop = Clock(), EventLoop()
        self.engine = Engine(PLAN, 100.0)
        self.transport = Transport(self.engine, self.loop, self.clock, processor or self.clock)
        self.events = Costly(self.engine, self.clock)
        self.transport.events = self.events  # type: ignore[assignment]  # what it lacks is the engine's
        self.ended: list[str] = []
        self._ours: list[socket.socket] = []
        remotes: list[socket.socket] = []
        for each in SESSIONS:
            ours, remote = socket.socketpair()
            address = pack_address(each.peer_address)
            negotiated = Negotiated(
                address, pack_address(US), (4,), HOLD_TIME, route_refresh=True, max_length=MAX_EXTENDED_LENGTH,
                add_path_receive=ADD_PATH,
            )  # fmt: skip
            self.transport.take(Handover(each.name, ours, negotiated, lambda reason, _: self.ended.append(reason)))
            remote.setblocking(False)
            remotes.append(remote)
            self._ours.append(ours)
        self.busy, self.other, self.listener = remotes

    def turn(self) -> dict[str, int]:
        """Returns how many messages of each session were handled. What is due later comes PATIENCE later at most."""
        before, due = len(self.events.handled), self.transport.due(self.clock.now)
        if due < math.inf:
            self.clock.now = min(max(due, self.clock.now), self.clock.now + PATIENCE)
        self.loop.turn(0)
        self.transport.go_on()
        self.transport.events.tick(self.clock.now)
        self.transport.finish(self.transport.events.flush(self.clock.now))
        names = [name for name, _, _ in self.events.handled[before:]]
        return {name: names.count(name) for name in set(names)}

    def overdraw(self) -> None:
        flood(self.busy, REQUEST)
        end = self.clock.now + 3 * RESERVE
        while self.clock.now < end:
            self.turn()
            flood(self.busy, REQUEST)

    def close(self) -> None:
        for each in (self.busy, self.other, self.listener, *self._ours):
            each.close()


def flood(remote: socket.socket, message: bytes) -> None:
    """Until its socket takes no more; what comes back is read."""
    for _ in range(1000):
        try:
            remote.send(message)
        except BlockingIOError:
            break
    read(remote)


def read(remote: socket.socket) -> bytes:
    octets = b""
    try:
        while data := remote.recv(1 << 20):
            octets += data
    except BlockingIOError:
        pass
    return octets


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    made = Speaker()
    yield made
    made.close()


def test_while_the_others_are_silent_it_has_all_of_the_time(speaker: Speaker) -> None:
    speaker.overdraw()
    for _ in range(50):
        flood(speaker.busy, REQUEST)
        before = speaker.clock.now
        assert speaker.turn()[BUSY] > 1
        assert speaker.clock.now - before < 2 * SLICE, "no time passes without work"


def test_keepalives_of_others_are_no_work(speaker: Speaker) -> None:
    speaker.overdraw()
    for _ in range(50):
        flood(speaker.busy, REQUEST)
        speaker.other.send(KEEPALIVE)
        before = speaker.clock.now
        speaker.turn()
        assert speaker.clock.now - before < 2 * SLICE


def test_what_another_brings_has_a_turn_of_its_own(speaker: Speaker) -> None:
    speaker.overdraw()
    speaker.clock.now += LONGEST_WAIT
    flood(speaker.busy, REQUEST)
    speaker.other.send(REQUEST)
    assert speaker.turn() == {OTHER: 1}
    speaker.other.send(REQUEST)
    assert speaker.turn().keys() == {OTHER, BUSY}, "it is passed over once"


def test_the_time_of_other_processes_is_not_charged() -> None:
    """On a machine that is busy with something else no session seems to be: here nothing is left for the speaker."""
    speaker = Speaker(Clock())
    try:
        speaker.overdraw()
        flood(speaker.busy, REQUEST)
        speaker.other.send(REQUEST)
        assert speaker.turn().keys() == {OTHER, BUSY}
    finally:
        speaker.close()


def test_it_gets_a_third_of_the_time_while_others_are_at_work(speaker: Speaker) -> None:
    speaker.overdraw()
    start, first = speaker.clock.now, len(speaker.events.handled)
    while speaker.clock.now < start + 10.0:
        flood(speaker.busy, REQUEST)
        speaker.other.send(REQUEST)
        speaker.turn()
        read(speaker.other)
    handled = [name for name, _, _ in speaker.events.handled[first:]]
    share = handled.count(BUSY) * COST / (speaker.clock.now - start)
    assert SHARE / 2 < share < SHARE * 1.1


def test_its_hold_timer_does_not_expire_while_its_keepalives_stand_behind_unread_messages(speaker: Speaker) -> None:
    speaker.overdraw()
    start, longest, peer = speaker.clock.now, 0.0, speaker.engine.peers[BUSY]
    while speaker.clock.now < start + 10 * HOLD_TIME:
        flood(speaker.busy, REQUEST)
        speaker.other.send(REQUEST)
        speaker.listener.send(KEEPALIVE)
        speaker.turn()
        read(speaker.other)
        read(speaker.listener)
        longest = max(longest, speaker.clock.now - peer.received_at)
    assert speaker.ended == []
    assert longest < 2 * LONGEST_WAIT < HOLD_TIME / 3


def test_its_large_update_is_spread_over_turns_and_no_route_of_it_is_lost(speaker: Speaker) -> None:
    speaker.overdraw()
    while BUSY in speaker.turn():
        pass
    keys = [number.to_bytes(4, "big") + b"\x20\x0a\x01" + number.to_bytes(2, "big") for number in range(4000)]
    made = intern_attributes(next_hop=pack_address(NAMES[0]), local_pref=100)
    (whole,) = announcements(4, encode_attributes(made), made.next_hop, keys, MAX_EXTENDED_LENGTH)
    speaker.busy.send(whole)
    largest = turns = 0
    while len(speaker.engine.peers[BUSY].adj_rib_in[4].routes) < len(keys):
        before = len(speaker.events.handled)
        speaker.turn()
        sizes = [size for _, kind, size in speaker.events.handled[before:] if kind == MessageType.UPDATE]
        largest, turns = max(largest, *sizes, 0), turns + 1
        assert turns < 100
    assert turns > 4
    assert largest < len(whole) / 10


def test_a_replay_is_sent_the_same_octets_though_updates_were_divided() -> None:
    speaker, sink, sent = Speaker(), Sink(), b""
    for event in checkpoint(speaker.engine, speaker.clock.now, 0.0):
        sink.write(event_frame(event))
    speaker.events = Costly(Recorder(speaker.engine, sink), speaker.clock)
    speaker.transport.events = speaker.events  # type: ignore[assignment]
    read(speaker.listener)
    speaker.overdraw()
    keys = [number.to_bytes(4, "big") + b"\x20\x0a\x01" + number.to_bytes(2, "big") for number in range(4000)]
    made = intern_attributes(next_hop=pack_address(NAMES[0]), local_pref=100)
    while BUSY in speaker.turn():
        pass
    speaker.busy.send(b"".join(announcements(4, encode_attributes(made), made.next_hop, keys, MAX_EXTENDED_LENGTH)))
    for _ in range(100):
        speaker.turn()
        sent += read(speaker.listener)
    replayed: list[bytes] = []
    replay(read_journal([sink.octets]), lambda name, data: replayed.append(data) if name == LISTENER else None)
    speaker.close()
    assert len(sent) > 5 * len(keys)
    assert sent == b"".join(replayed)[-len(sent) :]


def test_one_that_leaves_while_it_waits_ends_with_what_it_had_sent_handled(speaker: Speaker) -> None:
    speaker.overdraw()
    flood(speaker.busy, REQUEST)
    for _ in range(3):
        speaker.other.send(REQUEST)
        speaker.turn()
    speaker.busy.shutdown(socket.SHUT_WR)
    for _ in range(10000):
        speaker.other.send(REQUEST)
        speaker.turn()
        read(speaker.other)
        if speaker.ended:
            break
    assert speaker.ended == ["the peer closed the connection"]
    assert speaker.transport.due(speaker.clock.now) == math.inf
