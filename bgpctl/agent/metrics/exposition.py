"""A snapshot in Prometheus' text format: the rows of `rows.py`, read. Values in, text out: it may run in a thread."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from bgpctl.agent.metrics.monotonic_sums import MonotonicSums
from bgpctl.agent.metrics.peer_metrics import PeerMetrics
from bgpctl.agent.metrics.peer_series import by_type, each
from bgpctl.agent.metrics.rows import AGENT_ROWS, BUILD, HISTOGRAM_ROWS, LABELLED_ROWS, SPEAKER_ROWS
from bgpctl.agent.metrics.snapshot import Snapshot
from bgpctl.daemon.metrics.families import histogram_family, info_family, labelled_family, number_family, page_of


def exposition(
    snapshot: Snapshot, peer_metrics: PeerMetrics = PeerMetrics.EACH, sums: MonotonicSums | None = None
) -> bytes:
    """The snapshot in the text format. `sums` are for PeerMetrics.BY_TYPE: those of the page before."""
    return page_of(families(snapshot, peer_metrics, sums or MonotonicSums()))


def families(snapshot: Snapshot, peer_metrics: PeerMetrics, sums: MonotonicSums) -> Iterator[Metric]:
    """All metric families of one snapshot."""
    agent = snapshot.agent
    yield info_family(BUILD, agent)
    yield from (number_family(row, agent) for row in AGENT_ROWS)
    yield from (number_family(row, snapshot) for row in SPEAKER_ROWS)
    yield from (labelled_family(row, snapshot) for row in LABELLED_ROWS)
    if peer_metrics is PeerMetrics.EACH:
        yield from each(snapshot)
    elif peer_metrics is PeerMetrics.BY_TYPE:
        yield from by_type(snapshot, sums)
    yield from (histogram_family(row, agent) for row in HISTOGRAM_ROWS)
