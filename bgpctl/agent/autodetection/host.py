"""What the kernel knows of this machine's links, reduced to what a router's address may be chosen from.

Rule: equal hosts are equal values, whatever happened in between. So lifetimes, counters and carrier are not in here: a
cable that is pulled does not make another router of the node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from reflector.addresses import family_of
from reflector.plan import Family


@dataclass(frozen=True, slots=True)
class HostAddress:
    """An address of a link, in canonical text.

    secondary    IPv4: the kernel answers from another address of the same network. IPv6: a temporary one (RFC 8981)
    tentative    not verified to be unique yet, or found to be a duplicate (RFC 4862 5.4)
    deprecated   no new connection should be made from it (RFC 4862 5.5.4)
    """

    address: str
    length: int
    secondary: bool = False
    tentative: bool = False
    deprecated: bool = False

    @property
    def family(self) -> Family:
        return family_of(self.address)

    @property
    def text(self) -> str:
        """ "10.0.0.1/24"."""
        return f"{self.address}/{self.length}"

    @property
    def is_global(self) -> bool:
        """A unicast address that means something beyond its link; private ones do."""
        address = ip_address(self.address)
        return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)


@dataclass(frozen=True, slots=True)
class HostInterface:
    """A link with its addresses, in the kernel's order. `up` is the administrator's setting, not the carrier."""

    index: int
    name: str
    up: bool = True
    addresses: tuple[HostAddress, ...] = ()

    def of_family(self, family: Family) -> tuple[HostAddress, ...]:
        """Primary addresses first, else as the kernel has them."""
        return tuple(sorted((each for each in self.addresses if each.family == family), key=lambda a: a.secondary))


@dataclass(frozen=True, slots=True)
class Source:
    """The kernel's source address towards a destination; "" with the reason why there is none."""

    address: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Host:
    """All links, and for each destination of `can-reach` (with its family) the source address."""

    interfaces: tuple[HostInterface, ...] = ()
    sources: Mapping[tuple[Family, str], Source] = field(default_factory=dict)
