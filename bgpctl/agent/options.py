"""What an agent is told when it starts: a value, checked before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

from bgpctl.agent.autodetection.settings import DetectionSettings
from bgpctl.errors import NotReadyError
from reflector.plan import MAIN_TABLE, ROUTE_PROTOCOL

# Each agent of this machine has a directory under it; those of labs are at lab/LAB/NODE.
RUN_ROOT = Path("/run/bgpctl")
DEFAULT_METRICS_ADDRESS = "127.0.0.1:9179"
ENDPOINT_STATUS_PREFIX = Path("/var/run/calico")
HIGHEST_PORT = 65535
# Below are the numbers of the kernel and of whoever types `ip route add`.
LOWEST_PROTOCOL, HIGHEST_PROTOCOL = 5, 255
LOCAL_TABLE, HIGHEST_TABLE = 255, 2**32 - 1


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


class PeerMetrics(StrEnum):
    """How much /metrics says of sessions: series for each, their sums by type of peer, or neither."""

    EACH = "each"
    BY_TYPE = "by-type"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MetricsAddress:
    """Where /metrics, /livez and /readyz are served. Port 0 lets the kernel choose one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads "127.0.0.1:9179", "[::1]:9179" or ":9179" (all addresses). Raises NotReadyError."""
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > HIGHEST_PORT:
            raise NotReadyError(f"the metrics address {text!r} is not ADDRESS:PORT, for example 127.0.0.1:9179")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the certificate with its chain, its key (None: in the same file), and the CA that has signed the
    certificates of those who may read metrics (None: everybody may)."""

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None

    @classmethod
    def parse(cls, certificate: Path | None, key: Path | None, client_ca: Path | None) -> Self | None:
        """None when nothing is said. Raises NotReadyError for a key or a CA without a certificate."""
        if certificate is not None:
            return cls(certificate, key, client_ca)
        if key is not None or client_ca is not None:
            raise NotReadyError("--metrics-key and --metrics-client-ca need --metrics-cert")
        return None


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
