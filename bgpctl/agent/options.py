"""The options of an agent: declared here, in `CompileOptions` and in `DetectionSettings`, and nowhere else.

Command line, environment, file, validation and docs/agent-options.md follow from the declarations
(bgpctl/configuration).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from bgpctl.agent.autodetection.settings import DetectionSettings
from bgpctl.agent.host.run_directory import RUN_ROOT
from bgpctl.agent.host.state_directory import STATE_ROOT
from bgpctl.agent.metrics.peer_metrics import PeerMetrics
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.configuration.option import Option, Variables
from bgpctl.daemon.http.metrics_address import MetricsAddress
from bgpctl.daemon.http.page_options import METRICS_ADDRESS, PageTls
from bgpctl.daemon.log_format import LogFormat
from bgpctl.kubernetes.access import Access

DEFAULT_METRICS_ADDRESS = MetricsAddress("127.0.0.1", 9179)
ENDPOINT_STATUS_PREFIX = Path("/var/run/calico")


def _host_name() -> str:
    """As Calico: names of Kubernetes nodes are lower case; host names need not be."""
    return socket.gethostname().strip().lower()


def _variable(name: str, kind: Callable[[str], Any] = str) -> Variables:
    def read(environment: Mapping[str, str]) -> Any:
        text = environment.get(name, "").strip()
        return kind(text) if text else None

    return Variables((name,), read)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """One agent. `run_directory`, `access` and `program_fib` are what options come to."""

    resources: Annotated[
        Path | None,
        Option("A file or a directory of Calico v3 resources.", metavar="PATH", default="with a cluster none"),
    ] = None
    in_cluster: Annotated[
        bool,
        Option(
            "The NodePlan of this node is read with the service account of the pod, in place of resources.",
            opposite="--no-in-cluster",
        ),
    ] = False
    kubeconfig: Annotated[
        Path | None,
        Option("The same with the kubeconfig of a cluster.", metavar="FILE", default="none"),
    ] = None
    context: Annotated[str, Option("The context of the kubeconfig.", metavar="NAME", default="its current context")] = (
        ""
    )
    state_dir: Annotated[
        Path,
        Option(
            "The directory of what outlives a reboot: the last NodePlan, for a start without the API server.",
            metavar="PATH",
        ),
    ] = STATE_ROOT
    node: Annotated[
        str,
        Option(
            "The name of the Node resource that this machine is.",
            metavar="NAME",
            default="the host name, in lower case",
            variables=_variable("NODENAME"),
        ),
    ] = field(default_factory=_host_name)
    run_dir: Annotated[
        Path | None,
        Option("The directory of the plan and the control sockets.", metavar="PATH", default=f"{RUN_ROOT}/NODE"),
    ] = None
    no_fib: Annotated[
        bool,
        Option("The kernel is left alone: a dedicated route reflector, which forwards nothing.", opposite="--fib"),
    ] = False
    compile_options: CompileOptions = field(default_factory=CompileOptions)
    metrics_address: Annotated[MetricsAddress | None, METRICS_ADDRESS] = DEFAULT_METRICS_ADDRESS
    page_tls: PageTls = field(default_factory=PageTls)
    peer_metrics: Annotated[PeerMetrics, Option("Series for each session, their sums by type of peer, or neither.")] = (
        PeerMetrics.EACH
    )
    detection: DetectionSettings = field(default_factory=DetectionSettings)
    speaker_user: Annotated[
        str,
        Option(
            "The user that the speaker becomes, when the agent is root.",
            metavar="NAME",
            default="bgpctl, else nobody",
        ),
    ] = ""
    endpoint_status: Annotated[
        Path,
        Option(
            "Felix writes into PREFIX/endpoint-status which workloads peer with the node.",
            metavar="PREFIX",
            variables=_variable("CALICO_ENDPOINT_STATUS_PATH_PREFIX", Path),
        ),
    ] = ENDPOINT_STATUS_PREFIX
    log_format: Annotated[LogFormat, Option("How log lines look: for people or for programs.")] = LogFormat.CONSOLE

    def __post_init__(self) -> None:
        given = [self.resources is not None, self.in_cluster, self.kubeconfig is not None]
        if not any(given):
            raise ValueError(
                "resources is not set: it is set by --resources, BGPCTL_RESOURCES or resources in the file of "
                "--config; in a cluster --in-cluster or --kubeconfig takes its place"
            )
        if sum(given) > 1:
            raise ValueError("resources, in-cluster and kubeconfig exclude one another: an agent has one source")
        if self.context and self.kubeconfig is None:
            raise ValueError("context needs kubeconfig")

    @property
    def run_directory(self) -> Path:
        return self.run_dir or RUN_ROOT / self.node

    @property
    def access(self) -> Access | None:
        """To the cluster whose NodePlan is followed; None for an agent of resources."""
        if self.resources is not None:
            return None
        return Access(self.in_cluster, self.kubeconfig, self.context)

    @property
    def program_fib(self) -> bool:
        return not self.no_fib
