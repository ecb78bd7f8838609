"""Agents that have their NodePlan from a real API server and nothing else of the cluster: labs, with their own tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from api_server import ApiServer
from cluster_lab import cluster_lab
from controllers import ControllerProcess

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]


def test_quickstart(
    cluster: ApiServer, lab: Callable[[str], None], controller: Callable[..., ControllerProcess], tmp_path: Path
) -> None:
    lab("quickstart")
    controller("one", "--without-felix")
    with cluster_lab(cluster, "quickstart", tmp_path) as running:
        running.until_all_established()
