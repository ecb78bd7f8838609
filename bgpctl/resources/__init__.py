"""Calico v3 resources as typed values: parsed, defaulted, validated.

`parse_documents` turns texts into a ResourceSet and every problem found; nothing here does I/O.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bgpctl.resources.reading.parse import Loaded, parse_documents
    from bgpctl.resources.resource_set import ResourceSet

__all__ = ["Loaded", "ResourceSet", "parse_documents"]

# Imported when it is asked for: a module of this room may need nothing of that.
_MODULES = {
    "Loaded": "bgpctl.resources.reading.parse",
    "ResourceSet": "bgpctl.resources.resource_set",
    "parse_documents": "bgpctl.resources.reading.parse",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
