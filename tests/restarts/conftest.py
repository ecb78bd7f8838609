"""One cluster for all tests of a file, which must find and leave it whole, and the figures at the end of the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from restart_world import Cluster
from traffic import Record

from bgpctl.lab.traffic.probe import Report

FIGURES = pytest.StashKey[list[tuple[str, str]]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("netns"):
            item.add_marker(pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"))


@pytest.fixture(scope="module")
def started_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def cluster(started_cluster: Cluster) -> Iterator[Cluster]:
    started_cluster.heal()
    started_cluster.until_whole()
    yield started_cluster
    started_cluster.until_whole()


@pytest.fixture
def record(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Record:
    """Puts a figure into the report of the test and into the table at the end of the run."""

    def put(what: str, figure: Report | str) -> None:
        record_property(what, str(figure))
        request.config.stash.setdefault(FIGURES, []).append((what, str(figure)))

    return put


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    figures = config.stash.get(FIGURES, [])
    if not figures:
        return
    terminalreporter.section("traffic during restarts and failures")
    width = max(len(what) for what, _ in figures)
    for what, figure in figures:
        terminalreporter.line(f"{what:<{width}}  {figure}")
