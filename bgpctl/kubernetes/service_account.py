"""The API server as a pod reaches it: address, authority and token that every pod of a service account is given.

Rule: the token's file is read anew when the token is refused: the kubelet replaces it before its hour is over. This is
what an agent needs, and all that it needs: a kubeconfig (access.py) costs lightkube and a YAML reader.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Generator
from pathlib import Path

import httpx2

UNAUTHORIZED = 401


def server_address() -> str:
    """Raises ValueError outside of a pod."""
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{each}", "") for each in ("HOST", "PORT"))
    if not host or not port:
        raise ValueError("KUBERNETES_SERVICE_HOST is not set: this does not run in a pod")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def tls_context(directory: Path) -> ssl.SSLContext:
    """Raises OSError, and ssl.SSLError for what is no certificate."""
    return ssl.create_default_context(cafile=str(directory / "ca.crt"))


class TokenFile(httpx2.Auth):
    """Raises OSError and ValueError in place of a request when there is no token."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "token"
        self._token = self._read()

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == UNAUTHORIZED:
            self._token = self._read()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _read(self) -> str:
        token = self._file.read_text().strip()
        if not token:
            raise ValueError(f"{self._file} is empty")
        return token
