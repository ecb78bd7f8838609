"""What an API server will make of an object that is applied, without asking it to: for who may read and not write.

Rule: as server-side apply does it. What is applied is set; what we have applied before and do not apply any more goes;
what others have written stays. Defaults, and lists that are merged item by item, only the API server knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bgpctl.objects.object import Data, merged

# In managedFields a name of a field begins so, and what stands below it is the same again.
FIELD = "f:"


def estimate(was: Data | None, applied: Data, manager: str) -> dict[str, Any]:
    if was is None:
        return dict(applied)
    ours: Mapping[str, Any] = {}
    others: list[Mapping[str, Any]] = []
    for name, operation, fields in _managers(was):
        if (name, operation) == (manager, "Apply"):
            ours = fields
        else:
            others.append(fields)
    found: dict[str, Any] = merged(_without(was, _gone(ours, others, applied)), applied)
    return found


def _managers(was: Data) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Who has written which fields, and how."""
    metadata = was.get("metadata")
    for entry in metadata.get("managedFields", ()) if isinstance(metadata, Mapping) else ():
        yield entry.get("manager", ""), entry.get("operation", ""), entry.get("fieldsV1") or {}


def _gone(ours: Mapping[str, Any], others: Sequence[Mapping[str, Any]], applied: Any) -> dict[str, Any]:
    """The fields that are ours alone and not applied, in the shape of the object; {} for a field as a whole."""
    found: dict[str, Any] = {}
    for key, below in ours.items():
        name, theirs = key.removeprefix(FIELD), [each[key] for each in others if key in each]
        if not key.startswith(FIELD):
            continue
        if not isinstance(applied, Mapping) or name not in applied:
            if not theirs:
                found[name] = {}
        elif below and isinstance(applied[name], Mapping) and (within := _gone(below, theirs, applied[name])):
            found[name] = within
    return found


def _without(data: Any, gone: Mapping[str, Any]) -> Any:
    if not isinstance(data, Mapping):
        return data
    return {
        key: _without(value, gone[key]) if key in gone else value
        for key, value in data.items()
        if key not in gone or gone[key]
    }
