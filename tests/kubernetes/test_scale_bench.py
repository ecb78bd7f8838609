"""The benchmark of large clusters, with a small one: its figures are there, and only plans that differ are written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labs.bench.kubernetes.controller_process import ROOT
from labs.bench.kubernetes_scale import changes, heartbeats
from labs.bench.kubernetes_scale.cluster import REFLECTORS

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(600)]

NODES = 30


@pytest.fixture(scope="module")
def results(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of a run with an API server of its own; the fixture skips where there can be none."""
    file = tmp_path_factory.mktemp("scale") / "results.json"
    command = [sys.executable, "-m", "labs.bench.kubernetes_scale", "--quick", "--nodes", str(NODES), "--json", file]
    done = subprocess.run([str(each) for each in command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(Path(file).read_text())
    return found


def test_every_node_has_a_plan_and_it_is_that_of_the_compiler(results: dict[str, Any]) -> None:
    assert results["start"]["plans"] == NODES + REFLECTORS
    assert results["wrong"] == []


@pytest.mark.parametrize(("name", "plans"), [(changes.JOINS, 1 + REFLECTORS), (changes.PEER, 1), (changes.BLOCK, 2)])
def test_only_plans_that_differ_are_written(results: dict[str, Any], name: str, plans: int) -> None:
    for each in results["changes"][name]:
        assert each["is_exact"]
        assert each["written"] == each["differ"] == plans


def test_heartbeats_write_no_plan(results: dict[str, Any]) -> None:
    assert results["heartbeats"]["sent"] == 10 * heartbeats.RATE
    assert results["heartbeats"]["rest"]["writes"] == 0
    assert results["heartbeats"]["watcher"]["octets"] > 0


def test_an_agent_asks_for_little_and_one_that_watches_everything_for_all(results: dict[str, Any]) -> None:
    agents, watcher = results["agents"], results["watcher"]
    assert 1 <= agents["sources"]["requests"] <= 2
    assert agents["whole"]["restart"]["requests"] < watcher["requests"]
    assert agents["whole"]["restart"]["octets"] < watcher["octets"] / 10
