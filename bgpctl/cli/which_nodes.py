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

# Without these options a command finds the running agents by itself.
NodeOption = Annotated[str, option("--node", help="Only this node.", show_default="all that run here")]
RunDirOption = Annotated[Path | None, option("--run-dir", help="The run directory of one agent.")]
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

    kubeconfig: KubeconfigOption = None
    context: ContextOption = ""
    namespace: NamespaceOption = ""

    def is_meant(self, run_directory: Path | None) -> bool:
        is_given = self.kubeconfig is not None or bool(self.context or self.namespace)
        return is_given or (is_plugin() and run_directory is None)

    def find(self, nodes: Sequence[str], run_directory: Path | None) -> Sequence[AskedNode]:
        """All of them where none is named. Raises NotReadyError."""
        from bgpctl.cli.through_kubectl.kubectl import Kubectl, find_kubectl
        from bgpctl.cli.through_kubectl.pod_node import find_in_cluster

        if run_directory is not None:
            raise NotReadyError("--run-dir is of this machine, and a cluster is given")
        kubectl = Kubectl(find_kubectl(), self.kubeconfig, self.context, self.namespace or NAMESPACE)
        return find_in_cluster(kubectl, nodes)


@dataclass(frozen=True, slots=True)
class SomeNodes:
    """Those that are named, or all."""

    nodes: NodesOption = None
    all_nodes: AllNodesOption = False
    run_dir: RunDirOption = None
    cluster: Cluster = Cluster()

    def find(self, find_here: Callable[[str, Path | None], list[RunningNode]]) -> Sequence[AskedNode]:
        """`find_here` finds those of this machine with a name, "" for all. Raises NotReadyError."""
        named = tuple(self.nodes or ())
        if not (self.all_nodes or self.cluster.is_meant(self.run_dir)):
            return [found for name in dict.fromkeys(named or ("",)) for found in find_here(name, self.run_dir)]
        if self.run_dir is None and bool(named) is self.all_nodes:
            raise NotReadyError("name nodes of the cluster with --node, or give --all-nodes")
        return self.cluster.find(named, self.run_dir)


@dataclass(frozen=True, slots=True)
class OneNode:
    """The one that is named, or the only one."""

    node: NodeOption = ""
    run_dir: RunDirOption = None
    cluster: Cluster = Cluster()

    @property
    def is_in_cluster(self) -> bool:
        return self.cluster.is_meant(self.run_dir)

    def find(self) -> AskedNode:
        """Raises NotReadyError when it is not one."""
        if not self.is_in_cluster:
            return self.find_here()
        if not self.node and self.run_dir is None:
            raise NotReadyError("name the node of the cluster with --node")
        (found,) = self.cluster.find([self.node], self.run_dir)
        return found

    def find_here(self) -> RunningNode:
        """On this machine, whatever else is given. Raises NotReadyError when it is not one."""
        from bgpctl.cli.running import find_one_node

        return find_one_node(self.node, self.run_dir)
