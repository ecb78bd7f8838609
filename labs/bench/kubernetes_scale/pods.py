"""An agent as in its pod: the files and variables of a service account, in which it finds the API server.

Rule: every process has a mount namespace of its own (`ip netns exec` makes it), so /run is its pod's and nothing of it
is left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bgpctl.kubernetes.access import SERVICE_ACCOUNT
from labs.bench.kubernetes.api_server import ApiServer

HOST = "127.0.0.1"
# /var/run is /run; what follows takes the place of this shell.
_SCRIPT = f"""
mount -t tmpfs tmpfs /run && mkdir -p {SERVICE_ACCOUNT.parent} && ln -s "$1" {SERVICE_ACCOUNT} && shift && exec "$@"
"""


def write_service_account(directory: Path, server: ApiServer, namespace: str, token: str) -> None:
    directory.mkdir()
    (directory / "token").write_text(token)
    (directory / "namespace").write_text(namespace)
    (directory / "ca.crt").symlink_to(server.ca_certificate)


def in_pod(service_account: Path, port: int, command: Sequence[str | Path]) -> list[str]:
    """The command, as it runs in a pod with this account, where the API server listens at HOST."""
    variables = [f"KUBERNETES_SERVICE_HOST={HOST}", f"KUBERNETES_SERVICE_PORT={port}"]
    return ["sh", "-c", _SCRIPT, "sh", str(service_account), "env", *variables, *map(str, command)]
