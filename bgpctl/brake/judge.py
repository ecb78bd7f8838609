"""The topology proof as the judge of one node: do the wanted resources bring every prefix to it, and its own to all?

Measured on one busy core: 0.2 s for a mesh of 600 nodes, 1.4 s for 600 nodes with reflectors, 18 s for 5,000. So it is
asked only when something would be held otherwise, at most once for the same resources, and beyond MOST_NODES not at
all: then more is held, and a confirmation decides.
"""

from __future__ import annotations

from functools import cache

from bgpctl.brake.replaced import Judge
from bgpctl.compiler import CompileOptions
from bgpctl.guardrails.proof.prove import incomplete_nodes
from bgpctl.resources.resource_set import ResourceSet

MOST_NODES = 1000


def proof_of(resources: ResourceSet, options: CompileOptions) -> Judge:
    """A judge who looks at these resources when it is asked for the first time."""

    @cache
    def incomplete() -> frozenset[str]:
        return incomplete_nodes(resources, options)

    def judge(nodes: frozenset[str]) -> bool:
        return len(resources.nodes) <= MOST_NODES and nodes.isdisjoint(incomplete())

    return judge
