"""What was given and cannot be used: the resource that it was meant to be, as far as that is known.

Rule: a name counts only where it is one. A document that is not YAML, has another kind or no valid name may be any of
the resources that its file had.
"""

from __future__ import annotations

from dataclasses import dataclass

from bgpctl.resources.kinds.ip_pool import IPPool
from bgpctl.resources.kinds.kubernetes import DEFAULT_NAMESPACE, NamespacedResource
from bgpctl.resources.reading.kind_table import Kind
from bgpctl.resources.reading.refusals import refusals
from bgpctl.resources.values.model import Key, Resource

UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Unusable:
    """kind, key       of the resource; UNKNOWN and None where that is not known
    file, line      where it stands; line 0: the whole file, or a directory with all that is in it
    stand_in        what may take its place where no version of it is known
    is_duplicate    it is right by itself, and stands somewhere else as well
    """

    kind: str
    key: Key | None
    line: int
    file: str = ""
    stand_in: Resource | None = None
    is_duplicate: bool = False


def key_of(kind: Kind, shaped: object) -> Key | None:
    """The key that the data gives; None when it gives none."""
    metadata = shaped.get("metadata") if isinstance(shaped, dict) else None
    name, namespace = (metadata.get(each) for each in ("name", "namespace")) if isinstance(metadata, dict) else ("", "")
    if not isinstance(name, str) or not name:
        return None
    if not issubclass(kind.model, NamespacedResource):
        return name
    return (namespace if isinstance(namespace, str) and namespace else DEFAULT_NAMESPACE, name)


def stand_in(kind: Kind, key: Key | None, shaped: object) -> Resource | None:
    """An IPPool of which the network can be read is that network, and nothing in it is exported."""
    spec = shaped.get("spec") if isinstance(shaped, dict) else None
    if kind.model is not IPPool or key is None or not isinstance(spec, dict):
        return None
    data = {
        "metadata": {"name": key},
        "spec": {"cidr": spec.get("cidr"), "disabled": True, "disableBGPExport": True},
    }
    return refusals(kind.model, data)[0]
