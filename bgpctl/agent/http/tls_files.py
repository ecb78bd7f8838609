"""The files of a certificate, as operators name them; `tls` loads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bgpctl.errors import NotReadyError


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
