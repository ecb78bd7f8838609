"""Objects as they are shown. The values of a Secret never show, in whatever form; its keys and their lengths do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bgpctl.objects.kinds import SECRET_KIND
from bgpctl.objects.object import LAST_APPLIED, Data, Object
from bgpctl.resources.values.notations import decode_base64

HIDDEN = "<hidden>"
# Of the fields of a Secret those that have values, and whether they are base64.
_VALUES = {"data": True, "stringData": False}


def shown(found: Object, *, managed_fields: bool = False) -> dict[str, Any]:
    data = dict(found.data)
    metadata = dict(found.metadata)
    if not managed_fields:
        metadata.pop("managedFields", None)
    if found.id.kind is SECRET_KIND:
        metadata = _without_last_applied(metadata)
        for field in _VALUES:
            if isinstance(data.get(field), Mapping):
                data[field] = dict.fromkeys(data[field], HIDDEN)
            elif field in data:
                data[field] = HIDDEN
    return {**data, "metadata": metadata}


def secret_sizes(found: Object) -> dict[str, int]:
    """Octets of each key; -1 for what is no base64."""
    sizes: dict[str, int] = {}
    for field, is_base64 in _VALUES.items():
        values = found.data.get(field)
        for key, value in values.items() if isinstance(values, Mapping) else ():
            sizes[str(key)] = _size(str(value), is_base64=is_base64)
    return sizes


def _size(value: str, *, is_base64: bool) -> int:
    try:
        return len(decode_base64(value)) if is_base64 else len(value.encode())
    except ValueError:
        return -1


def _without_last_applied(metadata: Data) -> dict[str, Any]:
    """Which has the values in it."""
    annotations = metadata.get("annotations")
    if not isinstance(annotations, Mapping) or LAST_APPLIED not in annotations:
        return dict(metadata)
    return {**metadata, "annotations": {key: value for key, value in annotations.items() if key != LAST_APPLIED}}
