"""What a wanted plan does to the way of the kernel routes that are installed: whole networks at a time.

A network counts as lost, with all routes inside it, when its rule vanishes with its pool, when its routes are no longer
ours to program, when they go through another encapsulation, or when the tunnel device or most of its endpoints go:
packets would be sent in a form that the other end does not expect.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from bgpctl.brake.limits import DEFAULT_SHARE, exceeds
from bgpctl.brake.situation import Situation
from reflector.plan import Encapsulation, KernelPlan, KernelRule, KernelVerdict, VxlanPlan


@dataclass(frozen=True, slots=True)
class KernelLoss:
    """`lost` of `of` kernel routes, in `networks`; the tunnel endpoints of these nodes have to stay for them."""

    lost: int
    of: int
    networks: frozenset[str]
    endpoints: frozenset[str]
    sentence: str


def kernel_loss(situation: Situation) -> KernelLoss:
    """Tunnel endpoints of nodes that are missing go with them; that is another rule's to judge."""
    running, wanted = situation.running.kernel, situation.wanted.kernel
    nodes = situation.facts.nodes & situation.counted_nodes
    weights = {each: count for each, count in _weights(situation).items() if each in situation.counted_networks}
    after = {rule.network: rule for rule in wanted.rules}
    reasons = {rule.network: _reason(rule, after.get(rule.network)) for rule in running.rules}
    endpoints: set[str] = set()
    for device in running.vxlans:
        reason, gone = _device(device, wanted, nodes)
        endpoints |= gone
        if reason:
            reasons |= {
                rule.network: reasons[rule.network] or reason
                for rule in running.rules
                if rule.encapsulation is Encapsulation.VXLAN and (":" in rule.network) is (device.family == 6)
            }
    networks = frozenset(network for network, reason in reasons.items() if reason and weights.get(network))
    lost, of = sum(weights[each] for each in networks), sum(weights.values())
    losing = "; ".join(f"{network}: {reasons[network]}" for network in sorted(networks))
    return KernelLoss(
        lost, of, networks, frozenset(endpoints), f"{lost} of {of} kernel routes lose their way ({losing})"
    )


def _weights(situation: Situation) -> Mapping[str, int]:
    if situation.live.installed is not None:
        return situation.live.installed
    return {rule.network: 1 for rule in situation.running.kernel.rules if rule.verdict is KernelVerdict.PROGRAM}


def _reason(was: KernelRule, becomes: KernelRule | None) -> str:
    """ "" for a rule that takes nothing."""
    if was.verdict is not KernelVerdict.PROGRAM:
        return ""
    if becomes is None:
        return "no pool of it has a rule in the plan"
    if becomes.verdict is not KernelVerdict.PROGRAM:
        return "its routes are no longer programmed"
    if becomes.encapsulation is not was.encapsulation:
        return f"encapsulation {was.encapsulation.value} -> {becomes.encapsulation.value}"
    return ""


def _device(was: VxlanPlan, wanted: KernelPlan, nodes: Set[str]) -> tuple[str, frozenset[str]]:
    """Why its routes are lost, and the nodes whose endpoints go though the nodes are there."""
    becomes = next((each for each in wanted.vxlans if each.family == was.family), None)
    if becomes is None:
        return "the VXLAN device is removed", frozenset(each.node for each in was.vteps if each.node in nodes)
    if (was.vni, was.port) != (becomes.vni, becomes.port):
        return "the VXLAN device gets another VNI or port", frozenset()
    left = {each.node for each in becomes.vteps}
    there = [each.node for each in was.vteps if each.node in nodes]
    gone = frozenset(node for node in there if node not in left)
    if gone and exceeds(DEFAULT_SHARE, len(gone), len(there)):
        return "most VXLAN tunnel endpoints are missing", gone
    return "", frozenset()
