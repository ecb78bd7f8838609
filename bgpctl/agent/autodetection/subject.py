"""What is known of a node before its addresses are looked for on the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from bgpctl.agent.autodetection.settings import DetectionSettings
from reflector.addresses import FAMILIES
from reflector.plan import Family

if TYPE_CHECKING:
    from bgpctl.resources.kinds.node import Node

INTERNAL = "InternalIP"


@dataclass(frozen=True, slots=True)
class Subject:
    """`bgp_families`: those in which its Node has an address. `internal_addresses`: its InternalIPs in Kubernetes."""

    bgp_families: tuple[Family, ...] = ()
    internal_addresses: tuple[str, ...] = ()

    @classmethod
    def of(cls, node: Node) -> Self:
        return cls(
            tuple(family for family in FAMILIES if node.address(family)),
            tuple(each.address for each in node.spec.addresses if each.type == INTERNAL),
        )

    def needed_families(self, settings: DetectionSettings) -> tuple[Family, ...]:
        """The families for which an address is to be looked for."""
        return tuple(
            family
            for family in settings.methods
            if family not in self.bgp_families and (settings.asks_for(family) or not self.bgp_families)
        )
