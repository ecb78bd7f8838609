"""The compiler: resources and a node's name in, that node's plan out.

Pure and deterministic to the byte; the order in which resources were read makes no difference. One file for each
question; `node.py` asks them all.
"""

from bgpctl.compiler.affected import affected
from bgpctl.compiler.cluster.index import ClusterIndex
from bgpctl.compiler.identity import CompileError
from bgpctl.compiler.node import Compiled, compile_cluster, compile_every_node, compile_node
from bgpctl.compiler.rendering.exabgp_conf import render_exabgp_conf
from bgpctl.compiler.with_services import with_services
from bgpctl.configuration.compile_options import CompileOptions, LocalWorkload

__all__ = [
    "ClusterIndex",
    "CompileError",
    "CompileOptions",
    "Compiled",
    "LocalWorkload",
    "affected",
    "compile_cluster",
    "compile_every_node",
    "compile_node",
    "render_exabgp_conf",
    "with_services",
]
