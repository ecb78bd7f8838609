"""One object: what it is called, its data as JSON has it, and where it stands.

Rule: it is named as in problems, `BGPPeer/tor-1` or `Secret/kube-system/bgp`, and never compared by what an API server
writes into it for itself (BOOKKEEPING).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bgpctl.objects.kinds import ObjectKind, kind_of
from bgpctl.yaml_source.problem import Location

DEFAULT_NAMESPACE = "default"
# In metadata: what the API server keeps for itself, and what is of no use in another datastore.
BOOKKEEPING = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
# What kubectl has applied the last time, with everything that was in it.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ObjectId:
    """`namespace` is "" for kinds that have none."""

    kind: ObjectKind
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind.kind, self.namespace, self.name) if part)

    @property
    def resource(self) -> str:
        """As kubectl prints it: "bgppeer.projectcalico.org/tor-1"."""
        return f"{self.kind.resource}/{self.name}"


@dataclass(frozen=True, slots=True)
class Object:
    """`place`: file and line, in a directory; an empty one in a cluster."""

    id: ObjectId
    data: Data
    place: Location = field(default_factory=Location)

    @property
    def metadata(self) -> Data:
        found = self.data.get("metadata")
        return found if isinstance(found, Mapping) else {}

    @property
    def labels(self) -> Mapping[str, str]:
        return self._texts("labels")

    @property
    def annotations(self) -> Mapping[str, str]:
        return self._texts("annotations")

    @property
    def version(self) -> str:
        """The resourceVersion; "" outside of a cluster."""
        return str(self.metadata.get("resourceVersion", ""))

    def _texts(self, name: str) -> Mapping[str, str]:
        found = self.metadata.get(name)
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}


def object_of(data: Data, place: Location | None = None) -> Object | None:
    """None for what has none of our kinds, or no name."""
    kind = kind_of(str(data.get("apiVersion", "")), str(data.get("kind", "")))
    metadata = data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if kind is None or not isinstance(metadata, Mapping) or not isinstance(name, str) or not name:
        return None
    namespace = str(metadata.get("namespace") or DEFAULT_NAMESPACE) if kind.namespaced else ""
    return Object(ObjectId(kind, name, namespace), data, place or Location())


def meaning(data: Data) -> dict[str, Any]:
    """The data without what an API server, or kubectl, keeps in it for itself."""
    found = data.get("metadata")
    if not isinstance(found, Mapping):
        return dict(data)
    metadata = {key: value for key, value in found.items() if key not in BOOKKEEPING}
    annotations = metadata.get("annotations")
    if isinstance(annotations, Mapping) and LAST_APPLIED in annotations:
        kept = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
        metadata = {key: value for key, value in metadata.items() if key != "annotations"}
        metadata |= {"annotations": kept} if kept else {}
    return {**data, "metadata": metadata}


def merged(below: Any, above: Any) -> Any:
    """The one with what the other has set, at the level of fields."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    return {**below, **{key: merged(below[key], value) if key in below else value for key, value in above.items()}}
