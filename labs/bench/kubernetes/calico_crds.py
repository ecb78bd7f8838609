"""CustomResourceDefinitions of Calico's kinds that take any field, in either of its groups, for tests of a datastore.

No default is filled in and nothing is refused, so an object is stored as it was written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

from labs.bench.kubernetes.api_server import ApiServer

V3, V1 = ("projectcalico.org", "v3"), ("crd.projectcalico.org", "v1")
MIGRATION = ("migration.projectcalico.org", "v1beta1")
PLURALS = {
    "BGPPeer": "bgppeers",
    "BGPConfiguration": "bgpconfigurations",
    "BGPFilter": "bgpfilters",
    "IPPool": "ippools",
    "BlockAffinity": "blockaffinities",
    "CalicoNodeStatus": "caliconodestatuses",
    "ClusterInformation": "clusterinformations",
    "FelixConfiguration": "felixconfigurations",
    "Node": "nodes",
    "DatastoreMigration": "datastoremigrations",
}
KINDS = tuple(kind for kind in PLURALS if kind not in ("Node", "DatastoreMigration"))


def definition(kind: str, group: tuple[str, str]) -> dict[str, object]:
    plural = PLURALS[kind]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": group[1], "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group[0]}"},
        "spec": {"group": group[0], "names": names, "scope": "Cluster", "versions": [version]},
    }


def install(server: ApiServer, group: tuple[str, str], kinds: Iterable[str] = KINDS) -> None:
    """Until they are served."""
    definitions = [definition(kind, group) for kind in kinds]
    apply(server, *definitions)
    names = [f"crd/{each['metadata']['name']}" for each in definitions]  # type: ignore[index]
    run(server, "wait", "--for=condition=Established", "--timeout=60s", *names)
    for kind in kinds:
        _until_served(server, f"{PLURALS[kind]}.{group[0]}")


def remove(server: ApiServer, group: tuple[str, str], kinds: Iterable[str] = KINDS) -> None:
    """With all objects, which are deleted by the API server itself."""
    names = [f"{PLURALS[kind]}.{group[0]}" for kind in kinds]
    run(server, "delete", "crd", "--ignore-not-found", "--wait=true", *names)


def _until_served(server: ApiServer, resource: str) -> None:
    deadline = time.monotonic() + 30
    while (done := server.kubectl("get", resource)).returncode != 0:
        assert time.monotonic() < deadline, f"{resource}: {done.stderr}"
        time.sleep(0.1)


def apply(server: ApiServer, *objects: object) -> None:
    document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    run(server, "apply", "--server-side", "--force-conflicts", "--filename=-", stdin=json.dumps(document))


def run(server: ApiServer, *words: str, stdin: str | None = None) -> str:
    done = server.kubectl(*words, stdin=stdin)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout
