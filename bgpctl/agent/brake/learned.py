"""The blocks of other nodes, from the routes that this node has learned: for an agent that has no resources.

Rule: it is asked for when policies change, and only then, for it reads the whole Loc-RIB. What comes from a router
outside the cluster is no block of a node.
"""

from __future__ import annotations

from collections.abc import Mapping

from bgpctl.agent.speaker.link import SpeakerLink
from reflector.addresses import FAMILIES
from reflector.messages import Routes, ShowRoutes
from reflector.plan import NodePlan

PAGE = 1000


class LearnedBlocks:
    """`by_node`: of the last look, by the node whose session they came by."""

    def __init__(self) -> None:
        self.by_node: Mapping[str, tuple[str, ...]] = {}

    async def look(self, link: SpeakerLink, running: NodePlan, wanted: NodePlan) -> None:
        """If it matters for a change from one plan to the other. Raises SpeakerAwayError."""
        if not _matters(running, wanted):
            return
        nodes = {each.name: each.peer_node for each in running.sessions if each.peer_node}
        found: dict[str, list[str]] = {}
        for family in FAMILIES:
            after: str | None = ""
            while after is not None:
                page = await link.ask(ShowRoutes(family=family, after=after, limit=PAGE, all_paths=True))
                if not isinstance(page, Routes):
                    return
                for route in page.routes:
                    if route.peer in nodes:
                        found.setdefault(nodes[route.peer], []).append(route.prefix)
                after = page.next_after or None
        self.by_node = {node: tuple(dict.fromkeys(prefixes)) for node, prefixes in found.items()}


def _matters(running: NodePlan, wanted: NodePlan) -> bool:
    limits = {each.name: each.maximum_prefixes for each in running.sessions}
    return running.policies != wanted.policies or any(
        limits.get(each.name, each.maximum_prefixes) != each.maximum_prefixes for each in wanted.sessions
    )
