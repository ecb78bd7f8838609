"""Rehearses the events of a lab one after the other, and measures how long each takes to converge and what is lost.

An event is undone whatever happens in it, also when it is interrupted. If the lab does not return to what is expected
of it, the rehearsal ends: later events would fail for the same reason.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from bgpctl.errors import NotReadyError
from bgpctl.lab.actions import Action, RunningLab
from bgpctl.lab.expect.convergence import ObservedLab, TestResult, wait_until
from bgpctl.lab.expect.expectations import Expectations
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.rehearse.events import Event, opposite
from bgpctl.lab.topology.document import DocumentError
from bgpctl.lab.topology.topology import Topology
from bgpctl.lab.traffic.probe import RATE, Flow, Probe, Report

# This number of packets a second can be sent and counted without a delay of their own (one process sends all).
_ALL_FLOWS_RATE = 3000.0


@dataclass(slots=True)
class EventResult:
    """What came of an event. `not_done`: a sentence for each action that could not be done."""

    event: Event
    converged: TestResult | None = None
    recovered: TestResult | None = None
    traffic: Report | None = None
    done: list[Action] = field(default_factory=list)
    undone: list[Action] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)
    lost_after_undo: int = 0

    @property
    def failures(self) -> list[str]:
        """A sentence for each thing that is not as it should be."""
        found = list(self.not_done)
        if self.converged is not None:
            found += self.converged.failures
        allowed = self.event.lose_at_most
        if self.traffic is not None and allowed is not None and self.traffic.lost > allowed:
            found.append(f"lost {self.traffic.lost} of {self.traffic.sent} packets; at most {allowed} may be lost")
        if self.recovered is not None:
            found += [f"after it was undone: {failure}" for failure in self.recovered.failures]
        return found

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def returned(self) -> bool:
        return self.recovered is None or self.recovered.passed


def perform(topology: Topology, directory: Path, action: Action) -> None:
    """Does one action, alone in the lab. Raises NotReadyError."""
    with LabState(topology.name).locked(create=False) as lock:
        action.do(RunningLab(topology, directory, lock))


def rehearse(
    topology: Topology, base: Expectations, events: Iterable[Event], ended: Callable[[EventResult], None]
) -> list[EventResult]:
    """Each event in its order; `ended` is called with each when it is over. Events after one from which the lab did
    not recover are left out."""
    results: list[EventResult] = []
    for event in events:
        results.append(_Rehearsal(topology, base, event).run())
        ended(results[-1])
        if not results[-1].returned:
            break
    return results


class _Rehearsal:
    def __init__(self, topology: Topology, base: Expectations, event: Event) -> None:
        self._topology = topology
        self._base = base
        self._event = event
        self._observed = ObservedLab.of(topology)
        self._result = EventResult(event)

    def run(self) -> EventResult:
        with LabState(self._topology.name).locked(create=False) as lock:
            for action in self._event.actions:
                action.prepare(RunningLab(self._topology, self._topology.file.parent, lock))
        with self._probed() as probe:
            try:
                self._happen()
            except BaseException:
                self._undo_all(opposite(self._result.done))
                raise
            undone_at = time.monotonic()
            if self._event.recovers:
                self._undo_all(self._event.undo)
                self._result.recovered = wait_until(self._observed, self._base, self._base.within)
            if probe is not None:
                self._result.traffic = probe.stop()
                self._result.lost_after_undo = self._result.traffic.lost_between(undone_at, time.monotonic())
        return self._result

    def _happen(self) -> None:
        for action in self._event.actions:
            # Undone even if it was done only in part.
            self._result.done.append(action)
            if not self._done(action):
                return
        self._result.converged = wait_until(self._observed, self._event.expectations, self._event.expectations.within)

    def _undo_all(self, actions: Iterable[Action]) -> None:
        self._result.undone += [action for action in actions if self._done(action)]

    def _done(self, action: Action) -> bool:
        try:
            perform(self._topology, self._topology.file.parent, action)
        except (NotReadyError, DocumentError) as error:
            self._result.not_done.append(f"`{action}`: {error}")
            return False
        return True

    @contextlib.contextmanager
    def _probed(self) -> Iterator[Probe | None]:
        flows = self._flows()
        if not flows:
            yield None
            return
        with Probe.start(flows, min(RATE, _ALL_FLOWS_RATE / len(flows))) as probe:
            yield probe

    def _flows(self) -> list[Flow]:
        """Of the chosen pairs, otherwise of those that reach each other before, during and after the event."""
        chosen = self._event.traffic
        if chosen is None:
            lasting = self._base.unreachable | self._event.expectations.unreachable
            pings = replace(self._base, unreachable=lasting).pings
        else:
            pings = tuple(ping for ping in self._base.all_pings if (ping.source, ping.target) in chosen)
        return [Flow(ping.source, self._observed.state.namespace(ping.source), ping.address) for ping in pings]
