"""What a client without a credential sees of the API server: whether it is ready, and which certificate it presents."""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path

SECONDS = 5


def is_ready(address: str, port: int, authority: Path) -> bool:
    context = ssl.create_default_context(cafile=authority)
    connection = http.client.HTTPSConnection(address, port, timeout=SECONDS, context=context)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def presented_certificate(address: str, port: int, authority: Path) -> bytes:
    """DER, of a new connection."""
    context = ssl.create_default_context(cafile=authority)
    with (
        socket.create_connection((address, port), timeout=SECONDS) as raw,
        context.wrap_socket(raw, server_hostname=address) as connection,
    ):
        return connection.getpeercert(binary_form=True) or b""
