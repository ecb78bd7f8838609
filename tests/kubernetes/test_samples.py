"""The samples of config/samples/labs in a cluster without Calico: its definitions and all policies accept every one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import crd_copies
import deployed
import pytest

from labs.bench.kubernetes.api_server import ApiServer

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

SAMPLES = sorted(each.parent for each in (deployed.CONFIG / "samples" / "labs").glob("*/kustomization.yaml"))


@pytest.fixture(scope="module")
def server(api_server_network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with crd_copies.server_with_copies(api_server_network, tmp_path_factory.mktemp("samples")) as server:
        deployed.install(server, "default")
        yield server


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_cluster_accepts_the_sample(server: ApiServer, sample: Path) -> None:
    try:
        done = server.kubectl("apply", "--kustomize", sample)
        assert done.returncode == 0, done.stderr
    finally:
        crd_copies.must(server, "delete", "--kustomize", sample, "--ignore-not-found", "--wait=false")
