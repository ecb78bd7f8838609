"""What of an object is kept in an archive.

    Calico's kinds                 all but the status, which is written anew, and what an API server keeps for itself
    Node, Service, EndpointSlice   what routing reads of them: Kubernetes makes them itself, and has them already
    Secret                         those that sessions name, where they are asked for

Rule: an archive makes the same plans as what it was taken of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bgpctl.kubernetes.wire import ANNOTATIONS, BOOKKEEPING
from bgpctl.objects import Object
from bgpctl.objects.kinds import CALICO_NODE, ObjectKind
from bgpctl.objects.object import meaning
from bgpctl.resources.kinds.kubernetes import EndpointSlice, Service
from bgpctl.yaml_source.dump import plain

# By kind: the model that says what is read.
_READ: dict[str, type[BaseModel]] = {"Service": Service, "EndpointSlice": EndpointSlice}
NODE_SPEC, NODE_STATUS = ("podCIDR", "podCIDRs"), ("addresses",)
# They name objects of one cluster by their UID: in another one the garbage collector would take what has them.
OF_ONE_CLUSTER = ("finalizers", "ownerReferences")
NODE, SECRET = "Node", "Secret"


def kept(found: Object) -> dict[str, Any]:
    """Its data, as JSON types."""
    data: dict[str, Any] = plain(meaning(found.data))
    kind = found.id.kind
    for field in OF_ONE_CLUSTER:
        data["metadata"].pop(field, None)
    if kind.kind in _READ:
        return {**_head(data), **_read(data, _READ[kind.kind], skipped=("metadata",))}
    if is_reduced(kind):
        return _node(data)
    if kind.kind == SECRET:
        return {**_head(data), **{field: data[field] for field in ("data", "stringData", "type") if field in data}}
    return _calico(data, kind)


def is_reduced(kind: ObjectKind) -> bool:
    """Whether an archive has objects of this kind in part only."""
    return kind.kind in _READ or (kind.kind == NODE and kind is not CALICO_NODE)


def _calico(data: dict[str, Any], kind: ObjectKind) -> dict[str, Any]:
    annotations = data["metadata"].get("annotations") or {}
    own = {key: value for key, value in annotations.items() if key not in BOOKKEEPING}
    data["metadata"].pop("annotations", None)
    data["metadata"] |= {"annotations": own} if own else {}
    if kind is not CALICO_NODE:
        data.pop("status", None)
    return data


def _node(data: Mapping[str, Any]) -> dict[str, Any]:
    parts = {"spec": NODE_SPEC, "status": NODE_STATUS}
    found = {
        field: {key: value for key, value in data[field].items() if key in names}
        for field, names in parts.items()
        if isinstance(data.get(field), dict)
    }
    return {**_head(data), **{field: value for field, value in found.items() if value}}


def _head(data: Mapping[str, Any]) -> dict[str, Any]:
    """Of annotations those of Calico and of bgpctl."""
    metadata = {key: data["metadata"][key] for key in ("name", "namespace", "labels") if data["metadata"].get(key)}
    annotations = {
        key: value
        for key, value in (data["metadata"].get("annotations") or {}).items()
        if key.startswith(ANNOTATIONS) and key not in BOOKKEEPING
    }
    metadata |= {"annotations": annotations} if annotations else {}
    return {"apiVersion": data["apiVersion"], "kind": data["kind"], "metadata": metadata}


def _read(data: Any, model: type[BaseModel], skipped: tuple[str, ...] = ()) -> Any:
    """The fields that the model has, and what it has of them."""
    if isinstance(data, list):
        return [_read(each, model) for each in data]
    if not isinstance(data, dict):
        return data
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        written = field.alias or name
        if written in data and written not in skipped:
            inner = _model_in(field.annotation)
            found[written] = _read(data[written], inner) if inner else data[written]
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_in(part))), None)
