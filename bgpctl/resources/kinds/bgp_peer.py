"""BGPPeer: sessions beyond the mesh.

Which nodes get the session: `node`, or `nodeSelector`, or (neither) all. The other end: `localWorkloadSelector`, or
`peerSelector`, or `peerIP`, in that order.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from bgpctl.resources.values.fields import (
    AsNumberOrText,
    Int32,
    IPAddress,
    Name,
    OptionalName,
    PeerIP,
    Seconds,
    SelectorText,
    UInt8,
)
from bgpctl.resources.values.model import Resource, ResourcePart
from bgpctl.resources.values.rules import Rule, RuledValue
from reflector.addresses import family_of, parse_peer_ip

NextHopMode = Literal["Auto", "Self", "Keep"]
SourceAddress = Literal["UseNodeIP", "None"]
ReversePeering = Literal["Auto", "Manual"]


class SecretKeyRef(ResourcePart):
    """A key of a Secret in the namespace of the option secret_namespace."""

    key: str
    name: str = ""
    optional: bool | None = None


class BGPPassword(ResourcePart):
    secret_key_ref: SecretKeyRef | None = None


BGP_PEER_RULES = (
    Rule(
        "exclusive-fields",
        "nodeSelector",
        ("node", "nodeSelector"),
        lambda peer: bool(peer.node and peer.node_selector),
        "node and nodeSelector cannot both be set; keep the one that names the nodes you mean",
    ),
    Rule(
        "exclusive-fields",
        "peerSelector",
        ("peerIP", "peerSelector"),
        lambda peer: bool(peer.peer_ip and peer.peer_selector),
        "peerIP and peerSelector cannot both be set; write two BGPPeers",
    ),
    Rule(
        "exclusive-fields",
        "asNumber",
        ("peerSelector", "asNumber"),
        lambda peer: bool(peer.peer_selector and peer.as_number),
        "asNumber must be empty when peerSelector is set: the nodes that it selects have their own",
    ),
    Rule(
        "exclusive-fields",
        "peerIP",
        ("localWorkloadSelector", "peerIP"),
        lambda peer: bool(peer.local_workload_selector and peer.peer_ip),
        "peerIP must be empty when localWorkloadSelector is set: the workloads have their own",
    ),
    Rule(
        "exclusive-fields",
        "peerSelector",
        ("localWorkloadSelector", "peerSelector"),
        lambda peer: bool(peer.local_workload_selector and peer.peer_selector),
        "peerSelector must be empty when localWorkloadSelector is set; write two BGPPeers",
    ),
    Rule(
        "required-field",
        "asNumber",
        ("localWorkloadSelector", "asNumber"),
        lambda peer: bool(peer.local_workload_selector) and not peer.as_number,
        "asNumber is required when localWorkloadSelector is set: it is the AS of the workloads",
    ),
    Rule(
        "required-field",
        "reachableBy",
        ("reachableBy", "peerIP"),
        lambda peer: bool(peer.reachable_by) and not peer.peer_ip,
        "reachableBy must be empty when peerIP is empty: it is the gateway to that address",
    ),
    Rule(
        "mixed-families",
        "reachableBy",
        ("reachableBy", "peerIP"),
        lambda peer: (
            bool(peer.reachable_by and peer.peer_ip) and family_of(peer.reachable_by) != family_of(peer.peer_address)
        ),
        "reachableBy and peerIP must be of the same family",
    ),
    Rule(
        "exclusive-fields",
        "nextHopMode",
        ("keepOriginalNextHop", "nextHopMode"),
        lambda peer: peer.keep_original_next_hop and peer.next_hop_mode is not None,
        "keepOriginalNextHop and nextHopMode cannot both be set; keep nextHopMode, the other is deprecated",
    ),
)


class BGPPeerSpec(RuledValue):
    """Times are seconds. `as_number` 0 is unset; "" is unset for every text."""

    RULES: ClassVar = BGP_PEER_RULES

    node: OptionalName = ""
    node_selector: SelectorText = ""
    peer_ip: PeerIP = ""
    as_number: AsNumberOrText = 0
    local_as_number: AsNumberOrText | None = None
    peer_selector: SelectorText = ""
    keep_original_next_hop: bool = False
    next_hop_mode: NextHopMode | None = None
    password: BGPPassword | None = None
    source_address: SourceAddress = "UseNodeIP"
    max_restart_time: Seconds | None = None
    keepalive_time: Seconds | None = None
    num_allowed_local_as_numbers: Int32 | None = None
    ttl_security: UInt8 | None = None
    reachable_by: IPAddress = ""
    filters: tuple[Name, ...] = ()
    local_workload_selector: SelectorText = ""
    reverse_peering: ReversePeering = "Auto"

    @property
    def peer_address(self) -> str:
        """The address in `peer_ip`, canonical; "" without one."""
        return parse_peer_ip(self.peer_ip)[0] if self.peer_ip else ""

    @property
    def peer_port(self) -> int:
        """The port in `peer_ip`; 0 when it names none."""
        return parse_peer_ip(self.peer_ip)[1] if self.peer_ip else 0


class BGPPeer(Resource):
    spec: BGPPeerSpec = BGPPeerSpec()
