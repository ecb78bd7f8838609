"""Links, addresses and neighbours as netlink messages, both ways (linux/if_link.h, if_addr.h, neighbour.h)."""

from __future__ import annotations

import struct

from reflector.kernel.attributes import (
    AF_BRIDGE,
    AF_INET,
    AF_INET6,
    AF_UNSPEC,
    attribute,
    attribute_text,
    attribute_u32,
    attributes,
    text,
    u32,
)
from reflector.kernel.device import (
    AddAddress,
    ChangeDevice,
    CreateDevice,
    DeleteDevice,
    DeviceChange,
    MarkDevice,
    ReleaseDevice,
    RemoveAddress,
    SetDown,
)
from reflector.kernel.interfaces import InterfaceState
from reflector.kernel.link import Link, LinkAddress, VxlanSettings
from reflector.kernel.message import CREATE, DUMP, EXCL, REPLACE, Request
from reflector.kernel.neighbour import Entry, Forwarding, Neighbour
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
_INFO_KIND, _INFO_DATA = 1, 2
_VXLAN_ID, _VXLAN_LOCAL, _VXLAN_LEARNING, _VXLAN_PORT, _VXLAN_LOCAL6 = 1, 4, 7, 15, 17
_IFA_ADDRESS, _IFA_LOCAL, _IFA_PROTO = 1, 2, 11
_IFA_F_NODAD = 2
_NDA_DST, _NDA_LLADDR = 1, 2
NUD_PERMANENT = 0x80
_NTF_SELF = 2

_WITHOUT_STATISTICS = attribute_u32(29, 8)  # IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS
_NETCONF_IFINDEX, _NETCONF_IGNORE_LINKDOWN = 1, 6

LINK_DUMP = Request(GETLINK, DUMP, _IFINFO.pack(AF_UNSPEC, 0, 0, 0, 0, 0) + _WITHOUT_STATISTICS)
ADDRESS_DUMP = Request(GETADDR, DUMP, _IFADDR.pack(AF_UNSPEC, 0, 0, 0, 0))
NEIGHBOUR_DUMP = Request(GETNEIGH, DUMP, _NDMSG.pack(AF_UNSPEC, 0, 0, 0, 0, 0, 0))
FORWARDING_DUMP = Request(GETNEIGH, DUMP, _NDMSG.pack(AF_BRIDGE, 0, 0, 0, 0, 0, 0))
# Names a link that cannot exist: without CAP_NET_ADMIN the answer is EPERM, with it ENODEV.
PERMISSION_PROBE = Request(DELLINK, 0, _IFINFO.pack(AF_UNSPEC, 0, 0, 0x7FFFFFFF, 0, 0))


# --------------------------------------------------------------------------------------------- decoding


def decode_link(body: bytes) -> Link | None:
    """The link in a message; None for a bridge's view of a link, which is another thing."""
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
        _decode_vxlan(info.get(_INFO_DATA, b"")) if kind == "vxlan" else None,
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


def _decode_vxlan(data: bytes) -> VxlanSettings:
    found = dict(attributes(data))
    return VxlanSettings(
        vni=u32(found[_VXLAN_ID]) if _VXLAN_ID in found else 0,
        port=int.from_bytes(found.get(_VXLAN_PORT, b""), "big"),
        local=found.get(_VXLAN_LOCAL) or found.get(_VXLAN_LOCAL6, b""),
        learning=any(found.get(_VXLAN_LEARNING, b"")),
    )


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


def decode_entry(body: bytes) -> Entry | None:
    """A permanent neighbour or a VXLAN forwarding entry; None for anything else (what ARP learned, bridges)."""
    family, _, _, ifindex, state, flags, _ = _NDMSG.unpack_from(body)
    found = dict(attributes(body, _NDMSG.size))
    destination, mac = found.get(_NDA_DST, b""), found.get(_NDA_LLADDR, b"")
    if not destination or not mac or not state & NUD_PERMANENT:
        return None
    if family == AF_BRIDGE:
        return Forwarding(ifindex, mac, destination) if flags & _NTF_SELF else None
    return Neighbour(ifindex, destination, mac)


def device_of_entry(body: bytes) -> int:
    """The index of the device that a message about any neighbour or forwarding entry speaks of."""
    return int(_NDMSG.unpack_from(body)[3])


# --------------------------------------------------------------------------------------------- encoding


def encode_device(change: DeviceChange) -> Request:
    """The request that carries out this change of a device."""
    match change:
        case CreateDevice():
            return Request(NEWLINK, CREATE | EXCL, _create(change))
        case MarkDevice(name=name, alias=alias):
            body = _IFINFO.pack(AF_UNSPEC, 0, 0, 0, 0, 0) + attribute_text(_IFLA_IFNAME, name)
            return Request(NEWLINK, 0, body + attribute(_IFLA_IFALIAS, alias.encode()))
        case ReleaseDevice():
            body = _IFINFO.pack(AF_UNSPEC, 0, 0, change.ifindex, 0, 0)
            return Request(NEWLINK, 0, body + attribute(_IFLA_IFALIAS, b""))
        case SetDown():
            return Request(NEWLINK, 0, _IFINFO.pack(AF_UNSPEC, 0, 0, change.ifindex, 0, _UP))
        case DeleteDevice():
            return Request(DELLINK, 0, _IFINFO.pack(AF_UNSPEC, 0, 0, change.ifindex, 0, 0))
        case ChangeDevice():
            return Request(NEWLINK, 0, _change(change))
        case AddAddress():
            owner = attribute(_IFA_PROTO, bytes((ROUTE_PROTOCOL,)))
            return Request(NEWADDR, CREATE | REPLACE, _address(change.address) + owner)
        case RemoveAddress():
            return Request(DELADDR, 0, _address(change.address))


def encode_entry(entry: Entry, *, remove: bool = False) -> Request:
    """The request that puts (and overwrites) or removes a neighbour or forwarding entry."""
    if isinstance(entry, Forwarding):
        head = _NDMSG.pack(AF_BRIDGE, 0, 0, entry.ifindex, NUD_PERMANENT, _NTF_SELF, 0)
        destination = entry.remote
    else:
        family = AF_INET if len(entry.address) == 4 else AF_INET6
        head = _NDMSG.pack(family, 0, 0, entry.ifindex, NUD_PERMANENT, 0, 0)
        destination = entry.address
    body = head + attribute(_NDA_DST, destination) + attribute(_NDA_LLADDR, entry.mac)
    return Request(DELNEIGH, 0, body) if remove else Request(NEWNEIGH, CREATE | REPLACE, body)


def _create(change: CreateDevice) -> bytes:
    info = attribute_text(_INFO_KIND, "ipip" if change.vxlan is None else "vxlan")
    if change.vxlan is not None:
        info += attribute(_INFO_DATA, _vxlan_data(change.vxlan))
    parts = [
        _IFINFO.pack(AF_UNSPEC, 0, 0, 0, 0, 0),
        attribute_text(_IFLA_IFNAME, change.name),
        attribute(_IFLA_LINKINFO, info),
    ]
    return b"".join(parts)


def _vxlan_data(settings: VxlanSettings) -> bytes:
    local = _VXLAN_LOCAL if len(settings.local) == 4 else _VXLAN_LOCAL6
    return b"".join(
        (
            attribute_u32(_VXLAN_ID, settings.vni),
            attribute(local, settings.local),
            attribute(_VXLAN_LEARNING, bytes((settings.learning,))),
            attribute(_VXLAN_PORT, settings.port.to_bytes(2, "big")),
        )
    )


def _change(change: ChangeDevice) -> bytes:
    parts = [_IFINFO.pack(AF_UNSPEC, 0, 0, change.ifindex, _UP, _UP)]
    if change.mac:
        parts.append(attribute(_IFLA_ADDRESS, change.mac))
    if change.mtu:
        parts.append(attribute_u32(_IFLA_MTU, change.mtu))
    if change.alias:
        parts.append(attribute(_IFLA_IFALIAS, change.alias.encode()))
    return b"".join(parts)


def _address(address: LinkAddress) -> bytes:
    family, flags = (AF_INET, 0) if len(address.address) == 4 else (AF_INET6, _IFA_F_NODAD)
    head = _IFADDR.pack(family, address.length, flags, 0, address.ifindex)
    return head + attribute(_IFA_LOCAL, address.address) + attribute(_IFA_ADDRESS, address.address)
