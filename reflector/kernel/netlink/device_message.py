"""Changes of tunnel devices as netlink messages, and a VXLAN device's settings (linux/if_link.h, if_addr.h)."""

from __future__ import annotations

from pyroute2.netlink.rtnl.ifaddrmsg import IFA_F_NODAD, ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import IFF_UP, ifinfmsg

from reflector.addresses import pack_address, unpack_address
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
from reflector.kernel.link import LinkAddress, VxlanSettings
from reflector.kernel.netlink.attributes import AF_INET, AF_INET6
from reflector.kernel.netlink.link_message import DELADDR, DELLINK, NEWADDR, NEWLINK
from reflector.kernel.netlink.message import CREATE, EXCL, REPLACE, Request
from reflector.kernel.netlink.pyroute2_message import Attributes, body_of, message_of
from reflector.plan import ROUTE_PROTOCOL


def encode_device(change: DeviceChange) -> Request:
    """The request that carries out this change of a device."""
    match change:
        case CreateDevice():
            return Request(NEWLINK, CREATE | EXCL, _link(0, _creation(change)))
        case MarkDevice(name=name, alias=alias):
            return Request(NEWLINK, 0, _link(0, [("IFLA_IFNAME", name), ("IFLA_IFALIAS", alias)]))
        case ReleaseDevice(ifindex=ifindex):
            return Request(NEWLINK, 0, _link(ifindex, [("IFLA_IFALIAS", "")]))
        case SetDown(ifindex=ifindex):
            return Request(NEWLINK, 0, _link(ifindex, change=IFF_UP))
        case DeleteDevice(ifindex=ifindex):
            return Request(DELLINK, 0, _link(ifindex))
        case ChangeDevice(ifindex=ifindex):
            return Request(NEWLINK, 0, _link(ifindex, _settings(change), flags=IFF_UP, change=IFF_UP))
        case AddAddress(address=address):
            return Request(NEWADDR, CREATE | REPLACE, _address(address, [("IFA_PROTO", ROUTE_PROTOCOL)]))
        case RemoveAddress(address=address):
            return Request(DELADDR, 0, _address(address))


def vxlan_settings(body: bytes) -> VxlanSettings:
    """Of the VXLAN device in a link message."""
    data = message_of(ifinfmsg, body).get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA")
    local = data.get_attr("IFLA_VXLAN_LOCAL") or data.get_attr("IFLA_VXLAN_LOCAL6")
    return VxlanSettings(
        vni=data.get_attr("IFLA_VXLAN_ID", 0),
        port=data.get_attr("IFLA_VXLAN_PORT", 0),
        local=pack_address(local) if local else b"",
        learning=bool(data.get_attr("IFLA_VXLAN_LEARNING")),
    )


def _link(ifindex: int, attributes: Attributes = (), flags: int = 0, change: int = 0) -> bytes:
    message = ifinfmsg()
    message["index"], message["flags"], message["change"] = ifindex, flags, change
    return body_of(message, attributes)


def _creation(change: CreateDevice) -> Attributes:
    kind = "ipip" if change.vxlan is None else "vxlan"
    info: list[tuple[str, object]] = [("IFLA_INFO_KIND", kind)]
    if change.vxlan is not None:
        info.append(("IFLA_INFO_DATA", {"attrs": _vxlan_data(change.vxlan)}))
    return [("IFLA_IFNAME", change.name), ("IFLA_LINKINFO", {"attrs": info})]


def _vxlan_data(settings: VxlanSettings) -> Attributes:
    local = "IFLA_VXLAN_LOCAL" if len(settings.local) == 4 else "IFLA_VXLAN_LOCAL6"
    return [
        ("IFLA_VXLAN_ID", settings.vni),
        (local, unpack_address(settings.local)),
        ("IFLA_VXLAN_LEARNING", int(settings.learning)),
        ("IFLA_VXLAN_PORT", settings.port),
    ]


def _settings(change: ChangeDevice) -> Attributes:
    found = {"IFLA_ADDRESS": change.mac.hex(":"), "IFLA_MTU": change.mtu, "IFLA_IFALIAS": change.alias}
    return [(name, value) for name, value in found.items() if value]


def _address(address: LinkAddress, attributes: Attributes = ()) -> bytes:
    message, text = ifaddrmsg(), unpack_address(address.address)
    message["family"], message["flags"] = (AF_INET, 0) if len(address.address) == 4 else (AF_INET6, IFA_F_NODAD)
    message["prefixlen"], message["index"] = address.length, address.ifindex
    return body_of(message, [("IFA_LOCAL", text), ("IFA_ADDRESS", text), *attributes])
