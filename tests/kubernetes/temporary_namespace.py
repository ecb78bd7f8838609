"""A namespace of Kubernetes for one test: what controllers do for it in a cluster is done here.

It gets its ServiceAccount `default`; in the end, everything in it is deleted, and then itself.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from labs.bench.kubernetes.api_server import ApiServer


@contextmanager
def temporary_namespace(server: ApiServer) -> Iterator[str]:
    """Its name."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    _succeed(server, "create", "namespace", name)
    _succeed(server, "create", "serviceaccount", "default", f"--namespace={name}")
    yield name
    kinds = _succeed(server, "api-resources", "--namespaced", "--verbs=delete,list", "--output=name").split()
    _succeed(
        server, "delete", ",".join(kinds), "--all", f"--namespace={name}",
        "--ignore-not-found", "--wait=false", "--force", "--grace-period=0",
    )  # fmt: skip
    _succeed(server, "delete", "namespace", name, "--wait=false")
    finalized = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []}}
    _succeed(
        server, "replace", "--raw", f"/api/v1/namespaces/{name}/finalize", "--filename=-", stdin=json.dumps(finalized)
    )


def _succeed(server: ApiServer, *words: str, stdin: str | None = None) -> str:
    done = server.kubectl(*words, stdin=stdin)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout
