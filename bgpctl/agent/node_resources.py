"""The resources as one node sees them: what the agent's stages hand on, each one completing what the last one gave.

    watch      the resources of the cluster
    complete   the last good versions of those that are invalid, and which Node of them this machine is; the addresses
               that the machine has for its own Node; the workloads on it that peer with it

Rule: a stage that concludes something from what is *missing* asks `is_trustworthy` first. Resources without this node
are those of a directory that is not mounted, or half written.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from bgpctl.configuration.compile_options import LocalWorkload

if TYPE_CHECKING:
    from bgpctl.resources import Loaded
    from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus
    from bgpctl.resources.kinds.node import Node


@dataclass(frozen=True, slots=True)
class NodeResources:
    """node          the name of this node
    loaded        the cluster's resources as they are in force, and the problems of those that are written
    is_complete   nothing that was there is missing because it is invalid
    waits         why no plan may be made of them, in sentences
    """

    node: str
    loaded: Loaded
    local_workloads: tuple[LocalWorkload, ...] = ()
    is_complete: bool = True
    waits: tuple[str, ...] = ()

    @property
    def own(self) -> Node | None:
        """This node's Node; None when the resources have none of this name."""
        return self.loaded.resources.nodes.get(self.node)

    @property
    def is_trustworthy(self) -> bool:
        """What is missing was removed, and this node is there."""
        return self.is_complete and self.own is not None

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
