"""The options of a controller: declared here and in `CompileOptions`, and nowhere else."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.configuration.option import Option
from bgpctl.daemon.http.metrics_address import MetricsAddress
from bgpctl.daemon.http.page_options import METRICS_ADDRESS, PageTls
from bgpctl.daemon.log_format import LogFormat
from bgpctl.kubernetes.access import Access

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DEFAULT_NAMESPACE = "bgpctl-system"
# Beside an agent on the same machine.
DEFAULT_METRICS_ADDRESS = MetricsAddress("127.0.0.1", 9180)


def _own_namespace() -> str:
    """Of the pod; elsewhere the default."""
    try:
        return SERVICE_ACCOUNT_NAMESPACE.read_text().strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


def _identity() -> str:
    """A pod's host name is its name."""
    return f"{socket.gethostname()}-{os.getpid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerOptions:
    kubeconfig: Annotated[
        Path | None,
        Option("The kubeconfig of the cluster.", metavar="FILE", default="the service account of the pod"),
    ] = None
    context: Annotated[str, Option("The context of the kubeconfig.", metavar="NAME", default="its current context")] = (
        ""
    )
    namespace: Annotated[
        str, Option("The namespace of the Lease.", metavar="NAME", default="that of the pod, else bgpctl-system")
    ] = field(default_factory=_own_namespace)
    identity: Annotated[
        str, Option("What the Lease names as its holder.", metavar="NAME", default="host name and process")
    ] = field(default_factory=_identity)
    run_dir: Annotated[
        Path, Option("Where the last good versions of resources are kept for the next controller.", metavar="PATH")
    ] = Path("/run/bgpctl/controller")
    metrics_address: Annotated[MetricsAddress | None, METRICS_ADDRESS] = DEFAULT_METRICS_ADDRESS
    page_tls: PageTls = field(default_factory=PageTls)
    log_format: Annotated[LogFormat, Option("How log lines look.")] = LogFormat.CONSOLE
    compile_options: CompileOptions = field(default_factory=CompileOptions)

    @property
    def access(self) -> Access:
        return Access(self.kubeconfig is None, self.kubeconfig, self.context)
