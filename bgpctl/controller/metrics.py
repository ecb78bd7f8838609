"""The metrics of a controller: a row for each. docs/controller-metrics.md is written from them:

python -m bgpctl.controller.metrics > docs/controller-metrics.md
"""

from __future__ import annotations

import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bgpctl.controller.status import ControllerStatus
from bgpctl.daemon.metrics.row import PREFIX, InfoRow, LabelledRow, Row, labels_of, type_of, unit_of
from bgpctl.daemon.version import version
from bgpctl.resources.in_force.outcome import Outcome

BUILD: InfoRow[ControllerStatus] = InfoRow(
    "controller_build_info", "What runs here.", ("version", "python", "identity"),
    lambda s: (version(), platform.python_version(), s.identity),
)  # fmt: skip

ROWS: tuple[Row[ControllerStatus], ...] = (
    Row("controller_uptime_seconds", "Time since the controller started.",
        lambda s: time.time() - s.progress.started_at),
    Row("controller_leader", "1 while this controller holds the Lease, and therefore writes.", lambda s: s.is_leader),
    Row("controller_ready", "1 when it could write: the cluster is read, and every plan compiled.",
        lambda s: not s.missing),
    Row("controller_answer_timestamp_seconds", "When the API server last answered about the Lease.",
        lambda s: s.progress.answered_at),
    Row("controller_internal_errors_total", "Exceptions that are a fault of bgpctl and did not end the controller.",
        lambda s: s.internal_errors),
    Row("controller_events_dropped_total", "Occurrences that the limits of Events leave out (docs/events.md).",
        lambda s: s.events_dropped),
    Row("controller_nodes", "Nodes with a BGP speaker, of which each has a plan.", lambda s: s.progress.nodes),
    Row("controller_plans_kept", "Nodes whose plan stays an older one, because the newest cannot be made.",
        lambda s: s.progress.kept),
    Row("controller_plans_waiting", "1 while an invalid resource keeps every plan what it is.",
        lambda s: bool(s.waits)),
    Row("controller_compile_seconds", "How long the last compilation took, of all plans that a change can concern.",
        lambda s: s.progress.compile_seconds),
    Row("controller_compile_timestamp_seconds", "When resources last made plans.", lambda s: s.progress.compiled_at),
    Row("controller_plans_written_total", "NodePlans that this controller has written.", lambda s: s.progress.written),
    Row("controller_plans_deleted_total", "NodePlans that it has deleted.", lambda s: s.progress.deleted),
    Row("controller_write_failures_total", "Writes of NodePlans that failed.", lambda s: s.progress.failures),
    Row("controller_plans_unwritten", "NodePlans that could not be written at the last attempt.",
        lambda s: s.progress.failed),
    Row("controller_plans_withheld", "NodePlans of Nodes that are gone, kept because most are gone at once.",
        lambda s: s.progress.withheld),
    Row("controller_as_wanted_timestamp_seconds", "When every NodePlan was last what the resources ask for.",
        lambda s: s.progress.as_wanted_at),
)  # fmt: skip

INVALID: LabelledRow[ControllerStatus] = LabelledRow(
    "controller_resources_invalid", "Invalid resources, by what is in force instead.", "in_force",
    lambda s: Counter(each.outcome.value for each in s.invalid), always=tuple(each.value for each in Outcome),
)  # fmt: skip

OPENING = """\
# Metrics of the controller

On the page `/metrics` of a controller ([controller.md](controller.md#pages)). This page is written from the rows in
`bgpctl/controller/metrics.py` (`python -m bgpctl.controller.metrics > docs/controller-metrics.md`). The metrics of
agents: [metrics.md](metrics.md). Of several controllers, each counts what it has written itself; add the counters up.

| name | type | labels | unit | meaning |
|---|---|---|---|---|
"""


def exposition(status: ControllerStatus) -> bytes:
    """In Prometheus' text format."""
    from bgpctl.daemon.metrics.families import info_family, labelled_family, number_family, page_of

    numbers = (number_family(row, status) for row in ROWS)
    return page_of((info_family(BUILD, status), *numbers, labelled_family(INVALID, status)))


def render_table() -> str:
    """The whole page of the documentation."""
    return OPENING + "".join(_lines())


def _lines() -> Iterator[str]:
    row: Any
    for row in (BUILD, *ROWS, INVALID):
        labels = ", ".join(f"`{label}`" for label in labels_of(row))
        yield f"| `{PREFIX}{row.name}` | {type_of(row)} | {labels} | {unit_of(row.name)} | {row.help} |\n"


if __name__ == "__main__":
    sys.stdout.write(render_table())
