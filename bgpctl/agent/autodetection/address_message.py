"""An address of a link out of an RTM_NEWADDR message, with what the FIB does not ask for: its state (if_addr.h)."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import NamedTuple

from bgpctl.agent.autodetection.host import HostAddress
from reflector.kernel.netlink.attributes import AF_INET, AF_INET6, attributes, u32

_IFADDR = struct.Struct("=BBBBi")
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
# Secondary of IPv4, temporary of IPv6: one bit.
_SECONDARY, _DAD_FAILED, _DEPRECATED, _TENTATIVE = 0x01, 0x08, 0x20, 0x40


class AddressOnLink(NamedTuple):
    ifindex: int
    address: HostAddress


def decode_host_address(body: bytes) -> AddressOnLink | None:
    """None for one that is neither IPv4 nor IPv6."""
    family, length, flags, _, ifindex = _IFADDR.unpack_from(body)
    found = dict(attributes(body, _IFADDR.size))
    # Of a point-to-point link IFA_ADDRESS is the other end's.
    packed = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
    if family not in (AF_INET, AF_INET6) or packed is None:
        return None
    if _IFA_FLAGS in found:
        flags = u32(found[_IFA_FLAGS])
    return AddressOnLink(
        ifindex,
        HostAddress(
            str(ip_address(packed)),
            length,
            secondary=bool(flags & _SECONDARY),
            tentative=bool(flags & (_TENTATIVE | _DAD_FAILED)),
            deprecated=bool(flags & _DEPRECATED),
        ),
    )
