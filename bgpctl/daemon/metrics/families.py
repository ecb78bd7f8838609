"""Rows as metric families of prometheus_client. Its import takes 120 ms: only what makes a page imports this."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from bgpctl.daemon.metrics.row import PREFIX, HistogramRow, InfoRow, LabelledRow, Row, Subject, is_counter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def empty_family(row: Row[Subject] | LabelledRow[Subject], *labels: str) -> CounterMetricFamily | GaugeMetricFamily:
    """Without a sample yet."""
    kind = CounterMetricFamily if is_counter(row.name) else GaugeMetricFamily
    return kind(PREFIX + row.name, row.help, labels=labels)


def empty_info(row: InfoRow[Subject], *labels: str) -> InfoMetricFamily:
    """The library puts `_info` behind the name."""
    return InfoMetricFamily(PREFIX + row.name.removesuffix("_info"), row.help, labels=labels)


def info_family(row: InfoRow[Subject], subject: Subject) -> Metric:
    family = empty_info(row)
    family.add_metric([], dict(zip(row.labels, row.read(subject), strict=True)))
    return family


def number_family(row: Row[Subject], subject: Subject) -> Metric:
    family = empty_family(row)
    family.add_metric([], float(row.read(subject)))
    return family


def labelled_family(row: LabelledRow[Subject], subject: Subject) -> Metric:
    """A sample for each value of the label, also for those of `always` that nothing has."""
    family = empty_family(row, row.label)
    numbers = row.read(subject)
    for value in dict.fromkeys((*row.always, *sorted(numbers))):
        family.add_metric([value], float(numbers.get(value, 0)))
    return family


def histogram_family(row: HistogramRow[Subject], subject: Subject) -> Metric:
    """Its buckets are cumulative, as Prometheus wants them."""
    histogram = row.read(subject)
    bounds = [*(repr(bound) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
    return HistogramMetricFamily(PREFIX + row.name, row.help, buckets=buckets, sum_value=histogram.total)


def page_of(families: Iterable[Metric]) -> bytes:
    """In the text format of CONTENT_TYPE. A registry for each page: nothing is shared, so it may run in a thread."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
