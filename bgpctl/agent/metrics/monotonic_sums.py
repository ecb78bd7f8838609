"""Counters of sessions, added up by type of peer, so that no sum ever falls.

A plain sum falls when a session leaves the plan; Prometheus takes a counter that falls for one that was
reset to 0, and all of it for an increase. So the increases are added up, snapshot by snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bgpctl.agent.metrics.rows import LABELLED_SESSION_ROWS, SESSION_ROWS
from bgpctl.daemon.metrics.row import is_counter
from reflector.messages import PeerStatus

TYPE_LABELS = ("kind", "session_type")


class Series(NamedTuple):
    """A counter of one type of peer: the row's name, the value of the row's own label, kind and type."""

    name: str
    key: str
    labels: tuple[str, str]


class MonotonicSums:
    """Sums over sessions, of what only grows while a session is there. Mutable: it remembers the last snapshot."""

    def __init__(self) -> None:
        self._sums: defaultdict[Series, float] = defaultdict(float)
        self._last: dict[tuple[str, Series], float] = {}

    def take(self, peers: Iterable[PeerStatus]) -> Mapping[Series, float]:
        """A count that is lower than before was reset to 0; that of a removed session stays in its sum."""
        counts: dict[tuple[str, Series], float] = {}
        for peer in peers:
            for series, count in _counts(peer):
                counts[peer.name, series] = count
                last = self._last.get((peer.name, series), 0)
                self._sums[series] += count - last if count >= last else count
        self._last = counts
        return self._sums

    def stand(self) -> Mapping[Series, float]:
        """As they were: the sessions are not known now."""
        return self._sums


def type_labels(peer: PeerStatus) -> tuple[str, str]:
    """The kind and the type of a session: what sessions are added up by."""
    return peer.kind.value, peer.session_type.value


def _counts(peer: PeerStatus) -> Iterator[tuple[Series, float]]:
    labels = type_labels(peer)
    for row in SESSION_ROWS:
        if is_counter(row.name):
            yield Series(row.name, "", labels), float(row.read(peer))
    for labelled in LABELLED_SESSION_ROWS:
        if is_counter(labelled.name):
            for key, number in labelled.read(peer).items():
                yield Series(labelled.name, key, labels), float(number)
