"""Which nodes a question is for: those that run on this machine, or those of a cluster.

--kubeconfig, --context, --namespace or --all-nodes    a cluster, through kubectl
none of them, as plugin of kubectl                     the cluster of the current context, unless --run-dir is given
none of them, otherwise                                this machine
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.declare import option
from bgpctl.cli.program import is_plugin
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from bgpctl.cli.asked_node import AskedNode
    from bgpctl.cli.running import RunningNode

NAMESPACE = "bgpctl-system"

NodesOption = Annotated[
    list[str] | None, option("--node", help="Only this node; may be repeated.", show_default="all that run here")
]
AllNodesOption = Annotated[bool, option("--all-nodes", help="All nodes of the cluster, through kubectl.")]
KubeconfigOption = Annotated[
    Path | None, option("--kubeconfig", metavar="FILE", help="Nodes of the cluster of this file, through kubectl.")
]
ContextOption = Annotated[
    str, option("--context", metavar="NAME", help="Another context of the kubeconfig.", show_default="the current one")
]
NamespaceOption = Annotated[
    str, option("--namespace", "-n", metavar="NAME", help="Of the agents' pods.", show_default=NAMESPACE)
]


@dataclass(frozen=True, slots=True)
class Cluster:
    """As it was given."""

    kubeconfig: Path | None = None
    context: str = ""
    namespace: str = ""

    @property
    def is_given(self) -> bool:
        return self.kubeconfig is not None or bool(self.context or self.namespace)

    def find(self, nodes: Sequence[str]) -> Sequence[AskedNode]:
        """All of them where none is named."""
        from bgpctl.cli.through_kubectl.kubectl import Kubectl, find_kubectl
        from bgpctl.cli.through_kubectl.pod_node import find_in_cluster

        kubectl = Kubectl(find_kubectl(), self.kubeconfig, self.context, self.namespace or NAMESPACE)
        return find_in_cluster(kubectl, nodes)


@dataclass(frozen=True, slots=True)
class Meant:
    """`every`: --all-nodes."""

    nodes: tuple[str, ...]
    every: bool
    run_directory: Path | None
    cluster: Cluster

    @property
    def is_in_cluster(self) -> bool:
        return self.every or self.cluster.is_given or (is_plugin() and self.run_directory is None)


def nodes_meant(meant: Meant, find_here: Callable[[str, Path | None], list[RunningNode]]) -> Sequence[AskedNode]:
    """`find_here` finds those of this machine with a name, "" for all. Raises NotReadyError."""
    if not meant.is_in_cluster:
        return [found for name in dict.fromkeys(meant.nodes or ("",)) for found in find_here(name, meant.run_directory)]
    if meant.run_directory is not None:
        raise NotReadyError("--run-dir is of this machine, and a cluster is given")
    if bool(meant.nodes) is meant.every:
        raise NotReadyError("name nodes of the cluster with --node, or give --all-nodes")
    return meant.cluster.find(meant.nodes)


def one_node_meant(node: str, run_directory: Path | None, cluster: Cluster) -> AskedNode:
    """Raises NotReadyError when it is not one."""
    from bgpctl.cli.running import find_one_node

    meant = Meant((node,), False, run_directory, cluster)
    if not meant.is_in_cluster:
        return find_one_node(node, run_directory)
    if not node:
        raise NotReadyError("name the node of the cluster with --node")
    (found,) = nodes_meant(meant, lambda *_: [])
    return found
