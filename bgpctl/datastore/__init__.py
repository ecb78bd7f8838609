"""Where resources come from. Every source yields the same: a Loaded, and a new one after every change."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bgpctl.datastore.directory import read_directory
    from bgpctl.datastore.watch import watch_directory

__all__ = ["read_directory", "watch_directory"]

# Imported when it is asked for: a module of this room may need nothing of that.
_MODULES = {
    "read_directory": "bgpctl.datastore.directory",
    "watch_directory": "bgpctl.datastore.watch",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
