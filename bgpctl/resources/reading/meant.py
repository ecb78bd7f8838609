"""Which resource a document that cannot be used was meant to be, and what stands in for it."""

from __future__ import annotations

from bgpctl.resources.kinds.ip_pool import IPPool
from bgpctl.resources.kinds.kubernetes import DEFAULT_NAMESPACE, NamespacedResource
from bgpctl.resources.reading.kind_table import Kind
from bgpctl.resources.reading.refusals import refusals
from bgpctl.resources.values.model import Key, Resource


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
