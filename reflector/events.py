"""Events: all that happens to an engine, as values that can be kept and played to another engine.

Rule: an event is complete: its time is in it, and `play` is exactly the engine's method of the same meaning. What the
kernel answers about next hops happens inside other events (Resolved). The values are the journal's format: a field that
changes is a new JOURNAL_VERSION.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from reflector.commands import Turn
from reflector.drain import Stage
from reflector.kernel.lookup import KernelView
from reflector.plan import Family, NodePlan, Origination
from reflector.session.ending import Ending
from reflector.session.negotiated import Negotiated
from reflector.wire.message import NotificationError


class Events(Protocol):
    """Who takes events: an engine, or a recorder in its place."""

    def apply(self, plan: NodePlan, now: float) -> None: ...
    def originate(self, name: str, originations: tuple[Origination, ...]) -> None: ...
    def drain(self, stage: Stage, reason: str, now: float) -> None: ...
    def withdraw_retained(self, next_hops: frozenset[bytes], inside: tuple[tuple[Family, bytes], ...]) -> int: ...
    def kernel_changed(self, table: KernelView | None) -> None: ...
    def session_up(self, name: str, negotiated: Negotiated, now: float) -> None: ...
    def session_down(self, name: str, reason: str, now: float, ending: Ending = Ending.FOR_GOOD) -> None: ...
    def receive(self, name: str, kind: int, body: bytes, now: float) -> None: ...
    def reject(self, name: str, error: NotificationError) -> None: ...
    def tick(self, now: float) -> None: ...
    def flush(self, now: float) -> Turn: ...


# A tag is the class's name unless the event is frequent.


class Started(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """An engine is made. `began` is when, in seconds since the epoch, for people."""

    plan: NodePlan
    now: float
    began: float = 0.0


class PlanApplied(msgspec.Struct, frozen=True, array_like=True, tag=True):
    plan: NodePlan
    now: float

    def play(self, events: Events) -> None:
        events.apply(self.plan, self.now)


class OriginationsReplaced(msgspec.Struct, frozen=True, array_like=True, tag=True):
    name: str
    originations: tuple[Origination, ...]

    def play(self, events: Events) -> None:
        events.originate(self.name, self.originations)


class StageChanged(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The drain goes forward, or ends (drain.py)."""

    stage: Stage
    reason: str
    now: float

    def play(self, events: Events) -> None:
        events.drain(self.stage, self.reason, self.now)


class RetainedRoutesWithdrawn(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Retained routes through next hops that are no node's any more are withdrawn."""

    next_hops: tuple[bytes, ...]
    inside: tuple[tuple[Family, bytes], ...]

    def play(self, events: Events) -> None:
        events.withdraw_retained(frozenset(self.next_hops), self.inside)


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


Playable = (
    PlanApplied
    | OriginationsReplaced
    | StageChanged
    | RetainedRoutesWithdrawn
    | SessionUp
    | SessionDown
    | Received
    | Rejected
    | Ticked
    | Flushed
)
Event = Playable | Started | KernelChanged | Resolved
