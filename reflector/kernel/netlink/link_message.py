"""Messages about links, their addresses and their configuration, as values (linux/if_link.h, if_addr.h, netconf.h)."""

from __future__ import annotations

import struct

from reflector.kernel.interfaces import InterfaceState
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.netlink.attributes import (
    AF_INET,
    AF_INET6,
    AF_UNSPEC,
    attribute_u32,
    attributes,
    text,
    u32,
)
from reflector.kernel.netlink.message import DUMP, Request
from reflector.plan import ROUTE_PROTOCOL, Family

NEWLINK, DELLINK, GETLINK = 16, 17, 18
NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWNEIGH, DELNEIGH, GETNEIGH = 28, 29, 30
NEWNETCONF, GETNETCONF = 80, 82

_IFINFO = struct.Struct("=BBHiII")
_IFADDR = struct.Struct("=BBBBi")
_NDMSG = struct.Struct("=BBHiHBB")
_S32 = struct.Struct("=i")
_NETCONF_SIZE = 4
_FAMILY: dict[int, Family] = {AF_INET: 4, AF_INET6: 6}
# IFF_UP; IFF_RUNNING and IFF_LOWER_UP, by which the kernel sets RTNH_F_LINKDOWN.
_UP, _HAS_CARRIER = 1, 0x40 | 0x10000
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_IFALIAS = 1, 3, 4, 18, 20
_INFO_KIND = 1
_IFA_ADDRESS, _IFA_LOCAL, _IFA_PROTO = 1, 2, 11
NUD_PERMANENT = 0x80

_WITHOUT_STATISTICS = attribute_u32(29, 8)  # IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS
_NETCONF_IFINDEX, _NETCONF_IGNORE_LINKDOWN = 1, 6

LINK_DUMP = Request(GETLINK, DUMP, _IFINFO.pack(AF_UNSPEC, 0, 0, 0, 0, 0) + _WITHOUT_STATISTICS)
ADDRESS_DUMP = Request(GETADDR, DUMP, _IFADDR.pack(AF_UNSPEC, 0, 0, 0, 0))
# Names a link that cannot exist: without CAP_NET_ADMIN the answer is EPERM, with it ENODEV.
PERMISSION_PROBE = Request(DELLINK, 0, _IFINFO.pack(AF_UNSPEC, 0, 0, 0x7FFFFFFF, 0, 0))


def decode_link(body: bytes) -> Link | None:
    """The link in a message, without its VXLAN settings; None for a bridge's view of a link, which is another thing."""
    family, _, _, index, flags, _ = _IFINFO.unpack_from(body)
    if family != AF_UNSPEC:
        return None
    found = dict(attributes(body, _IFINFO.size))
    info = dict(attributes(found.get(_IFLA_LINKINFO, b"")))
    kind = text(info.get(_INFO_KIND, b""))
    return Link(
        index,
        text(found.get(_IFLA_IFNAME, b"")),
        bool(flags & _UP),
        bool(flags & _HAS_CARRIER),
        u32(found[_IFLA_MTU]) if _IFLA_MTU in found else 0,
        found.get(_IFLA_ADDRESS, b""),
        kind,
        text(found.get(_IFLA_IFALIAS, b"")),
    )


def decode_interface(body: bytes) -> tuple[int, InterfaceState] | None:
    """The index and the state of the link in a message; None for a bridge's view of a link."""
    family, _, _, index, flags, _ = _IFINFO.unpack_from(body)
    if family != AF_UNSPEC:
        return None
    return index, InterfaceState(bool(flags & _UP), bool(flags & _HAS_CARRIER))


def netconf_dump(family: Family) -> Request:
    """How the links are configured for the family."""
    return Request(GETNETCONF, DUMP, bytes((AF_INET if family == 4 else AF_INET6, 0, 0, 0)))


def decode_netconf(body: bytes) -> tuple[Family, int, bool] | None:
    """Family, link (or ALL_INTERFACES) and `ignore_routes_with_linkdown`; None for a message about something else."""
    family = _FAMILY.get(body[0])
    found = dict(attributes(body, _NETCONF_SIZE))
    if family is None or _NETCONF_IFINDEX not in found or _NETCONF_IGNORE_LINKDOWN not in found:
        return None
    return family, _S32.unpack(found[_NETCONF_IFINDEX])[0], bool(u32(found[_NETCONF_IGNORE_LINKDOWN]))


def decode_address(body: bytes) -> LinkAddress | None:
    """The address in a message; None for one that is neither IPv4 nor IPv6."""
    family, length, _, _, ifindex = _IFADDR.unpack_from(body)
    if family not in (AF_INET, AF_INET6):
        return None
    found = dict(attributes(body, _IFADDR.size))
    # Of a point-to-point link IFA_ADDRESS is the other end's.
    address = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
    return LinkAddress(ifindex, address, length) if address else None


def is_marked_address(body: bytes) -> bool:
    """The address in a message carries our protocol number."""
    return dict(attributes(body, _IFADDR.size)).get(_IFA_PROTO) == bytes((ROUTE_PROTOCOL,))


def device_of_entry(body: bytes) -> int:
    """The index of the device that a message about any neighbour or forwarding entry speaks of."""
    return int(_NDMSG.unpack_from(body)[3])
