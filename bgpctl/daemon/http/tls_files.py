"""The files of a certificate, as operators name them; `tls` loads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the certificate with its chain, its key (None: in the same file), and the CA that has signed the
    certificates of those who may read metrics (None: everybody may)."""

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None
