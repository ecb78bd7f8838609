"""Our copies of Calico's definitions, installed in an API server as an operator installs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bgpctl.kubernetes_schema import SERVED_KINDS
from labs.bench.kubernetes.api_server import PROGRAMS, ApiServer
from labs.bench.kubernetes.network import inside

DIRECTORY = Path(__file__).parents[2] / "config" / "crd"
NAMES = [f"{kind.plural}.projectcalico.org" for kind in SERVED_KINDS]


@contextmanager
def server_with_copies(network: str, directory: Path) -> Iterator[ApiServer]:
    """One of its own: other tests have definitions of the same names, and no field of theirs is checked."""
    with inside(network):
        server = ApiServer(directory)
    try:
        with inside(network):
            done = install(server)
        assert done.returncode == 0, done.stderr
        wait_established(server, NAMES)
        yield server
    finally:
        server.stop()


@contextmanager
def without_objects(server: ApiServer) -> Iterator[None]:
    """What is stored of our kinds is gone afterwards."""
    yield
    must(server, "delete", ",".join(NAMES), "--all", "--wait=false")


def wait_established(server: ApiServer, names: list[str]) -> None:
    must(server, "wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{name}" for name in names))


def install(server: ApiServer, kubeconfig: Path | None = None) -> subprocess.CompletedProcess[str]:
    """config/crd/install, as administrator of this API server or with another kubeconfig."""
    environment = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "KUBECONFIG": str(kubeconfig or server.admin_kubeconfig),
        "KUBECACHEDIR": str(server.directory / "kubectl-cache"),
    }
    return subprocess.run([DIRECTORY / "install"], env=environment, capture_output=True, text=True, check=False)


def must(server: ApiServer, *words: str | Path, stdin: str | None = None) -> str:
    done = server.kubectl(*words, stdin=stdin)
    assert done.returncode == 0, f"kubectl {' '.join(map(str, words))}: {done.stderr}"
    return done.stdout
