"""Controllers as processes, each with the token of its ServiceAccount, and what has to be installed for them."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer

ROOT = Path(__file__).parents[3]
BGPCTL = Path(sys.executable).with_name("bgpctl")
SYSTEM = "bgpctl-system"
ACCOUNT = "bgpctl-controller"


class ControllerProcess:
    """One replica, `name` in the Lease. `environment` is what it has besides ours."""

    def __init__(
        self,
        server: ApiServer,
        directory: Path,
        name: str,
        *options: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        directory.mkdir()
        self.name = name
        self._options = options
        self._environment = {**os.environ, **(environment or {})}
        self.directory = directory
        self.log = directory / "log"
        self._server = server
        self._kubeconfig = server.token_kubeconfig(server.token(ACCOUNT, SYSTEM))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        """With the options that it always has, and `more`."""
        command = [BGPCTL, "controller", "--kubeconfig", self._kubeconfig, "--namespace", SYSTEM]
        command += ["--identity", self.name, "--run-dir", self.directory / "run", "--metrics-address", "127.0.0.1:0"]
        command += [*self._options, *more]
        with self.log.open("ab") as log:
            words = [str(each) for each in command]
            self._process = subprocess.Popen(words, stdout=log, stderr=log, env=self._environment)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(30)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of one of its pages; 0 and "" before they are served."""
        found = re.findall(r"pages are served.*?address=(\S+)", self.log.read_text())
        if not found:
            return 0, ""
        connection = http.client.HTTPConnection(found[-1], timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


def install(server: ApiServer) -> None:
    """NodePlan, roles and account of the controller, and Calico's kinds."""
    calico_crds.install(server, calico_crds.V3, (*calico_crds.KINDS, "Node"))
    install_node_plans(server)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}
    calico_crds.apply(server, namespace)
    for name in ("controller", "agent", "agent-services"):
        calico_crds.run(server, "apply", "-f", str(ROOT / f"config/rbac/{name}.yaml"))


def install_node_plans(server: ApiServer) -> None:
    """Until they are served."""
    calico_crds.run(server, "apply", "--server-side", "-k", str(ROOT / "config/crd/nodeplan"))
    calico_crds.run(server, "wait", "--for=condition=Established", "--timeout=60s", "crd/nodeplans.bgpctl.io")
