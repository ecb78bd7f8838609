"""The pages of a controller, of values; with a real API server: tests/kubernetes/test_controller.py."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bgpctl.controller.metrics import INVALID, ROWS, exposition, render_table
from bgpctl.controller.pages import controller_pages
from bgpctl.controller.plan_store import Reconciled
from bgpctl.controller.status import ControllerStatus, Progress
from bgpctl.daemon.http.http_server import Page
from bgpctl.resources.in_force.invalid import Invalid
from bgpctl.resources.in_force.outcome import Outcome

DOCUMENT = Path(__file__).parents[2] / "docs" / "controller-metrics.md"


def page(path: str, status: ControllerStatus) -> Page:
    async def ask() -> Page:
        return await controller_pages(lambda: status)[path]()

    return asyncio.run(ask())


def values(status: ControllerStatus) -> dict[str, float]:
    """Of the page, by name; with the label where there is one."""
    families = text_string_to_metric_families(exposition(status).decode())
    samples = [sample for family in families for sample in family.samples]
    return {"/".join((each.name, *each.labels.values())): each.value for each in samples if "info" not in each.name}


def test_the_document_is_what_the_rows_are() -> None:
    """Write it anew with: python -m bgpctl.controller.metrics > docs/controller-metrics.md"""
    assert DOCUMENT.read_text() == render_table()


def test_the_page_has_every_row_and_nothing_else() -> None:
    names = {key.partition("/")[0].removeprefix("bgpctl_") for key in values(ControllerStatus("one", Progress()))}
    assert names == {*(row.name for row in ROWS), INVALID.name}


def test_a_controller_that_misses_something_is_not_ready_and_names_it() -> None:
    found = page("/readyz", ControllerStatus("one", Progress(), missing="the plans are not compiled yet"))
    assert (found.status, found.body) == (HTTPStatus.SERVICE_UNAVAILABLE, b"the plans are not compiled yet\n")


@pytest.mark.parametrize(("is_leader", "line"), [(True, "this controller writes"), (False, "another controller")])
def test_a_controller_is_ready_whether_it_leads_or_not(is_leader: bool, line: str) -> None:
    found = page("/readyz", ControllerStatus("one", Progress(), is_leader=is_leader))
    assert found.status is HTTPStatus.OK
    assert found.body.decode().splitlines()[1].startswith(line)


def test_what_is_wrong_is_shown_and_counted() -> None:
    progress = Progress().reconciled(Reconciled(3, 1, failed={"a1": "forbidden"}, withheld=frozenset({"b1", "b2"})))
    invalid = (Invalid("nodes.yaml", 3, "Node/a", Outcome.LAST_GOOD), Invalid("", 0, "", Outcome.PLAN_WAITS))
    status = ControllerStatus("one", progress, invalid=invalid, waits=("Node/a: nonsense",), internal_errors=2)
    lines = page("/readyz", status).body.decode().splitlines()[2:]
    assert [line.rpartition(": ")[2] for line in lines] == ["nonsense", "1", "2"]
    found = values(status)
    assert found["bgpctl_controller_plans_written_total"] == 3
    assert found["bgpctl_controller_plans_deleted_total"] == 1
    assert found["bgpctl_controller_plans_unwritten"] == found["bgpctl_controller_write_failures_total"] == 1
    assert found["bgpctl_controller_plans_withheld"] == 2
    assert found["bgpctl_controller_plans_waiting"] == 1
    assert found["bgpctl_controller_internal_errors_total"] == 2
    assert [found[f"bgpctl_controller_resources_invalid/{each.value}"] for each in Outcome] == [
        int(each in (Outcome.LAST_GOOD, Outcome.PLAN_WAITS)) for each in Outcome
    ]


def test_that_all_is_as_wanted_is_kept_in_mind_when_it_is_so_no_more() -> None:
    fine = Progress().reconciled(Reconciled(3))
    assert fine.as_wanted_at > 0
    failed = fine.reconciled(Reconciled(failed={"a1": "forbidden"}))
    assert (failed.as_wanted_at, failed.written, failed.failed) == (fine.as_wanted_at, 3, 1)
    assert failed.reconciled(Reconciled()).failed == 0
