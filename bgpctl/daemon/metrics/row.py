"""The shape of a metric, and what follows from its name alone (prometheus.io, Metric and label naming).

    ..._total               a counter; whatever has another ending is a gauge, a histogram or information
    ..._timestamp_seconds   seconds since the epoch, 0 for never
    ..._seconds, ..._bytes  that unit
    any other name          a number of things, or 1 for yes and 0 for no

A row is a metric: its name without the prefix, a sentence, and how it is read from its subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from reflector.messages import Histogram

PREFIX = "bgpctl_"
_UNITS = (("_timestamp_seconds", "seconds since the epoch"), ("_seconds", "seconds"), ("_bytes", "bytes"))

Subject = TypeVar("Subject")
Fold = Callable[[Iterable[float]], float]


@dataclass(frozen=True, slots=True)
class Row(Generic[Subject]):
    """One number. `fold` makes one of those of several sessions, None where none would mean anything; what a counter
    counts is always added up."""

    name: str
    help: str
    read: Callable[[Subject], float]
    fold: Fold | None = sum


@dataclass(frozen=True, slots=True)
class LabelledRow(Generic[Subject]):
    """A number for each value of a label: those of `always`, and the keys of what is read."""

    name: str
    help: str
    label: str
    read: Callable[[Subject], Mapping[str, float]]
    always: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InfoRow(Generic[Subject]):
    """No number: a series whose labels describe its subject, to be joined."""

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[Subject], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class HistogramRow(Generic[Subject]):
    """How often something took how long."""

    name: str
    help: str
    read: Callable[[Subject], Histogram]


AnyRow = Row[Subject] | LabelledRow[Subject] | InfoRow[Subject] | HistogramRow[Subject]


def lowest(numbers: Iterable[float]) -> float:
    """Of those that are not 0; 0 where there is none."""
    return min(filter(None, numbers), default=0)


def is_counter(name: str) -> bool:
    return name.endswith("_total")


def type_of(row: AnyRow[Subject]) -> str:
    """As it stands in `# TYPE`, but for information, which is a gauge there."""
    if isinstance(row, InfoRow | HistogramRow):
        return "info" if isinstance(row, InfoRow) else "histogram"
    return "counter" if is_counter(row.name) else "gauge"


def unit_of(name: str) -> str:
    """ "" where it counts things, or is 1 for yes and 0 for no."""
    measured = name.removesuffix("_total")
    return next((unit for ending, unit in _UNITS if measured.endswith(ending)), "")


def labels_of(row: AnyRow[Subject]) -> tuple[str, ...]:
    """Of its own; what a series is about has labels of its own in front of them."""
    if isinstance(row, LabelledRow):
        return (row.label,)
    return row.labels if isinstance(row, InfoRow) else ()
