"""What the wanted resources say of the cluster around one node, as far as the brake asks: a frozen value.

Where the resources are at hand it comes from facts_of_resources.py, else from the node's own NodePlan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bgpctl.brake.limits import DEFAULT_LIMITS, Limits
from reflector.plan import DEFAULT_AS, NodePlan, Policy

MESH = "node-to-node mesh"
BGP_PEER = "BGPPeer "


def _none() -> tuple[Policy, ...]:
    return ()


def _no_blocks() -> Mapping[str, tuple[str, ...]]:
    return {}


@dataclass(frozen=True)
class Facts:
    """nodes        the Nodes that there are
    reflectors   the cluster IDs of those that reflect, by name
    as_number    of the cluster
    idle         of what defines sessions of the running plan: what defines none in the whole cluster any more
    moved        prefixes that the running plan originates or routes through the tunnel, and that are another node's now
    released     blocks of this node that it is giving back
    limits       what may be lost without a confirmation
    confirmed    digests that the resources confirm
    """

    nodes: frozenset[str] = frozenset()
    reflectors: Mapping[str, str] = field(default_factory=dict)
    as_number: int = DEFAULT_AS
    idle: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    limits: Limits = DEFAULT_LIMITS
    confirmed: frozenset[str] = frozenset()
    compile_policies: Callable[[], tuple[Policy, ...]] = _none
    find_blocks: Callable[[], Mapping[str, tuple[str, ...]]] = _no_blocks

    @cached_property
    def blocks(self) -> Mapping[str, tuple[str, ...]]:
        """Of each node that advertises them. Looked up only when policies change."""
        return self.find_blocks()

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Every policy of the node, whether a session asks it or not. Compiled only when something is held."""
        return self.compile_policies()


def defining_resource(defined_by: str) -> str:
    """ "BGPPeer rr" of "BGPPeer rr, seen from its peer"."""
    return defined_by.partition(",")[0]


def definers_of(plan: NodePlan) -> frozenset[str]:
    return frozenset(defining_resource(each.defined_by) for each in plan.sessions)
