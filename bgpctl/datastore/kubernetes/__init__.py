"""Resources of a cluster out of its API server: the same values as the directory yields. Nothing is ever written."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bgpctl.datastore.kubernetes.wants import ClusterOptions
    from bgpctl.datastore.kubernetes.watch import read_cluster, watch_cluster

__all__ = ["ClusterOptions", "read_cluster", "watch_cluster"]

# Imported when it is asked for: a module of this room may need nothing of that.
_MODULES = {
    "ClusterOptions": "bgpctl.datastore.kubernetes.wants",
    "read_cluster": "bgpctl.datastore.kubernetes.watch",
    "watch_cluster": "bgpctl.datastore.kubernetes.watch",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
