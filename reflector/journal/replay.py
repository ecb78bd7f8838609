"""Replay: a journal's events into a new engine, which is then in the state that the recorded one was in.

Rule: replay is the engine itself; nothing here knows what an event does. Every peer reads at once and everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from reflector.commands import Turn
from reflector.engine import Engine
from reflector.events import Event, KernelChanged, Playable, Resolved, Started
from reflector.journal.journal_format import JournalError
from reflector.journal.kernel_views import ReplayedKernelView
from reflector.kernel.resolve import Resolution, Unresolved
from reflector.kernel.route import Leg

Deliver = Callable[[str, bytes], None]


def replay(events: Iterable[Event], deliver: Deliver | None = None) -> Engine:
    """The engine after these events, settled. `deliver` is given what each peer is sent: its session's name and whole
    messages, turn by turn. Raises JournalError when there is no beginning."""
    rest = iter(events)
    first = next(rest, None)
    if not isinstance(first, Started):
        raise JournalError("the journal does not begin with the start of an engine")
    engine = Engine(first.plan, first.now)
    kernel = ReplayedKernelView()
    last = first.now
    for event in _with_answers_first(rest, kernel):
        last = getattr(event, "now", last)
        if isinstance(event, KernelChanged):
            engine.kernel_changed(kernel if event.is_known else None)
        elif (turn := event.play(engine)) is not None:
            _end_turn(engine, turn, deliver)
    _end_turn(engine, engine.flush(last), deliver)
    return engine


def _with_answers_first(events: Iterable[Event], kernel: ReplayedKernelView) -> Iterator[Playable | KernelChanged]:
    """The events but for the kernel's answers: those were asked for during the event in front of them, and are known
    before it is played. Raises JournalError for a second beginning."""
    waiting: Playable | KernelChanged | None = None
    for event in events:
        if isinstance(event, Resolved):
            address = len(event.address) * 8, int.from_bytes(event.address, "big")
            kernel.learn(address, _resolution(event))
            continue
        if isinstance(event, Started):
            raise JournalError("an engine starts in the middle of the journal")
        if waiting is not None:
            yield waiting
        waiting = event
    if waiting is not None:
        yield waiting


def until(events: Iterable[Event], seconds: float) -> Iterable[Event]:
    """The events of the first so many seconds."""
    end: float | None = None
    for event in events:
        now: float | None = getattr(event, "now", None)
        if end is None and now is not None:
            end = now + seconds
        if end is not None and now is not None and now > end:
            return
        yield event


def _end_turn(engine: Engine, turn: Turn, deliver: Deliver | None) -> None:
    for peer in turn.ready:
        while (chunk := peer.outbox.take()) is not None:
            if deliver is not None:
                deliver(peer.name, bytes(chunk))
    engine.trim_logs()


def _resolution(event: Resolved) -> Resolution:
    """As far as it was written down: the reason and the gateways were not."""
    reason = None if event.is_resolvable else Unresolved.NO_ROUTE
    return Resolution(reason, event.cost, tuple(Leg(b"", ifindex) for ifindex in event.interfaces))
