"""A snapshot in Prometheus' text format: the rows of `rows.py`, read.

Values in, text out: each page gets a registry of its own with one collector over one frozen snapshot, so nothing here
is shared, and it may run in a thread. Importing prometheus_client costs 120 ms; only the first scrape does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bgpctl.agent.metrics.monotonic_sums import MonotonicSums
from bgpctl.agent.metrics.peer_metrics import PeerMetrics
from bgpctl.agent.metrics.peer_series import by_type, each, family_of, info_of
from bgpctl.agent.metrics.row import PREFIX, HistogramRow, LabelledRow
from bgpctl.agent.metrics.rows import AGENT_ROWS, BUILD, HISTOGRAM_ROWS, LABELLED_ROWS, SPEAKER_ROWS
from bgpctl.agent.metrics.snapshot import Snapshot
from reflector.messages import AgentStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(
    snapshot: Snapshot, peer_metrics: PeerMetrics = PeerMetrics.EACH, sums: MonotonicSums | None = None
) -> bytes:
    """The snapshot in the text format of CONTENT_TYPE. `sums` are for PeerMetrics.BY_TYPE: those of the page before."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SnapshotCollector(snapshot, peer_metrics, sums or MonotonicSums()))
    return generate_latest(registry)


class SnapshotCollector(Collector):
    """All metric families of one snapshot."""

    def __init__(self, snapshot: Snapshot, peer_metrics: PeerMetrics, sums: MonotonicSums) -> None:
        self._snapshot = snapshot
        self._peer_metrics = peer_metrics
        self._sums = sums

    def collect(self) -> Iterator[Metric]:
        agent = self._snapshot.agent
        build = info_of(BUILD)
        build.add_metric([], dict(zip(BUILD.labels, BUILD.read(agent), strict=True)))
        yield build
        for row in AGENT_ROWS:
            family = family_of(row)
            family.add_metric([], float(row.read(agent)))
            yield family
        yield from self._speaker()
        yield from self._sessions()
        for timed in HISTOGRAM_ROWS:
            yield _histogram(timed, agent)

    def _speaker(self) -> Iterator[Metric]:
        for row in SPEAKER_ROWS:
            family = family_of(row)
            family.add_metric([], float(row.read(self._snapshot)))
            yield family
        for labelled in LABELLED_ROWS:
            yield _labelled(labelled, self._snapshot)

    def _sessions(self) -> Iterator[Metric]:
        if self._peer_metrics is PeerMetrics.EACH:
            yield from each(self._snapshot)
        elif self._peer_metrics is PeerMetrics.BY_TYPE:
            yield from by_type(self._snapshot, self._sums)


def _labelled(row: LabelledRow[Snapshot], snapshot: Snapshot) -> Metric:
    """A sample for each value of the label, also for those of `always` that nothing has."""
    family = family_of(row, row.label)
    numbers = row.read(snapshot)
    for value in dict.fromkeys((*row.always, *sorted(numbers))):
        family.add_metric([value], float(numbers.get(value, 0)))
    return family


def _histogram(row: HistogramRow, agent: AgentStatus) -> Metric:
    """Its buckets are cumulative, as Prometheus wants them."""
    histogram = row.read(agent)
    bounds = [*(repr(bound) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
    return HistogramMetricFamily(PREFIX + row.name, row.help, buckets=buckets, sum_value=histogram.total)
