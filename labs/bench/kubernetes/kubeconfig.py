"""A kubeconfig with one cluster and one user, and everything in it, so that it can be copied anywhere."""

from __future__ import annotations

import base64
from pathlib import Path

from labs.bench.kubernetes.cluster_authority import KeyPair

User = dict[str, str]


def kubeconfig(server: str, ca_certificate: Path, user: User) -> dict[str, object]:
    cluster = {"server": server, "certificate-authority-data": _base64(ca_certificate)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }


def with_certificate(pair: KeyPair) -> User:
    return {"client-certificate-data": _base64(pair.certificate), "client-key-data": _base64(pair.key)}


def with_token(token: str) -> User:
    return {"token": token}


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
