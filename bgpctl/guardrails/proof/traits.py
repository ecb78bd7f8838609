"""What makes a node another kind of node than one with the same sessions.

its prefixes      by what policies know of them
communities       that its prefixes get (prefixAdvertisements), for a BGPFilter may ask for them
speaker           whether it has one
VXLAN             whether it has an end; and its subnet, where a node has none and is reached from its subnet only
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.routes.vxlan import vxlan_families
from bgpctl.guardrails.proof.prefixes import Prefixes
from reflector.plan import Family


class Traits:
    """Of the nodes in one family."""

    def __init__(self, family: Family, index: ClusterIndex, options: CompileOptions, prefixes: Prefixes) -> None:
        self._family: Family = family
        self._index = index
        self._prefixes = prefixes
        nodes = index.nodes.values()
        ours = options.without_felix and family in vxlan_families(index)
        self._subnets_matter = ours and any(each.vteps[family] is None for each in nodes if not each.is_reflector)

    def of(self, node: str, prefixes: Iterable[str]) -> Hashable:
        """Equal for nodes that are alike."""
        facts = self._index.nodes[node]
        return (
            self._prefixes.kinds(prefixes),
            self._index.configuration.advertisements(node),
            facts.has_speaker,
            facts.vteps[self._family] is not None,
            facts.subnets[self._family] if self._subnets_matter else "",
        )
