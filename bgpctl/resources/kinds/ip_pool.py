"""IPPool: the networks that workload addresses come out of, and how they are reached.

`disabled`, the selectors and `allowedUses` steer allocation only: routing looks at every pool.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bgpctl.resources.values.fields import DISTINCT, SET, MaskedCIDR, SelectorText
from bgpctl.resources.values.model import Resource
from bgpctl.resources.values.rules import Rule, RuledValue, written
from reflector.addresses import family_of

EncapsulationMode = Literal["Never", "Always", "CrossSubnet"]
AllowedUse = Literal["Workload", "Tunnel", "LoadBalancer"]
AssignmentMode = Literal["Automatic", "Manual"]


# By family: block sizes that Calico's IPAM knows, its default, and the networks that no pool may touch.
BLOCK_SIZES = {4: range(20, 33), 6: range(116, 129)}
DEFAULT_BLOCK_SIZE = {4: 26, 6: 122}
LINK_LOCAL = {4: ip_network("169.254.0.0/16"), 6: ip_network("fe80::/10")}


def _overlaps_link_local(pool: Any) -> bool:
    return ip_network(pool.cidr).overlaps(LINK_LOCAL[pool.family])


def _smaller_than_a_block(pool: Any) -> bool:
    return not pool.disabled and ip_network(pool.cidr).prefixlen > pool.effective_block_size


def _encapsulated(pool: Any) -> bool:
    return bool(pool.ipip_mode != "Never" or pool.vxlan_mode != "Never")


def _for_load_balancers(pool: Any) -> bool:
    return "LoadBalancer" in pool.allowed_uses


def _tunnels_by_namespace(pool: Any) -> bool:
    """Only where it is written: Tunnel by default does not count."""
    written = "allowed_uses" in pool.model_fields_set
    return bool(written and "Tunnel" in pool.allowed_uses and pool.namespace_selector)


# The same in CEL.
IS_IPV4 = "cidr(self.cidr).ip().family() == 4"
IPIP = "(has(self.ipipMode) && self.ipipMode != 'Never')"
VXLAN = "(has(self.vxlanMode) && self.vxlanMode != 'Never')"
FOR_LOAD_BALANCERS = "(has(self.allowedUses) && 'LoadBalancer' in self.allowedUses)"

IP_POOL_RULES = (
    Rule(
        "link-local-pool",
        "cidr",
        ("cidr",),
        _overlaps_link_local,
        "the pool overlaps the link-local range (169.254.0.0/16, fe80::/10); choose another network",
        cel="!isCIDR(self.cidr) || ['169.254.0.0/16', 'fe80::/10'].all(local, "
        "!cidr(local).containsCIDR(self.cidr) && !cidr(self.cidr).containsCIDR(local))",
    ),
    Rule(
        "exclusive-fields",
        "vxlanMode",
        ("ipipMode", "vxlanMode"),
        lambda pool: pool.ipip_mode != "Never" and pool.vxlan_mode != "Never",
        "ipipMode and vxlanMode cannot both be enabled; set one of them to Never",
        cel=f"!({IPIP} && {VXLAN})",
    ),
    Rule(
        "ipip-on-ipv6",
        "ipipMode",
        ("cidr", "ipipMode"),
        lambda pool: pool.family == 6 and pool.ipip_mode != "Never",
        "IPIP carries IPv4 only; set ipipMode to Never and use vxlanMode if the pool needs a tunnel",
        cel=f"!isCIDR(self.cidr) || {IS_IPV4} || !{IPIP}",
    ),
    Rule(
        "block-size-range",
        "blockSize",
        ("cidr", "blockSize"),
        lambda pool: pool.effective_block_size not in BLOCK_SIZES[pool.family],
        "blockSize must be between 20 and 32 for IPv4 pools and between 116 and 128 for IPv6 pools",
        cel="!isCIDR(self.cidr) || !has(self.blockSize) || "
        f"({IS_IPV4} ? 20 <= self.blockSize && self.blockSize <= 32 : 116 <= self.blockSize)",
    ),
    Rule(
        "pool-too-small",
        "cidr",
        ("cidr", "blockSize", "disabled"),
        _smaller_than_a_block,
        "the pool is smaller than one block: make it larger, or raise blockSize (default 26, IPv6 122)",
        cel="!isCIDR(self.cidr) || (has(self.disabled) && self.disabled) || "
        f"cidr(self.cidr).prefixLength() <= (has(self.blockSize) ? self.blockSize : {IS_IPV4} ? 26 : 122)",
    ),
    Rule(
        "global-selector",
        "nodeSelector",
        ("nodeSelector",),
        lambda pool: "global(" in pool.node_selector,
        "global() does not select nodes; write all()",
        cel="!has(self.nodeSelector) || !self.nodeSelector.contains('global(')",
    ),
    Rule(
        "global-selector",
        "namespaceSelector",
        ("namespaceSelector",),
        lambda pool: "global(" in pool.namespace_selector,
        "global() does not select namespaces; write all()",
        cel="!has(self.namespaceSelector) || !self.namespaceSelector.contains('global(')",
    ),
    Rule(
        "exclusive-fields",
        "allowedUses",
        ("allowedUses",),
        lambda pool: _for_load_balancers(pool) and len(pool.allowed_uses) > 1,
        "LoadBalancer cannot be combined with Workload or Tunnel; write two pools",
        cel=f"!{FOR_LOAD_BALANCERS} || self.allowedUses.size() == 1",
    ),
    Rule(
        "load-balancer-pool",
        "allowedUses",
        ("allowedUses", "ipipMode", "vxlanMode"),
        lambda pool: _for_load_balancers(pool) and _encapsulated(pool),
        "a LoadBalancer pool cannot have IPIP or VXLAN enabled; set both modes to Never",
        cel=f"!{FOR_LOAD_BALANCERS} || !({IPIP} || {VXLAN})",
    ),
    Rule(
        "load-balancer-pool",
        "disableBGPExport",
        ("allowedUses", "disableBGPExport"),
        lambda pool: _for_load_balancers(pool) and pool.disable_bgp_export,
        "a LoadBalancer pool cannot have disableBGPExport: its addresses could not be reached",
        cel=f"!{FOR_LOAD_BALANCERS} || !has(self.disableBGPExport) || !self.disableBGPExport",
    ),
    Rule(
        "load-balancer-pool",
        "nodeSelector",
        ("allowedUses", "nodeSelector"),
        lambda pool: _for_load_balancers(pool) and pool.node_selector != "all()",
        "a LoadBalancer pool must have nodeSelector all()",
        cel=f"!{FOR_LOAD_BALANCERS} || !has(self.nodeSelector) || self.nodeSelector == 'all()'",
    ),
    Rule(
        "tunnel-pool-namespaces",
        "namespaceSelector",
        ("allowedUses", "namespaceSelector"),
        _tunnels_by_namespace,
        "a pool that names Tunnel in allowedUses cannot have a namespaceSelector; set allowedUses to [Workload]",
        cel=f"!(has(self.allowedUses) && 'Tunnel' in self.allowedUses && {written('namespaceSelector')})",
    ),
)


class IPPoolSpec(RuledValue):
    """The network, what it is for, and how routes inside it are treated."""

    RULES: ClassVar = IP_POOL_RULES

    cidr: MaskedCIDR = Field(min_length=1, max_length=48)
    """
    The network, such as 10.48.0.0/16, with no bits set behind the prefix length. It cannot be changed, and must not
    overlap another pool.
    """
    vxlan_mode: EncapsulationMode = "Never"
    """
    VXLAN between nodes: Never, which is the default, Always, or CrossSubnet, only between nodes whose addresses are in
    different subnets. Not together with ipipMode.
    """
    ipip_mode: EncapsulationMode = "Never"
    """
    IPIP between nodes: Never, which is the default, Always, or CrossSubnet, only between nodes whose addresses are in
    different subnets. Only for IPv4, and not together with vxlanMode.
    """
    nat_outgoing: bool = False
    """Whether traffic from the pool to addresses outside all pools gets the node's address. Without effect on BGP."""
    disabled: bool = False
    """
    Whether no more addresses are taken from the pool. Without effect on BGP: its routes are advertised all the same.
    """
    disable_bgp_export: bool = False
    """Whether routes inside the pool are kept from peers. A BGPFilter that accepts them comes first."""
    block_size: int | None = Field(default=None, ge=0, le=128)
    """
    Prefix length of the blocks that nodes get: 20 to 32, 26 if it is not set; for IPv6 116 to 128, 122 if it is not
    set. It cannot be changed.
    """
    node_selector: SelectorText = "all()"
    """The nodes that take addresses from the pool, by their labels. It does not decide who advertises routes."""
    namespace_selector: SelectorText = ""
    """The namespaces whose workloads take addresses from the pool, by their labels. All if it is not set."""
    allowed_uses: Annotated[tuple[AllowedUse, ...], DISTINCT, SET] = ("Workload", "Tunnel")
    """
    What the addresses are for: Workload and Tunnel, which is the default, one of the two, or LoadBalancer alone. A
    LoadBalancer pool stays one.
    """
    assignment_mode: AssignmentMode = "Automatic"
    """Automatic, which is the default: any workload takes addresses from it. Manual: only those that ask for it."""

    @property
    def family(self) -> int:
        return family_of(self.cidr)

    @property
    def effective_block_size(self) -> int:
        return DEFAULT_BLOCK_SIZE[self.family] if self.block_size is None else self.block_size


class IPPool(Resource):
    """A network that workload addresses come out of, and how these are reached."""

    spec: IPPoolSpec
    """The network and its settings."""
