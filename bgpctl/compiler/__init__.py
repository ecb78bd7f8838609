"""The compiler: resources and a node's name in, that node's plan out.

Pure and deterministic to the byte; the order in which resources were read makes no difference. One file for each
question; `node.py` asks them all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# The function has the name of its module, so it is there before anybody asks for it.
from bgpctl.compiler.with_services import with_services

if TYPE_CHECKING:
    from bgpctl.compiler.cluster.index import ClusterIndex
    from bgpctl.compiler.identity import CompileError
    from bgpctl.compiler.node import Compiled, compile_cluster, compile_every_node, compile_node
    from bgpctl.compiler.rendering.exabgp_conf import render_exabgp_conf
    from bgpctl.configuration.compile_options import CompileOptions, LocalWorkload

__all__ = [
    "ClusterIndex",
    "CompileError",
    "CompileOptions",
    "Compiled",
    "LocalWorkload",
    "compile_cluster",
    "compile_every_node",
    "compile_node",
    "render_exabgp_conf",
    "with_services",
]

# Imported when it is asked for: whoever needs one of these does not pay for the others.
_MODULES = {
    "ClusterIndex": "bgpctl.compiler.cluster.index",
    "CompileError": "bgpctl.compiler.identity",
    "Compiled": "bgpctl.compiler.node",
    "compile_cluster": "bgpctl.compiler.node",
    "compile_every_node": "bgpctl.compiler.node",
    "compile_node": "bgpctl.compiler.node",
    "render_exabgp_conf": "bgpctl.compiler.rendering.exabgp_conf",
    "CompileOptions": "bgpctl.configuration.compile_options",
    "LocalWorkload": "bgpctl.configuration.compile_options",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
