"""The configuration of a cluster: what operators write, without nodes, blocks and services, which come and go."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bgpctl.resources.in_force.versions import Versions, documents_in_force
from bgpctl.yaml_source.document import read_document

KINDS = frozenset({"BGPPeer", "BGPConfiguration", "BGPFilter", "IPPool", "FelixConfiguration"})
PREFIX = "bgpctl-"
DIGEST_LENGTH = 12
# Of an object's metadata, what the API server adds, and what changes without another meaning.
_OF_THE_SERVER = frozenset(
    {"creationTimestamp", "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"}
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The objects that are in force, by kind and name. `revision` is the same for the same objects."""

    objects: tuple[dict[str, Any], ...]
    revision: str = field(init=False)

    def __post_init__(self) -> None:
        text = msgspec.json.encode(self.objects, order="deterministic")
        object.__setattr__(self, "revision", PREFIX + hashlib.sha256(text).hexdigest()[:DIGEST_LENGTH])


def configuration_of(versions: Versions) -> Configuration:
    """Of an invalid resource the version that is in force."""
    documents = documents_in_force(versions, KINDS)
    return Configuration(tuple(_object(documents[each]) for each in sorted(documents, key=str)))


def _object(text: str) -> dict[str, Any]:
    """As it could be applied."""
    data = dict(read_document(text).data)
    metadata = {key: value for key, value in data["metadata"].items() if key not in _OF_THE_SERVER}
    return {key: value for key, value in {**data, "metadata": metadata}.items() if key != "status"}
