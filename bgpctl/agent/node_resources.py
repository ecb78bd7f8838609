"""The resources as one node sees them: what the agent's stages hand on, each one completing what the last one gave.

    watch      the resources of the cluster, and which Node of them this machine is
    complete   the addresses that the machine has for its own Node; the workloads on it that peer with it

Rule: a stage that concludes something from what is *missing* asks `is_trustworthy` first. Resources without this node
are those of a directory that is not mounted, or half written.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Self

from bgpctl.configuration.compile_options import LocalWorkload
from bgpctl.resources import Loaded
from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus
from bgpctl.resources.kinds.node import Node

# Codes of problems with which resources are missing that may be there.
_UNREADABLE = frozenset({"unreadable-file", "internal-error"})


@dataclass(frozen=True, slots=True)
class NodeResources:
    """`node` is the name of this node, `loaded` the cluster's resources and their problems."""

    node: str
    loaded: Loaded
    local_workloads: tuple[LocalWorkload, ...] = ()

    @property
    def own(self) -> Node | None:
        """This node's Node; None when the resources have none of this name."""
        return self.loaded.resources.nodes.get(self.node)

    @property
    def is_trustworthy(self) -> bool:
        """Nothing has an error, and this node is there: what is missing was removed."""
        return self.loaded.ok and self.own is not None

    @property
    def is_readable(self) -> bool:
        """All files could be read, and this node is there; some resources may be wrong."""
        return self.own is not None and all(each.code not in _UNREADABLE for each in self.loaded.problems)

    @property
    def status_requests(self) -> tuple[CalicoNodeStatus, ...]:
        """The CalicoNodeStatus resources that ask for this node."""
        return tuple(each for each in self.loaded.resources.node_statuses.values() if each.spec.node == self.node)

    def with_loaded(self, loaded: Loaded) -> Self:
        return replace(self, loaded=loaded)

    def with_workloads(self, workloads: tuple[LocalWorkload, ...]) -> Self:
        return replace(self, local_workloads=workloads)


async def next_resources(changes: AsyncIterator[NodeResources]) -> NodeResources | None:
    """The next ones of a stream; None at its end."""
    return await anext(changes, None)
