"""The journal: every event of an engine, in order, so that the same routing state can be made again from a file.

    bgpctl journal 1\\n      the first line: what it is, and the version of what follows
    frame frame ...         one event each, framed as in messages/frames.py: a msgpack array of its type and fields

The first event is Started; replaying the others in order gives the identical Loc-RIB, Adj-RIB-Ins and octets to every
peer (replay.py). Rule: passwords never enter it, and recording changes nothing: a Recorder takes the place of the
engine where events come in, and an engine that nobody records is not asked about it. What a peer that reads too slowly
was told of late (slow_peer.py) depends on its socket, which is no event: a replayed peer reads at once. An add-path
identifier of ours may be another number where somebody looked at the tables when the path it stood for went.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec

from reflector.drain import Stage
from reflector.engine import Engine, Turn
from reflector.journal.kernel_views import Address, RecordingKernelView
from reflector.kernel.lookup import KernelView
from reflector.kernel.resolve import Resolution
from reflector.messages import FrameError, FrameReader, frame
from reflector.plan import Family, NodePlan, Origination
from reflector.session.ending import Ending
from reflector.session.negotiated import Negotiated
from reflector.wire.message import NotificationError

JOURNAL_VERSION = 1
_NAME = b"bgpctl journal "
HEADER = _NAME + b"%d\n" % JOURNAL_VERSION
_LONGEST_HEADER = 32


class JournalError(ValueError):
    """The octets are no journal, or one that this version does not read. One sentence."""


class Events(Protocol):
    """All that happens to an engine, as its own methods take it."""

    def apply(self, plan: NodePlan, now: float) -> None: ...
    def originate(self, name: str, originations: tuple[Origination, ...]) -> None: ...
    def drain(self, stage: Stage, reason: str, now: float) -> None: ...
    def forget(self, next_hops: frozenset[bytes], inside: tuple[tuple[Family, bytes], ...]) -> int: ...
    def kernel_changed(self, table: KernelView | None) -> None: ...
    def session_up(self, name: str, negotiated: Negotiated, now: float) -> None: ...
    def session_down(self, name: str, reason: str, now: float, ending: Ending = Ending.FOR_GOOD) -> None: ...
    def receive(self, name: str, kind: int, body: bytes, now: float) -> None: ...
    def reject(self, name: str, error: NotificationError) -> None: ...
    def tick(self, now: float) -> None: ...
    def flush(self, now: float) -> Turn: ...


# --------------------------------------------------------------------------------------------- events
# Each lets itself happen again with `play`, but for what the kernel says (replay.py). A tag is the class's name unless
# the event is frequent.


class Started(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An engine is made. `began` is when, in seconds since the epoch, for people."""

    plan: NodePlan
    now: float
    began: float = 0.0

    def play(self, events: Events) -> None:  # noqa: ARG002  it cannot happen again
        raise JournalError("an engine starts in the middle of the journal")


class PlanApplied(msgspec.Struct, frozen=True, array_like=True, tag=True):
    plan: NodePlan
    now: float

    def play(self, events: Events) -> None:
        events.apply(self.plan, self.now)


class Originated(msgspec.Struct, frozen=True, array_like=True, tag=True):
    name: str
    originations: tuple[Origination, ...]

    def play(self, events: Events) -> None:
        events.originate(self.name, self.originations)


class Drained(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Traffic is led away from this node from now on, or no longer (drain.py)."""

    stage: Stage
    reason: str
    now: float

    def play(self, events: Events) -> None:
        events.drain(self.stage, self.reason, self.now)


class Forgot(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Retained routes through next hops that are no node's any more have gone."""

    next_hops: tuple[bytes, ...]
    inside: tuple[tuple[Family, bytes], ...]

    def play(self, events: Events) -> None:
        events.forget(frozenset(self.next_hops), self.inside)


class KernelChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The kernel's routes are known, or others than before; or nothing is known of them."""

    is_known: bool


class Resolved(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What the kernel's routes answered about a next hop, during the event in front of it: `address` has 4 or 16
    octets."""

    address: bytes
    is_resolvable: bool
    cost: int
    interfaces: tuple[int, ...]


class SessionUp(msgspec.Struct, frozen=True, array_like=True, tag=True):
    name: str
    negotiated: Negotiated
    now: float

    def play(self, events: Events) -> None:
        events.session_up(self.name, self.negotiated, self.now)


class SessionDown(msgspec.Struct, frozen=True, array_like=True, tag=True):
    name: str
    reason: str
    now: float
    ending: Ending

    def play(self, events: Events) -> None:
        events.session_down(self.name, self.reason, self.now, self.ending)


class Received(msgspec.Struct, frozen=True, array_like=True, tag="R"):
    name: str
    kind: int
    body: bytes
    now: float

    def play(self, events: Events) -> None:
        events.receive(self.name, self.kind, self.body, self.now)


class Rejected(msgspec.Struct, frozen=True, array_like=True, tag=True):
    name: str
    code: int
    subcode: int
    reason: str
    data: bytes

    def play(self, events: Events) -> None:
        events.reject(self.name, NotificationError(self.code, self.subcode, self.reason, self.data))


class Ticked(msgspec.Struct, frozen=True, array_like=True, tag="T"):
    now: float

    def play(self, events: Events) -> None:
        events.tick(self.now)


class Flushed(msgspec.Struct, frozen=True, array_like=True, tag="F"):
    """The end of a turn."""

    now: float

    def play(self, events: Events) -> Turn:
        return events.flush(self.now)


_Playable = (
    Started
    | PlanApplied
    | Originated
    | Drained
    | Forgot
    | SessionUp
    | SessionDown
    | Received
    | Rejected
    | Ticked
    | Flushed
)
PlayedEvent = _Playable | KernelChanged
Event = PlayedEvent | Resolved

_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def event_frame(event: Event) -> bytes:
    """One event as it is kept."""
    return frame(event, JOURNAL_VERSION)


def without_passwords(plan: NodePlan) -> NodePlan:
    sessions = tuple(msgspec.structs.replace(session, password=None) for session in plan.sessions)
    return msgspec.structs.replace(plan, sessions=sessions)


# ------------------------------------------------------------------------------------------- recording


class Sink(Protocol):
    """Where frames go. Neither method may fail: what cannot be kept is the sink's own affair."""

    def write(self, data: bytes) -> None: ...
    def commit(self) -> None:
        """What was written must outlive what happens next."""


class Recorder:
    """Takes an engine's events, writes each down and passes it on; it also hears what the kernel's routes answer to the
    engine. What a turn was made of is committed before its flush, so that the events that led to a crash are there."""

    def __init__(self, engine: Engine, sink: Sink) -> None:
        self._engine = engine
        self._sink = sink
        self._witness: RecordingKernelView | None = None

    def apply(self, plan: NodePlan, now: float) -> None:
        self._sink.write(event_frame(PlanApplied(without_passwords(plan), now)))
        self._engine.apply(plan, now)

    def originate(self, name: str, originations: tuple[Origination, ...]) -> None:
        """Written once it is done: what raises has changed nothing and is no event."""
        self._engine.originate(name, originations)
        self._sink.write(event_frame(Originated(name, originations)))

    def drain(self, stage: Stage, reason: str, now: float) -> None:
        self._sink.write(event_frame(Drained(stage, reason, now)))
        self._engine.drain(stage, reason, now)

    def forget(self, next_hops: frozenset[bytes], inside: tuple[tuple[Family, bytes], ...]) -> int:
        self._sink.write(event_frame(Forgot(tuple(sorted(next_hops)), inside)))
        return self._engine.forget(next_hops, inside)

    def kernel_changed(self, table: KernelView | None) -> None:
        """The engine looks in the same witness as long as it is told of the same table."""
        self._sink.write(event_frame(KernelChanged(table is not None)))
        if table is None:
            self._witness = None
        elif self._witness is None or self._witness.table is not table:
            self._witness = RecordingKernelView(table, self._resolved)
        self._engine.kernel_changed(self._witness)

    def _resolved(self, address: Address, resolution: Resolution) -> None:
        bits, number = address
        octets = number.to_bytes(bits // 8, "big")
        self._sink.write(
            event_frame(Resolved(octets, resolution.is_resolvable, resolution.cost, resolution.interfaces))
        )

    def session_up(self, name: str, negotiated: Negotiated, now: float) -> None:
        self._sink.write(event_frame(SessionUp(name, negotiated, now)))
        self._engine.session_up(name, negotiated, now)

    def session_down(self, name: str, reason: str, now: float, ending: Ending = Ending.FOR_GOOD) -> None:
        self._sink.write(event_frame(SessionDown(name, reason, now, ending)))
        self._engine.session_down(name, reason, now, ending)

    def receive(self, name: str, kind: int, body: bytes, now: float) -> None:
        self._sink.write(event_frame(Received(name, kind, body, now)))
        self._engine.receive(name, kind, body, now)

    def reject(self, name: str, error: NotificationError) -> None:
        self._sink.write(event_frame(Rejected(name, error.code, error.subcode, error.reason, error.data)))
        self._engine.reject(name, error)

    def tick(self, now: float) -> None:
        self._sink.write(event_frame(Ticked(now)))
        self._engine.tick(now)

    def flush(self, now: float) -> Turn:
        self._sink.write(event_frame(Flushed(now)))
        self._sink.commit()
        return self._engine.flush(now)


# --------------------------------------------------------------------------------------------- reading


def read_journal(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events of a journal that is read in pieces of any size. An event that was cut off at the end, as a crash
    leaves it, is left out. Raises JournalError."""
    frames = FrameReader(version=JOURNAL_VERSION)
    for data in _after_header(iter(chunks)):
        try:
            for body in frames.feed(data):
                yield _decoder.decode(body)
        except (FrameError, msgspec.MsgspecError) as error:
            raise JournalError(f"the journal is damaged: {error}") from error


def _after_header(chunks: Iterator[bytes]) -> Iterator[bytes]:
    start = b""
    for chunk in chunks:
        start += chunk
        if b"\n" in start or len(start) >= _LONGEST_HEADER:
            break
    header, end, rest = start.partition(b"\n")
    if not header.startswith(_NAME):
        raise JournalError("this is not a journal")
    if header + end != HEADER:
        raise JournalError(
            f"a journal of version {header[len(_NAME) :].decode('ascii', 'replace')}; this is version {JOURNAL_VERSION}"
        )
    yield rest
    yield from chunks
