"""Permanent neighbours and VXLAN forwarding entries as netlink messages, both ways (linux/neighbour.h)."""

from __future__ import annotations

from pyroute2.netlink.rtnl.ndmsg import NTF_SELF, NUD_PERMANENT, ndmsg

from reflector.addresses import pack_address, unpack_address
from reflector.kernel.neighbour import Entry, Forwarding, Neighbour
from reflector.kernel.netlink.attributes import AF_BRIDGE, AF_INET, AF_INET6, AF_UNSPEC
from reflector.kernel.netlink.link_message import DELNEIGH, GETNEIGH, NEWNEIGH
from reflector.kernel.netlink.message import CREATE, DUMP, REPLACE, Request
from reflector.kernel.netlink.pyroute2_message import body_of, message_of


def neighbour_dumps() -> tuple[Request, ...]:
    """What asks for all neighbours and all forwarding entries."""
    return tuple(Request(GETNEIGH, DUMP, body_of(_message(family))) for family in (AF_UNSPEC, AF_BRIDGE))


def decode_entry(body: bytes) -> Entry | None:
    """A permanent neighbour or a VXLAN forwarding entry; None for anything else (what ARP learned, bridges)."""
    message = message_of(ndmsg, body)
    destination, mac = message.get_attr("NDA_DST"), message.get_attr("NDA_LLADDR")
    if not destination or not mac or not message["state"] & NUD_PERMANENT:
        return None
    ifindex, octets, address = message["ifindex"], bytes.fromhex(mac.replace(":", "")), pack_address(destination)
    if message["family"] == AF_BRIDGE:
        return Forwarding(ifindex, octets, address) if message["flags"] & NTF_SELF else None
    return Neighbour(ifindex, address, octets)


def encode_entry(entry: Entry, *, remove: bool = False) -> Request:
    """The request that puts (and overwrites) or removes a neighbour or forwarding entry."""
    if isinstance(entry, Forwarding):
        message, destination = _message(AF_BRIDGE), entry.remote
        message["flags"] = NTF_SELF
    else:
        message, destination = _message(AF_INET if len(entry.address) == 4 else AF_INET6), entry.address
    message["ifindex"], message["state"] = entry.ifindex, NUD_PERMANENT
    body = body_of(message, [("NDA_DST", unpack_address(destination)), ("NDA_LLADDR", entry.mac.hex(":"))])
    return Request(DELNEIGH, 0, body) if remove else Request(NEWNEIGH, CREATE | REPLACE, body)


def _message(family: int) -> ndmsg:
    message = ndmsg()
    message["family"] = family
    return message
