"""The recorder: takes the engine's place where events come in, writes each to the journal and passes it on.

Rule: recording changes nothing, and an engine that is not recorded pays nothing for it.
"""

from __future__ import annotations

from typing import Protocol

from reflector.commands import Turn
from reflector.drain import Stage
from reflector.engine import Engine
from reflector.events import (
    Flushed,
    KernelChanged,
    OriginationsReplaced,
    PlanApplied,
    Received,
    Rejected,
    Resolved,
    RetainedRoutesWithdrawn,
    SessionDown,
    SessionUp,
    StageChanged,
    Ticked,
)
from reflector.journal.journal_format import event_frame, without_passwords
from reflector.journal.kernel_views import Address, RecordingKernelView
from reflector.kernel.lookup import KernelView
from reflector.kernel.resolve import Resolution
from reflector.plan import Family, NodePlan, Origination
from reflector.session.ending import Ending
from reflector.session.negotiated import Negotiated
from reflector.wire.message import NotificationError


class Sink(Protocol):
    """Where frames go. Neither method may fail: what cannot be kept is the sink's own affair."""

    def write(self, data: bytes) -> None: ...
    def commit(self) -> None:
        """What was written must outlive what happens next."""


class Recorder:
    """Also records what the kernel's routes answer to the engine. The events of a turn are committed before its flush,
    so that those that led to a crash are there."""

    def __init__(self, engine: Engine, sink: Sink) -> None:
        self._engine = engine
        self._sink = sink
        self._view: RecordingKernelView | None = None

    def apply(self, plan: NodePlan, now: float) -> None:
        self._sink.write(event_frame(PlanApplied(without_passwords(plan), now)))
        self._engine.apply(plan, now)

    def originate(self, name: str, originations: tuple[Origination, ...]) -> None:
        """Written once it is done: what raises has changed nothing and is no event."""
        self._engine.originate(name, originations)
        self._sink.write(event_frame(OriginationsReplaced(name, originations)))

    def drain(self, stage: Stage, reason: str, now: float) -> None:
        self._sink.write(event_frame(StageChanged(stage, reason, now)))
        self._engine.drain(stage, reason, now)

    def withdraw_retained(self, next_hops: frozenset[bytes], inside: tuple[tuple[Family, bytes], ...]) -> int:
        self._sink.write(event_frame(RetainedRoutesWithdrawn(tuple(sorted(next_hops)), inside)))
        return self._engine.withdraw_retained(next_hops, inside)

    def kernel_changed(self, table: KernelView | None) -> None:
        """The engine looks in the same view as long as it is given the same table."""
        self._sink.write(event_frame(KernelChanged(table is not None)))
        if table is None:
            self._view = None
        elif self._view is None or self._view.table is not table:
            self._view = RecordingKernelView(table, self._resolved)
        self._engine.kernel_changed(self._view)

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
