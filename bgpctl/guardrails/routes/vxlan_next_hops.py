"""Reflectors between ASes in a VXLAN cluster: towards another AS a router makes itself the next hop.

A node that has its routes by eBGP from a reflector sends its packets to that reflector, and the others send theirs for
the node. Without an end of the VXLAN the reflector receives none of them, and kernel routes through it are not
installed. Where Felix programs the VXLAN, BGP's next hops do not matter; no resource says whether it does.
"""

from __future__ import annotations

from collections.abc import Iterator

from bgpctl.compiler.routes.vxlan import vxlan_families
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, some


def vxlan_next_hops(cluster: ClusterSessions) -> Iterator[Finding]:
    """Each node with an end of the VXLAN that has eBGP sessions with reflectors without one."""
    index = cluster.index
    families = [family for family in vxlan_families(index) if index.vteps[family]]
    through: dict[str, set[str]] = {}
    for name, here, _ in cluster.joined() if families else ():
        there, family = index.nodes[here.endpoint.node], here.endpoint.family
        is_lost = family in families and index.nodes[name].vteps[family] is not None and there.vteps[family] is None
        keeps = here.spec.next_hop_mode == "Keep" or here.spec.keep_original_next_hop
        if is_lost and there.is_reflector and not keeps and index.as_number(name) != index.as_number(there.name):
            through.setdefault(name, set()).add(there.name)
    for name, reflectors in through.items():
        ours = cluster.options.without_felix
        who = "it is cut off" if ours else "it is cut off where Felix does not program the VXLAN"
        message = (
            f"the AS of this node is {index.as_number(name)}, that of {some(reflectors)} is not: towards another AS "
            f"these make themselves the next hop, and they have no end of the VXLAN, so {who}; give the cluster one "
            "AS, or the BGPPeer nextHopMode Keep"
        )
        code = "next-hop-without-vxlan-end" if ours else "next-hop-needs-felix"
        yield Finding(code, index.nodes[name].node, "$.spec.bgp.asNumber", message)
