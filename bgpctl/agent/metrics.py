"""A snapshot as Prometheus metrics: prefix bgpctl_, base units, names that end in _total only for counters.

Values in, text out: each scrape gets a registry of its own with one collector over one frozen snapshot, so nothing
here is shared, and it may run in a thread. Importing prometheus_client costs 120 ms; only the first scrape does it.

A metric is a row in a table: name (without the prefix), help, and how it is read off the value. Sessions are
labelled with their name and the peer's address; the rest is in bgpctl_session_info, to be joined.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bgpctl.agent.snapshot import Snapshot
from reflector.messages import AgentStatus, Histogram, PeerStatus

PREFIX = "bgpctl_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ESTABLISHED = "established"
# RFC 4271 8.2.2; every state is always reported, so that a sum over peers never lacks a series.
SESSION_STATES = ("idle", "connect", "active", "opensent", "openconfirm", ESTABLISHED)
SEVERITIES = ("error", "warning")


Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Row(Generic[Subject]):
    """One metric: a counter when its name ends in _total, else a gauge."""

    name: str
    help: str
    read: Callable[[Subject], float]


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One metric of a session with a label: a sample for each key of what is read."""

    name: str
    help: str
    label: str
    read: Callable[[PeerStatus], dict[str, int]]


@dataclass(frozen=True, slots=True)
class HistogramRow:
    """One histogram of the agent's."""

    name: str
    help: str
    read: Callable[[AgentStatus], Histogram]


def _state(peer: PeerStatus) -> str:
    return peer.state.lower()


def _is_established(peer: PeerStatus) -> bool:
    return _state(peer) == ESTABLISHED


def _uptime(peer: PeerStatus) -> float:
    return peer.since if _is_established(peer) else 0


AGENT_ROWS: tuple[Row[AgentStatus], ...] = (
    Row("agent_uptime_seconds", "Time since the agent started.", lambda a: a.uptime),
    Row("plan_generation", "Plans that this agent has put in place.", lambda a: a.plan_generation),
    Row("plan_current", "1 when the resources as they are now are what runs.", lambda a: a.plan_is_current),
    Row("compile_seconds", "How long the last compilation took.", lambda a: a.last_compile_seconds),
    Row("sessions_held", "Sessions asked for that must not be brought up.", lambda a: len(a.held)),
    Row("speaker_restarts_total", "Speakers that ended unasked.", lambda a: a.speaker_restarts),
    Row("fib_enabled", "1 when this agent programs the kernel.", lambda a: a.fib_enabled),
    Row("fib_in_sync", "1 when the kernel was compared with the whole Loc-RIB.", lambda a: a.fib_in_sync),
    Row("fib_routes_desired", "Routes that the kernel should have from us.", lambda a: a.fib_desired),
    Row("fib_routes_installed", "Routes that the kernel has from us.", lambda a: a.fib_installed),
    Row("fib_routes_failed", "Routes that the kernel does not take.", lambda a: a.fib_failed),
    Row("fib_routes_foreign", "Routes whose place somebody else's route holds.", lambda a: a.fib_foreign),
    Row("fib_routes_unresolved", "Routes whose next hop leads nowhere.", lambda a: a.fib_unresolved),
    Row("fib_routes_shadowed", "Routes that the kernel has and does not use: another of lower metric is there.",
        lambda a: a.fib_shadowed),
    Row("fib_repairs_total", "Routes of ours that somebody changed and we repaired.", lambda a: a.fib_repairs),
)  # fmt: skip

SESSION_ROWS: tuple[Row[PeerStatus], ...] = (
    Row("session_established", "1 when the session is Established.", _is_established),
    Row("session_uptime_seconds", "Time since it was Established; 0 when it is not.", _uptime),
    Row("session_flaps_total", "How often it left Established.", lambda p: p.flaps),
    Row("session_routes_received", "Routes in its Adj-RIB-In.", lambda p: p.received),
    Row("session_routes_accepted", "Routes that the import policy accepted.", lambda p: p.accepted),
    Row("session_routes_stale", "Routes that outlived their session (RFC 4724).", lambda p: p.stale),
    Row("session_routes_long_lived_stale", "Of these, past the restart time (RFC 9494).", lambda p: p.long_lived_stale),
    Row("session_routes_best", "Routes of this peer that the decision process selected.", lambda p: p.best),
    Row("session_routes_advertised", "Routes in its Adj-RIB-Out.", lambda p: p.advertised),
    Row("session_updates_received_total", "UPDATE messages received.", lambda p: p.updates_in),
    Row("session_updates_sent_total", "UPDATE messages sent.", lambda p: p.updates_out),
    Row("session_received_bytes_total", "Octets received.", lambda p: p.bytes_in),
    Row("session_sent_bytes_total", "Octets sent.", lambda p: p.bytes_out),
    Row("session_queued_bytes", "Octets that wait for the peer to read.", lambda p: p.queued),
    Row("session_prefix_warnings_total", "Times it came near or over its maximum.", lambda p: p.prefix_warnings),
    Row("session_prefixes_dropped_total", "Routes left out beyond its maximum.", lambda p: p.prefixes_dropped),
    Row("session_treated_as_withdrawn_total", "Malformed UPDATEs (RFC 7606).", lambda p: p.treated_as_withdrawn),
    Row("session_discarded_attributes_total", "Malformed attributes left out.", lambda p: p.attributes_discarded),
    Row("session_cut_offs_total", "Times it read too slowly and was sent only the newest state.", lambda p: p.cut_offs),
)  # fmt: skip

# Few series: a verdict or type that there is none of has none.
LABELLED_SESSION_ROWS: tuple[LabelledRow, ...] = (
    LabelledRow("session_routes_refused", "Routes that import refused.", "verdict", lambda p: p.refused),
    LabelledRow("session_messages_received_total", "Messages received, by type.", "type", lambda p: p.messages_in),
    LabelledRow("session_messages_sent_total", "Messages sent, by type.", "type", lambda p: p.messages_out),
)  # fmt: skip

# Seconds; the histograms of the way from the wire to the kernel.
HISTOGRAM_ROWS: tuple[HistogramRow, ...] = (
    HistogramRow("fib_batch_seconds", "From sending a batch of routes to the kernel to its last answer.",
                 lambda a: a.fib_batches),
    HistogramRow("propagation_seconds", "From reading an UPDATE to the kernel's answer to all that followed from it.",
                 lambda a: a.propagation),
)  # fmt: skip

# Names in Counters.totals that may fall as well as rise; every other one only grows.
SPEAKER_GAUGES = (
    ("prefixes", "loc_rib_prefixes", "Prefixes in the Loc-RIB, both families."),
    ("update_groups", "update_groups", "Groups of peers that are told the same octets."),
    ("log_octets", "update_log_bytes", "Octets kept for peers that have not read them yet."),
    ("slow_peers", "slow_peers", "Peers that read too slowly and are cut off from their update group's log now."),
    ("next_hops", "next_hops", "Next hops of learned routes that are looked up in the kernel."),
    ("next_hops_unresolvable", "next_hops_unresolvable", "Next hops that the kernel has no route to: unused routes."),
    ("kernel_unwatched", "kernel_unwatched", "1 if the kernel cannot be asked: every next hop counts as resolvable."),
)
# Sessions are counted by their state already.
NOT_EVENTS = {total for total, _, _ in SPEAKER_GAUGES} | {"sessions", "sessions_established"}


def exposition(snapshot: Snapshot) -> bytes:
    """The snapshot in the text format of CONTENT_TYPE."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(snapshot))
    return generate_latest(registry)


class SnapshotCollector(Collector):
    """All metric families of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        agent = self._snapshot.agent
        yield InfoMetricFamily(
            "bgpctl_build",
            "What runs here.",
            {"version": agent.version, "python": platform.python_version(), "node": agent.node},
        )
        for row in AGENT_ROWS:
            family = _family(row)
            family.add_metric([], float(row.read(agent)))
            yield family
        yield _by_label("bgpctl_problems", "Problems of the resources.", "severity", SEVERITIES, _severities(agent))
        yield from self._speaker()
        yield from self._sessions()
        for timed in HISTOGRAM_ROWS:
            yield _histogram(timed.name, timed.help, timed.read(agent))

    def _speaker(self) -> Iterator[Metric]:
        counters = self._snapshot.counters
        yield _gauge("bgpctl_speaker_up", "1 when the speaker answers.", counters is not None)
        yield _gauge("bgpctl_speaker_uptime_seconds", "Time since it started.", counters.uptime if counters else 0)
        totals = counters.totals if counters else {}
        for total, name, help_text in SPEAKER_GAUGES:
            yield _gauge(PREFIX + name, help_text, totals.get(total, 0))
        events = CounterMetricFamily("bgpctl_speaker_events", "What the speaker has counted.", labels=["event"])
        for event in sorted(totals.keys() - NOT_EVENTS):
            events.add_metric([event], totals[event])
        yield events
        help_text = "Routes that the decision process does not use, by the step at which they lost."
        lost = GaugeMetricFamily("bgpctl_decision_routes_lost", help_text, labels=["verdict"])
        for verdict, number in sorted(((counters and counters.lost) or {}).items()):
            lost.add_metric([verdict], number)
        yield lost

    def _sessions(self) -> Iterator[Metric]:
        peers = self._snapshot.peers
        states = Counter(_state(peer) for peer in peers)
        yield _by_label("bgpctl_sessions", "Sessions by their state (RFC 4271 8.2.2).", "state", SESSION_STATES, states)
        info = InfoMetricFamily("bgpctl_session", "What a session is.", labels=["session", "peer"])
        changed = GaugeMetricFamily(
            "bgpctl_session_last_change_timestamp_seconds",
            "When its state changed last, since the epoch.",
            labels=["session", "peer"],
        )
        for peer in peers:
            info.add_metric([peer.name, peer.peer_address], _session_info(peer))
            changed.add_metric([peer.name, peer.peer_address], self._snapshot.taken_at - peer.since)
        yield info
        yield changed
        for row in SESSION_ROWS:
            family = _family(row, "session", "peer")
            for peer in peers:
                family.add_metric([peer.name, peer.peer_address], float(row.read(peer)))
            yield family
        for labelled in LABELLED_SESSION_ROWS:
            family = _family(labelled, "session", "peer", labelled.label)
            for peer in peers:
                for key, number in sorted(labelled.read(peer).items()):
                    family.add_metric([peer.name, peer.peer_address, key], float(number))
            yield family


def _family(row: Row[Subject] | LabelledRow, *labels: str) -> CounterMetricFamily | GaugeMetricFamily:
    family = CounterMetricFamily if row.name.endswith("_total") else GaugeMetricFamily
    return family(PREFIX + row.name, row.help, labels=labels)


def _histogram(name: str, help_text: str, histogram: Histogram) -> Metric:
    """Its buckets are cumulative, as Prometheus wants them."""
    bounds = [*(repr(bound) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
    return HistogramMetricFamily(PREFIX + name, help_text, buckets=buckets, sum_value=histogram.total)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _by_label(name: str, help_text: str, label: str, always: tuple[str, ...], values: Counter[str]) -> Metric:
    """One gauge with a sample for each value of `label`, also for those of `always` that nothing has."""
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for value in dict.fromkeys((*always, *sorted(values))):
        family.add_metric([value], values[value])
    return family


def _severities(agent: AgentStatus) -> Counter[str]:
    return Counter(problem.severity for problem in agent.problems)


def _session_info(peer: PeerStatus) -> dict[str, str]:
    return {
        "peer_as": str(peer.peer_as),
        "peer_node": peer.peer_node,
        "kind": peer.kind.value,
        "type": peer.session_type.value,
        "rr_client": str(peer.rr_client).lower(),
    }
