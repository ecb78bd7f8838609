"""How the API server is reached: from inside the cluster or by a kubeconfig. Only here lightkube is known.

Of lightkube this uses the reading of kubeconfigs, the TLS context and what authenticates a request: a token, a file
with a token (read anew when it is refused), a client certificate, a program that gives a token. What the requests are
made with is its HTTP client. Both are imported when a client is opened: commands and agents that read a directory never
load them, and a pod has no kubeconfig (service_account.py).
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx2 import AsyncClient, Auth
    from lightkube.config.kubeconfig import SingleConfig

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_KUBECONFIG = "~/.kube/config"
USER_AGENT = "bgpctl"
# The protocol between kubectl and its plugins; version v1 asks for nothing that v1beta1 does not.
_PLUGIN, _PLUGIN_SPOKEN = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"

# Seconds. What a dead machine does not answer is given up, though a watch may be silent for minutes.
CONNECT, ANSWER = 5.0, 60.0
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000),
)


@dataclass(frozen=True, slots=True)
class Access:
    """in_cluster   with the service account of the pod that this runs in
    kubeconfig   a file; without one those of KUBECONFIG, or ~/.kube/config
    context      of the kubeconfig; "" for its current one
    """

    in_cluster: bool = False
    kubeconfig: Path | None = None
    context: str = ""
    service_account: Path = SERVICE_ACCOUNT

    def __str__(self) -> str:
        if self.in_cluster:
            return "the cluster of this pod"
        return f"{self.file}{f', context {self.context}' if self.context else ''}"

    @property
    def file(self) -> str:
        """The kubeconfig, or several with colons between them."""
        return str(self.kubeconfig or os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG)


def open_client(access: Access) -> AsyncClient:
    """With the credentials and certificates that stand in the files now. Raises NotReadyError."""
    try:
        return _client(*(_of_pod(access) if access.in_cluster else _of_kubeconfig(access)))
    except _refusals(access) as error:
        raise _not_usable(access, error) from error


def _client(server: str, tls: SSLContext | bool, auth: Auth | None) -> AsyncClient:
    import httpx2

    return httpx2.AsyncClient(
        base_url=server,
        auth=auth,
        trust_env=False,
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        timeout=httpx2.Timeout(ANSWER, connect=CONNECT),
        transport=httpx2.AsyncHTTPTransport(
            verify=tls, limits=httpx2.Limits(max_connections=None), socket_options=_KEEP_ALIVE
        ),
    )


def _of_pod(access: Access) -> tuple[str, SSLContext, Auth]:
    from bgpctl.kubernetes.service_account import TokenFile, server_address, tls_context

    return server_address(), tls_context(access.service_account), TokenFile(access.service_account)


def _of_kubeconfig(access: Access) -> tuple[str, SSLContext | bool, Auth | None]:
    from lightkube.config.client_adapter import user_auth, verify_cluster

    config = _config(access)
    if config.user is None:
        raise ValueError("the context names no user")
    tls = verify_cluster(config.cluster, config.user, config.abs_file, trust_env=False)
    return config.cluster.server, tls, user_auth(config.user)


def namespace_of(access: Access) -> str:
    """The namespace of the context, "default" where it names none. Raises NotReadyError."""
    try:
        if access.in_cluster:
            return (access.service_account / "namespace").read_text().strip()
        return str(_config(access).namespace)
    except _refusals(access) as error:
        raise _not_usable(access, error) from error


def _not_usable(access: Access, error: Exception) -> NotReadyError:
    reason = f"it has no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
    return NotReadyError(f"cannot use the access to {access}: {reason}")


def _config(access: Access) -> SingleConfig:
    from lightkube.config.kubeconfig import KubeConfig

    from bgpctl.kubernetes.kubeconfig_files import files_in, merged_kubeconfig

    if len(files := files_in(access.file)) > 1:
        found = KubeConfig.from_dict(merged_kubeconfig(files), files[0]).get(access.context or None)
    else:
        found = KubeConfig.from_file(access.file).get(access.context or None)
    if found is None:
        raise ValueError("there is no current context")
    plugin = found.user.exec if found.user else None
    if plugin is not None and plugin.apiVersion == _PLUGIN:
        plugin.apiVersion = _PLUGIN_SPOKEN
    return found


def _refusals(access: Access) -> tuple[type[Exception], ...]:
    """What a file that is not right makes of lightkube, PyYAML and ssl."""
    if access.in_cluster:
        return (OSError, ValueError)
    import msgspec
    import yaml
    from lightkube.core.exceptions import ConfigError

    return (ConfigError, AttributeError, OSError, KeyError, TypeError, ValueError, msgspec.MsgspecError, yaml.YAMLError)


def credential_failures(access: Access) -> tuple[type[Exception], ...]:
    """What is raised instead of a request when a token cannot be had: its file is gone, or the program has failed."""
    if access.in_cluster:
        return (OSError, ValueError)
    from lightkube.core.exceptions import ConfigError

    return (ConfigError, OSError, KeyError, ValueError)
