"""IPPool: the networks that workload addresses come out of, and how they are reached.

`disabled`, the selectors and `allowedUses` steer allocation only: routing looks at every pool.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from bgpctl.resources.values.fields import DISTINCT, MaskedCIDR, SelectorText
from bgpctl.resources.values.model import Resource
from bgpctl.resources.values.rules import Rule, RuledValue
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


IP_POOL_RULES = (
    Rule(
        "link-local-pool",
        "cidr",
        ("cidr",),
        _overlaps_link_local,
        "the pool overlaps the link-local range (169.254.0.0/16, fe80::/10); choose another network",
    ),
    Rule(
        "exclusive-fields",
        "vxlanMode",
        ("ipipMode", "vxlanMode"),
        lambda pool: pool.ipip_mode != "Never" and pool.vxlan_mode != "Never",
        "ipipMode and vxlanMode cannot both be enabled; set one of them to Never",
    ),
    Rule(
        "ipip-on-ipv6",
        "ipipMode",
        ("cidr", "ipipMode"),
        lambda pool: pool.family == 6 and pool.ipip_mode != "Never",
        "IPIP carries IPv4 only; set ipipMode to Never and use vxlanMode if the pool needs a tunnel",
    ),
    Rule(
        "block-size-range",
        "blockSize",
        ("cidr", "blockSize"),
        lambda pool: pool.effective_block_size not in BLOCK_SIZES[pool.family],
        "blockSize must be between 20 and 32 for IPv4 pools and between 116 and 128 for IPv6 pools",
    ),
    Rule(
        "pool-too-small",
        "cidr",
        ("cidr", "blockSize", "disabled"),
        _smaller_than_a_block,
        "the pool is smaller than one block: make it larger, or raise blockSize (default 26, IPv6 122)",
    ),
    Rule(
        "global-selector",
        "nodeSelector",
        ("nodeSelector",),
        lambda pool: "global(" in pool.node_selector,
        "global() does not select nodes; write all()",
    ),
    Rule(
        "global-selector",
        "namespaceSelector",
        ("namespaceSelector",),
        lambda pool: "global(" in pool.namespace_selector,
        "global() does not select namespaces; write all()",
    ),
    Rule(
        "exclusive-fields",
        "allowedUses",
        ("allowedUses",),
        lambda pool: _for_load_balancers(pool) and len(pool.allowed_uses) > 1,
        "LoadBalancer cannot be combined with Workload or Tunnel; write two pools",
    ),
    Rule(
        "load-balancer-pool",
        "allowedUses",
        ("allowedUses", "ipipMode", "vxlanMode"),
        lambda pool: _for_load_balancers(pool) and _encapsulated(pool),
        "a LoadBalancer pool cannot have IPIP or VXLAN enabled; set both modes to Never",
    ),
    Rule(
        "load-balancer-pool",
        "disableBGPExport",
        ("allowedUses", "disableBGPExport"),
        lambda pool: _for_load_balancers(pool) and pool.disable_bgp_export,
        "a LoadBalancer pool cannot have disableBGPExport: its addresses could not be reached",
    ),
    Rule(
        "load-balancer-pool",
        "nodeSelector",
        ("allowedUses", "nodeSelector"),
        lambda pool: _for_load_balancers(pool) and pool.node_selector != "all()",
        "a LoadBalancer pool must have nodeSelector all()",
    ),
    Rule(
        "tunnel-pool-namespaces",
        "namespaceSelector",
        ("allowedUses", "namespaceSelector"),
        _tunnels_by_namespace,
        "a pool that names Tunnel in allowedUses cannot have a namespaceSelector; set allowedUses to [Workload]",
    ),
)


class IPPoolSpec(RuledValue):
    RULES: ClassVar = IP_POOL_RULES

    cidr: MaskedCIDR = Field(min_length=1, max_length=48)
    vxlan_mode: EncapsulationMode = "Never"
    ipip_mode: EncapsulationMode = "Never"
    nat_outgoing: bool = False
    disabled: bool = False
    disable_bgp_export: bool = False
    block_size: int | None = Field(default=None, ge=0, le=128)
    node_selector: SelectorText = "all()"
    namespace_selector: SelectorText = ""
    allowed_uses: Annotated[tuple[AllowedUse, ...], DISTINCT] = ("Workload", "Tunnel")
    assignment_mode: AssignmentMode = "Automatic"

    @property
    def family(self) -> int:
        return family_of(self.cidr)

    @property
    def effective_block_size(self) -> int:
        return DEFAULT_BLOCK_SIZE[self.family] if self.block_size is None else self.block_size


class IPPool(Resource):
    spec: IPPoolSpec
