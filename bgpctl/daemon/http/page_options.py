"""The options of a process that serves pages: where, and with which certificate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from bgpctl.configuration.option import Option
from bgpctl.daemon.http.metrics_address import MetricsAddress
from bgpctl.daemon.http.tls_files import TlsFiles


def _metrics_address(text: str) -> MetricsAddress | None:
    return MetricsAddress.parse(text) if text else None


# Of a field whose default is the port of the process.
METRICS_ADDRESS = Option(
    "ADDRESS:PORT of /metrics, /livez and /readyz; empty: they are not served.",
    parse=_metrics_address,
    metavar="ADDRESS:PORT",
    takes_empty=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTls:
    """`files` is what the options come to; None: the pages are served without TLS."""

    metrics_cert: Annotated[
        Path | None, Option("PEM certificate: these pages are served over TLS.", metavar="FILE")
    ] = None
    metrics_key: Annotated[Path | None, Option("Its key, if that is not in the same file.", metavar="FILE")] = None
    metrics_client_ca: Annotated[
        Path | None, Option("/metrics is only for clients with a certificate of this CA.", metavar="FILE")
    ] = None

    def __post_init__(self) -> None:
        if self.metrics_cert is None and (self.metrics_key or self.metrics_client_ca):
            raise ValueError("metrics-key and metrics-client-ca need metrics-cert")

    @property
    def files(self) -> TlsFiles | None:
        if self.metrics_cert is None:
            return None
        return TlsFiles(self.metrics_cert, self.metrics_key, self.metrics_client_ca)
