"""What an agent is told when it starts: a value, checked before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bgpctl.agent.autodetection.settings import DetectionSettings
from bgpctl.agent.host.log_format import LogFormat
from bgpctl.agent.http.metrics_address import MetricsAddress
from bgpctl.agent.http.tls_files import TlsFiles
from bgpctl.agent.metrics.peer_metrics import PeerMetrics
from bgpctl.compiler.options import CompileOptions
from bgpctl.errors import NotReadyError
from reflector.plan import MAIN_TABLE, ROUTE_PROTOCOL

DEFAULT_METRICS_ADDRESS = "127.0.0.1:9179"
ENDPOINT_STATUS_PREFIX = Path("/var/run/calico")
# Below are the numbers of the kernel and of whoever types `ip route add`.
LOWEST_PROTOCOL, HIGHEST_PROTOCOL = 5, 255
LOCAL_TABLE, HIGHEST_TABLE = 255, 2**32 - 1


@dataclass(frozen=True, slots=True)
class RoutePlace:
    """The protocol number that marks the routes which are ours to change, and the table that they are in."""

    protocol: int = ROUTE_PROTOCOL
    table: int = MAIN_TABLE

    @classmethod
    def of(cls, protocol: int, table: int) -> Self:
        """Raises NotReadyError for what belongs to the kernel itself, and for what is no such number."""
        if not LOWEST_PROTOCOL <= protocol <= HIGHEST_PROTOCOL:
            raise NotReadyError(f"--route-protocol {protocol} is not from {LOWEST_PROTOCOL} to {HIGHEST_PROTOCOL}")
        if not 0 < table <= HIGHEST_TABLE or table == LOCAL_TABLE:
            raise NotReadyError(f"--route-table {table} is not from 1 to {HIGHEST_TABLE}, or is the table of addresses")
        return cls(protocol, table)


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """One agent.

    node             the name of the Node resource this machine is
    resources        a file or a directory of resources
    run_directory    see docs/architecture.md; one agent at a time
    program_fib      False on a dedicated route reflector: routes are learned and told, the kernel is left alone
    without_felix    no Felix runs here: the routes and devices of VXLAN pools are ours to program
    metrics_address  None: not served
    metrics_tls      None: served in the clear
    peer_metrics     see docs/metrics.md
    speaker_user     whom the speaker runs as when this agent is root, "": see reflector/process/account.py
    routes           how our kernel routes are marked, and in which table they are
    detection        how addresses are found that the Node does not say
    endpoint_status  the prefix of Felix's endpoint-status files
    """

    node: str
    resources: Path
    run_directory: Path
    program_fib: bool = True
    without_felix: bool = False
    metrics_address: MetricsAddress | None = None
    log_format: LogFormat = LogFormat.CONSOLE
    metrics_tls: TlsFiles | None = None
    speaker_user: str = ""
    peer_metrics: PeerMetrics = PeerMetrics.EACH
    routes: RoutePlace = RoutePlace()
    detection: DetectionSettings = field(default_factory=DetectionSettings)
    endpoint_status: Path = ENDPOINT_STATUS_PREFIX

    @property
    def compile_options(self) -> CompileOptions:
        return CompileOptions(
            without_felix=self.without_felix, route_protocol=self.routes.protocol, route_table=self.routes.table
        )
