"""How sessions become series: one each, added up by type of peer, or not at all.

each       labelled `session` and `peer`
by-type    labelled `kind` and `session_type`; the rows' folds, with as many series as there are kinds and types
none       nothing; the number of sessions by state stays

In a full mesh of N nodes there are N * (N - 1) sessions' worth of series with `each`. What sums of counters need to
remember is in `monotonic_sums.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import groupby

from prometheus_client.core import Metric

from bgpctl.agent.metrics.monotonic_sums import TYPE_LABELS, MonotonicSums, Series, type_labels
from bgpctl.agent.metrics.rows import LABELLED_SESSION_ROWS, LAST_CHANGE, SESSION_INFO, SESSION_ROWS
from bgpctl.agent.metrics.snapshot import Snapshot
from bgpctl.daemon.metrics.families import empty_family, empty_info
from bgpctl.daemon.metrics.row import LabelledRow, Row, is_counter
from reflector.messages import PeerStatus

EACH_LABELS = ("session", "peer")


def each(snapshot: Snapshot) -> Iterator[Metric]:
    """Series of their own for all sessions."""
    peers = snapshot.peers
    info = empty_info(SESSION_INFO, *EACH_LABELS)
    changed = empty_family(LAST_CHANGE, *EACH_LABELS)
    for peer in peers:
        info.add_metric(_names(peer), dict(zip(SESSION_INFO.labels, SESSION_INFO.read(peer), strict=True)))
        changed.add_metric(_names(peer), LAST_CHANGE.read((snapshot, peer)))
    yield from (info, changed)
    for row in SESSION_ROWS:
        family = empty_family(row, *EACH_LABELS)
        for peer in peers:
            family.add_metric(_names(peer), float(row.read(peer)))
        yield family
    for labelled in LABELLED_SESSION_ROWS:
        family = empty_family(labelled, *EACH_LABELS, labelled.label)
        for peer in peers:
            for key, number in sorted(labelled.read(peer).items()):
                family.add_metric([*_names(peer), key], float(number))
        yield family


def by_type(snapshot: Snapshot, sums: MonotonicSums) -> Iterator[Metric]:
    """The sessions of each type together."""
    grown = sums.take(snapshot.peers) if snapshot.counters is not None else sums.stand()
    groups = {
        labels: list(peers) for labels, peers in groupby(sorted(snapshot.peers, key=type_labels), key=type_labels)
    }
    changed = empty_family(LAST_CHANGE, *TYPE_LABELS)
    for labels, peers in groups.items():
        changed.add_metric(labels, max(LAST_CHANGE.read((snapshot, peer)) for peer in peers))
    yield changed
    for row in SESSION_ROWS:
        if is_counter(row.name):
            yield _sums_of(row, grown)
        elif row.fold is not None:
            family = empty_family(row, *TYPE_LABELS)
            for labels, peers in groups.items():
                family.add_metric(labels, float(row.fold(map(row.read, peers))))
            yield family
    for labelled in LABELLED_SESSION_ROWS:
        yield _sums_of(labelled, grown) if is_counter(labelled.name) else _folded(labelled, groups)


def _sums_of(row: Row[PeerStatus] | LabelledRow[PeerStatus], grown: Mapping[Series, float]) -> Metric:
    own = [row.label] if isinstance(row, LabelledRow) else []
    family = empty_family(row, *TYPE_LABELS, *own)
    for series in sorted(series for series in grown if series.name == row.name):
        family.add_metric([*series.labels, *[series.key] * len(own)], grown[series])
    return family


def _folded(row: LabelledRow[PeerStatus], groups: Mapping[tuple[str, str], list[PeerStatus]]) -> Metric:
    family = empty_family(row, *TYPE_LABELS, row.label)
    for labels, peers in groups.items():
        sums: defaultdict[str, float] = defaultdict(float)
        for peer in peers:
            for key, number in row.read(peer).items():
                sums[key] += number
        for key in sorted(sums):
            family.add_metric([*labels, key], sums[key])
    return family


def _names(peer: PeerStatus) -> tuple[str, str]:
    return peer.name, peer.peer_address
