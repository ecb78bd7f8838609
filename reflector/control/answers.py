"""What the speaker answers to each request on its control socket: at once, or in parts (show/incremental.py).

Rule: a request that makes no sense is Refused with a sentence, and nothing has changed. So is one that only reads and
fails by a fault of ours: that is reported, and the speaker goes on. A change that fails midway ends the speaker, since
its state may be half changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from msgspec import structs

from reflector.addresses import MAX_BITS, unpack_address
from reflector.control.loc_rib_stream import LocRibStream, loc_rib_sync
from reflector.engine import Engine
from reflector.events import Events
from reflector.journal.recording import Recording
from reflector.messages import (
    Apply,
    Drain,
    Draining,
    Explain,
    LocRibUpdate,
    Message,
    Originate,
    Originated,
    Refused,
    Request,
    Retained,
    RetainedWithdrawn,
    ShowCounters,
    ShowJournal,
    ShowPeers,
    ShowRetained,
    ShowRoutes,
    ShowSessions,
    ShowSources,
    StartJournal,
    StopJournal,
    Subscribe,
    Subscribed,
    WithdrawRetained,
    frame,
)
from reflector.plan import NodePlan
from reflector.session.set_up import SetUps
from reflector.session.unknown_peers import UnknownPeer
from reflector.show.explain import explain
from reflector.show.incremental import Incremental
from reflector.show.key_order import KeyOrders
from reflector.show.retained import awaited, complete_reflectors
from reflector.show.route_pages import route_page
from reflector.show.sessions import sessions, unknown_peers
from reflector.show.snapshot import counters_snapshot, decision_losses, peer_page
from reflector.show.sources import sources
from reflector.wire.nlri import check_nlri

# What is wrong with a request, or with the world it asks for; any other exception is a fault of ours.
_REFUSALS: dict[type[Request], type[Exception]] = {
    Originate: ValueError,
    ShowPeers: ValueError,
    ShowRoutes: ValueError,
    StartJournal: OSError,
    WithdrawRetained: ValueError,
}


class AnsweredSpeaker(Protocol):
    """What answers need of a speaker: its engine, and what takes the engine's events (a recorder may); its journal; and
    what only its session layer knows or does.

    started                  by the clock of the answers
    apply_plan               Applied, or Refused with nothing changed
    set_ups                  how far sessions have come that ExaBGP works on, by name
    unknown_peers            who has connected without being in the plan, the newest first
    session_layer_counters   totals by name, beside those of the engine
    report_failed_answer     takes an exception that a request raised which only reads
    unacknowledged           sessions whose peer has not acknowledged all that is to be sent to it
    """

    engine: Engine
    events: Events
    recording: Recording
    started: float

    def apply_plan(self, plan: NodePlan) -> Message: ...
    def set_ups(self) -> SetUps: ...
    def unknown_peers(self) -> Iterable[UnknownPeer]: ...
    def session_layer_counters(self) -> dict[str, int]: ...
    def report_failed_answer(self, error: Exception) -> None: ...
    def unacknowledged(self) -> tuple[str, ...]: ...


class Answers:
    """Answers for one speaker; called with a request it begins an answer. `_immediate` and `_incremental` list which
    method answers which request."""

    def __init__(self, speaker: AnsweredSpeaker, stream: LocRibStream, clock: Callable[[], float]) -> None:
        self._speaker = speaker
        self._engine = speaker.engine
        self._stream = stream
        self._clock = clock
        self._orders = KeyOrders()
        self._immediate: dict[type[Request], Callable[[Any], Message]] = {
            Apply: lambda request: speaker.apply_plan(request.plan),
            Originate: self._originate,
            Drain: self._drain,
            StartJournal: lambda request: speaker.recording.start(request.limit, clock()),
            StopJournal: lambda _: speaker.recording.stop(),
            ShowJournal: lambda _: speaker.recording.status(),
            ShowSessions: lambda request: sessions(self._engine, speaker.set_ups(), clock(), request.limit),
            WithdrawRetained: self._withdraw_retained,
        }
        self._incremental: dict[type[Request], Callable[[Any], Incremental[Message]]] = {
            ShowPeers: self._peers,
            ShowRoutes: lambda request: route_page(self._engine, request, self._orders),
            ShowSources: lambda _: sources(self._engine),
            ShowRetained: self._retained,
            ShowCounters: self._counters,
            Explain: self._explain,
        }

    def __call__(self, request: Request) -> Iterator[Message | bytes | None]:
        if isinstance(request, Subscribe):
            yield from self._loc_rib(request)
            return
        try:
            yield (yield from self._reply(request))
        except _REFUSALS.get(type(request), ()) as error:
            yield Refused(str(error))
        except Exception as error:
            if type(request) not in self._incremental:
                raise
            self._speaker.report_failed_answer(error)
            what = f"{type(request).__name__} failed with {type(error).__name__}"
            yield Refused(f"{what}, a fault of the speaker; its log has the traceback, please report it")

    def _reply(self, request: Request) -> Incremental[Message]:
        kind = type(request)
        if kind in self._immediate:
            return self._immediate[kind](request)
        if kind in self._incremental:
            return (yield from self._incremental[kind](request))
        return Refused(f"a speaker does not answer {kind.__name__}: ask the agent")

    def _peers(self, request: ShowPeers) -> Incremental[Message]:
        now = self._clock()
        page = yield from peer_page(self._engine, self._speaker.set_ups(), now, request)
        return structs.replace(page, unknown=unknown_peers(self._speaker.unknown_peers(), now))

    def _originate(self, request: Originate) -> Message:
        self._speaker.events.originate(request.name, request.originations)
        return Originated(len(self._engine.originations))

    def _withdraw_retained(self, request: WithdrawRetained) -> Message:
        for next_hop in request.next_hops:
            unpack_address(next_hop)
        for family, nlri in request.inside:
            check_nlri(nlri, MAX_BITS[family])
        return RetainedWithdrawn(self._speaker.events.withdraw_retained(frozenset(request.next_hops), request.inside))

    def _drain(self, request: Drain) -> Message:
        self._speaker.events.drain(request.stage, request.reason, self._clock())
        return Draining(self._engine.drain_state.stage, self._speaker.unacknowledged())

    def _explain(self, request: Explain) -> Incremental[Message]:
        try:
            return (yield from explain(self._engine, request.prefix))
        except ValueError as error:
            return Refused(f"{request.prefix!r} is not a prefix: {error}")

    def _retained(self, _: ShowRetained) -> Incremental[Message]:
        """The stream's sequence is taken a turn later: by then it contains the routes of these peers."""
        now, peers = self._clock(), self._engine.peers.values()
        sessions, complete = tuple(awaited(peers, now)), tuple(complete_reflectors(peers, now))
        yield
        return Retained(sessions, complete, self._stream.epoch, self._stream.sequence, now - self._speaker.started)

    def _counters(self, request: ShowCounters) -> Incremental[Message]:
        speaker = self._speaker
        uptime = self._clock() - speaker.started
        counters = counters_snapshot(self._engine, speaker.session_layer_counters(), uptime)
        if not request.decision:
            return counters
        return structs.replace(counters, lost=(yield from decision_losses(self._engine)))

    def _loc_rib(self, request: Subscribe) -> Iterator[Message | bytes | None]:
        """Subscribed and then the updates that were missed, in one piece so that no newer one comes before them; or
        Subscribed and then the whole table."""
        missed = self._stream.since(request.epoch, request.after)
        if missed is not None:
            yield frame(Subscribed(self._stream.epoch, resumed=True)) + missed
            return
        self._stream.follow()
        yield Subscribed(self._stream.epoch)
        for routes, is_last in loc_rib_sync(self._engine):
            in_sync = is_last and self._engine.start.complete.is_over
            yield LocRibUpdate(self._stream.sequence, routes, in_sync=in_sync)
            if not is_last:
                yield None
