"""The certificate with which pages are served.

    start              the files must be good, or the process does not start
    every connection   a file that is another one than before is taken up; nothing is polled
    a bad file         is logged once, and the last good certificate stays

With a CA for clients their certificates are checked. A client without one is accepted here: the probes of Kubernetes
have none, and /livez and /readyz are for them (`http_server.py` has the pages that need one).
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn

from bgpctl.daemon.http.tls_files import TlsFiles
from bgpctl.daemon.logs import get_logger
from bgpctl.errors import NotReadyError

Signature = tuple[tuple[int, int, int, int] | None, ...]

log = get_logger("http")


class ServerTls:
    """What handshakes are made with. `checks_clients`: there is a CA for them."""

    @classmethod
    def of(cls, files: TlsFiles | None) -> ServerTls | None:
        """None: without TLS. Raises NotReadyError when the files cannot be used."""
        return None if files is None else cls(files)

    def __init__(self, files: TlsFiles) -> None:
        """Raises NotReadyError when the files cannot be used."""
        self.checks_clients = files.client_ca is not None
        self._files = files
        self._signature = _signature(files)
        try:
            self._context = _load(files)
        except (OSError, ValueError) as error:
            raise NotReadyError(f"the certificate of the metrics address cannot be used: {_reason(error)}") from error

    def context(self) -> ssl.SSLContext:
        """That of the files as they are now, or else as they were when they were good."""
        signature = _signature(self._files)
        if signature != self._signature:
            self._signature = signature
            try:
                self._context = _load(self._files)
                log.info("new certificate is taken up", certificate=str(self._files.certificate))
            except (OSError, ValueError) as error:
                log.error(
                    "new certificate cannot be used, the last good one stays",
                    certificate=str(self._files.certificate),
                    reason=_reason(error),
                )
        return self._context


def _load(files: TlsFiles) -> ssl.SSLContext:
    """Raises OSError (of which SSLError is one) or ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A resumed session would show neither a new certificate nor whether the client's is still good.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.load_cert_chain(files.certificate, files.key, password=_no_passphrase)
    if files.client_ca is not None:
        context.load_verify_locations(files.client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _no_passphrase() -> NoReturn:
    """Without this, OpenSSL would ask at the terminal."""
    raise ValueError("the key has a passphrase; the agent needs one without")


def _signature(files: TlsFiles) -> Signature:
    return tuple(map(_stat, (files.certificate, files.key, files.client_ca)))


def _stat(path: Path | None) -> tuple[int, int, int, int] | None:
    """None for a file that is not there."""
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
