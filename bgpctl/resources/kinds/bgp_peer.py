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
from bgpctl.resources.values.rules import Rule, RuledValue, written
from reflector.addresses import family_of, parse_peer_ip

NextHopMode = Literal["Auto", "Self", "Keep"]
SourceAddress = Literal["UseNodeIP", "None"]
ReversePeering = Literal["Auto", "Manual"]


class SecretKeyRef(ResourcePart):
    """A key of a Secret in the namespace of the option --secret-namespace."""

    key: str
    """Key of the Secret whose value is the password."""
    name: str = ""
    """Name of the Secret."""
    optional: bool | None = None
    """Without effect: a session whose password is missing is never set up without one."""


class BGPPassword(ResourcePart):
    """Where the password of a session is (TCP-MD5, RFC 2385)."""

    secret_key_ref: SecretKeyRef | None = None
    """The Secret and its key. It is in the namespace of the agents' option --secret-namespace (kube-system)."""


HAS_AS = "(has(self.asNumber) && self.asNumber != 0)"
BGP_PEER_RULES = (
    Rule(
        "exclusive-fields",
        "nodeSelector",
        ("node", "nodeSelector"),
        lambda peer: bool(peer.node and peer.node_selector),
        "node and nodeSelector cannot both be set; keep the one that names the nodes you mean",
        cel=f"!({written('node')} && {written('nodeSelector')})",
    ),
    Rule(
        "exclusive-fields",
        "peerSelector",
        ("peerIP", "peerSelector"),
        lambda peer: bool(peer.peer_ip and peer.peer_selector),
        "peerIP and peerSelector cannot both be set; write two BGPPeers",
        cel=f"!({written('peerIP')} && {written('peerSelector')})",
    ),
    Rule(
        "exclusive-fields",
        "asNumber",
        ("peerSelector", "asNumber"),
        lambda peer: bool(peer.peer_selector and peer.as_number),
        "asNumber must be empty when peerSelector is set: the nodes that it selects have their own",
        cel=f"!({written('peerSelector')} && {HAS_AS})",
    ),
    Rule(
        "exclusive-fields",
        "peerIP",
        ("localWorkloadSelector", "peerIP"),
        lambda peer: bool(peer.local_workload_selector and peer.peer_ip),
        "peerIP must be empty when localWorkloadSelector is set: the workloads have their own",
        cel=f"!({written('localWorkloadSelector')} && {written('peerIP')})",
    ),
    Rule(
        "exclusive-fields",
        "peerSelector",
        ("localWorkloadSelector", "peerSelector"),
        lambda peer: bool(peer.local_workload_selector and peer.peer_selector),
        "peerSelector must be empty when localWorkloadSelector is set; write two BGPPeers",
        cel=f"!({written('localWorkloadSelector')} && {written('peerSelector')})",
    ),
    Rule(
        "required-field",
        "asNumber",
        ("localWorkloadSelector", "asNumber"),
        lambda peer: bool(peer.local_workload_selector) and not peer.as_number,
        "asNumber is required when localWorkloadSelector is set: it is the AS of the workloads",
        cel=f"!{written('localWorkloadSelector')} || {HAS_AS}",
    ),
    Rule(
        "required-field",
        "reachableBy",
        ("reachableBy", "peerIP"),
        lambda peer: bool(peer.reachable_by) and not peer.peer_ip,
        "reachableBy must be empty when peerIP is empty: it is the gateway to that address",
        cel=f"!{written('reachableBy')} || {written('peerIP')}",
    ),
    Rule(
        "mixed-families",
        "reachableBy",
        ("reachableBy", "peerIP"),
        lambda peer: (
            bool(peer.reachable_by and peer.peer_ip) and family_of(peer.reachable_by) != family_of(peer.peer_address)
        ),
        "reachableBy and peerIP must be of the same family",
        cel=f"!{written('reachableBy')} || !{written('peerIP')} || !isIP(self.reachableBy)"
        " || ip(self.reachableBy).family() == (self.peerIP.matches('^[0-9.]+(:[0-9]+)?$') ? 4 : 6)",
    ),
    Rule(
        "exclusive-fields",
        "nextHopMode",
        ("keepOriginalNextHop", "nextHopMode"),
        lambda peer: peer.keep_original_next_hop and peer.next_hop_mode is not None,
        "keepOriginalNextHop and nextHopMode cannot both be set; keep nextHopMode, the other is deprecated",
        cel="!(has(self.keepOriginalNextHop) && self.keepOriginalNextHop && has(self.nextHopMode))",
    ),
)


class BGPPeerSpec(RuledValue):
    """Which nodes get the session, who is at its other end, and the settings of the session."""

    RULES: ClassVar = BGP_PEER_RULES

    node: OptionalName = ""
    """The one node that gets the session. Without node and nodeSelector all nodes get it."""
    node_selector: SelectorText = ""
    """The nodes that get the session, by their labels, such as "rack == 'a'". Not together with node."""
    peer_ip: PeerIP = ""
    """
    Address of the peer, with a port if it is not 179: "192.0.2.1", "192.0.2.1:1790" or "[2001:db8::1]:1790". Not
    together with peerSelector or localWorkloadSelector.
    """
    as_number: AsNumberOrText = 0
    """
    AS number of the peer. If it is missing or 0, it is that of the node with the address peerIP. Required with
    localWorkloadSelector, and must be empty with peerSelector.
    """
    local_as_number: AsNumberOrText | None = None
    """AS number that the node has in this session instead of its own. Without effect with peerSelector."""
    peer_selector: SelectorText = ""
    """The nodes at the other end, by their labels, such as "has(route-reflector)". Not together with peerIP."""
    keep_original_next_hop: bool = False
    """Deprecated, use nextHopMode. If true, the next hop of routes advertised to an eBGP peer is kept."""
    next_hop_mode: NextHopMode | None = None
    """
    Next hop of the routes advertised to the peer. Auto: as BGP has it, the node's own address towards eBGP peers and
    unchanged towards iBGP peers. Self: always the node's own address. Keep: always unchanged.
    """
    password: BGPPassword | None = None
    """Password of the session. Both ends must have the same. The session waits as long as the Secret is missing."""
    source_address: SourceAddress = "UseNodeIP"
    """
    Address from which the node connects. UseNodeIP, which is the default: the node's BGP address. None: the one that
    the kernel chooses.
    """
    max_restart_time: Seconds | None = None
    """
    How long the peer keeps the node's routes while the node restarts (graceful restart, RFC 4724), such as "2m". At
    most 4095 seconds are used, 120 seconds if it is not set, and 0 turns graceful restart off.
    """
    keepalive_time: Seconds | None = None
    """Time between KEEPALIVE messages, such as "30s". A third of the hold time if it is not set."""
    num_allowed_local_as_numbers: Int32 | None = None
    """
    How often the node's own AS number may be in the AS_PATH of a route that it accepts from this peer. Only effective
    with peerIP; 0 if it is not set.
    """
    ttl_security: UInt8 | None = None
    """
    Number of hops to the peer. Packets that have come further are dropped (GTSM, RFC 5082). 0 or not set: no check.
    Both ends must have it.
    """
    reachable_by: IPAddress = ""
    """Gateway to the peer: the node gets a host route to peerIP through this address, which is of the same family."""
    filters: tuple[Name, ...] = ()
    """
    Names of BGPFilters, in the order in which they are asked. A session waits for a BGPFilter that does not exist and
    never did.
    """
    local_workload_selector: SelectorText = ""
    """The peers are the workloads on the node itself that have these labels. Needs asNumber, and Felix on the node."""
    reverse_peering: ReversePeering = "Auto"
    """
    Whether the nodes at the other end get the session as well. Auto, which is the default: they do. Manual: only the
    nodes that this BGPPeer selects by node or nodeSelector.
    """

    @property
    def peer_address(self) -> str:
        """The address in `peer_ip`, canonical; "" without one."""
        return parse_peer_ip(self.peer_ip)[0] if self.peer_ip else ""

    @property
    def peer_port(self) -> int:
        """The port in `peer_ip`; 0 when it names none."""
        return parse_peer_ip(self.peer_ip)[1] if self.peer_ip else 0


class BGPPeer(Resource):
    """A BGP session beyond the mesh: of all nodes, of some, or of one, with a router or with other nodes."""

    spec: BGPPeerSpec = BGPPeerSpec()
    """What the session is between, and its settings."""
