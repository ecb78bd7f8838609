"""Which routes to blocks of nodes without a BGP speaker a wanted plan takes, and which of them are a loss.

No session brings them back and no other node holds them: they follow the resources alone, so a list of blocks that is
cut short would end them on every node. Not a loss:

    missing      the Node of the block is gone, which another rule judges (nodes)
    moved        the block, or a part of it, is another node's now, or this node's
    not a VXLAN  no kernel rule leads through the VXLAN there any more, which another rule judges (kernel-routes)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bgpctl.brake.originations import lasting
from bgpctl.brake.situation import Situation
from reflector.addresses import contains
from reflector.plan import Encapsulation, KernelPlan, KernelVerdict


@dataclass(frozen=True, slots=True)
class LostTunnelRoutes:
    """`lost` of `of` prefixes, also by earlier plans of the window. `ending` are those that this plan takes; for them
    the tunnel endpoints of `endpoints` have to stay."""

    lost: int
    of: int
    ending: frozenset[str]
    endpoints: frozenset[str]


def lost_tunnel_routes(situation: Situation) -> LostTunnelRoutes:
    moved = situation.facts.moved
    running = {each.prefix: each.node for each in situation.running.kernel.tunnel_routes}
    seen = {**situation.counted_tunnel_routes, **running}
    counted = {prefix: node for prefix, node in seen.items() if prefix not in moved}
    lost = _lost(situation, counted)
    left = {each.node for vxlan in situation.wanted.kernel.vxlans for each in vxlan.vteps}
    ending = lost.keys() & running.keys()
    gone = frozenset(lost[prefix] for prefix in ending if lost[prefix] not in left)
    return LostTunnelRoutes(len(lost), len(counted), frozenset(ending), gone)


def _lost(situation: Situation, counted: Mapping[str, str]) -> dict[str, str]:
    kernel, nodes = situation.wanted.kernel, situation.facts.nodes
    wanted = {each.prefix for each in kernel.tunnel_routes} | lasting(situation.wanted)
    gone = {prefix: node for prefix, node in counted.items() if prefix not in wanted and node in nodes}
    return {prefix: node for prefix, node in gone.items() if _is_through_vxlan(kernel, prefix)}


def _is_through_vxlan(kernel: KernelPlan, prefix: str) -> bool:
    """By the first rule that contains it."""
    rule = next((each for each in kernel.rules if contains(each.network, prefix)), None)
    return rule is not None and (rule.verdict, rule.encapsulation) == (KernelVerdict.PROGRAM, Encapsulation.VXLAN)
