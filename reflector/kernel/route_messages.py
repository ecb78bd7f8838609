"""What the kernel says of routes and links on a netlink socket, as values (netlink(7), rtnetlink(7)).

Only what resolves next hops is taken: routes of the main table that are for every packet - not for one TOS or one
source prefix - and that nobody programmed under one of our own protocol numbers. Integers are in the machine's order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from reflector.kernel.route_table import KernelRoute, Leg
from reflector.plan import MAIN_TABLE

NEWLINK, DELLINK, GETLINK = 16, 17, 18
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26
ERROR, DONE = 2, 3
MULTI, DUMP_INTERRUPTED = 0x2, 0x10
AF_INET, AF_INET6 = 2, 10

_REPLACE = 0x100
_REQUEST_DUMP = 0x1 | 0x300
_HEADER = struct.Struct("=IHHII")
_RTMSG = struct.Struct("=BBBBBBBBI")
_IFINFO = struct.Struct("=BxHiII")
_ATTRIBUTE = struct.Struct("=HH")
_NEXTHOP = struct.Struct("=HBBi")
_U32 = struct.Struct("=I")
_ERRNO = struct.Struct("=i")
_TYPE_MASK = 0x3FFF  # the two upper bits say "nested" and "network byte order"
_DST, _OIF, _GATEWAY, _PRIORITY, _MULTIPATH, _TABLE, _VIA = 1, 4, 5, 6, 9, 15, 18
_EXT_MASK, _SKIP_STATISTICS = 29, 8
_UNICAST = 1
_NO_WAY = frozenset((6, 7, 8, 9))  # blackhole, unreachable, prohibit, throw
_CLONED = 0x200  # a cache entry, not a route
# Who puts the network of a link there: the kernel for an address, or for a router advertisement.
_CONNECTS = frozenset((2, 9))
_UP, _HAS_CARRIER = 0x1, 0x40 | 0x10000
_BITS = {AF_INET: 32, AF_INET6: 128}


class Told(NamedTuple):
    """One message: RTM_* or NLMSG_* type, flags, payload."""

    kind: int
    flags: int
    body: bytes

    @property
    def errno(self) -> int:
        """Of ERROR and DONE; 0 for success."""
        return -int(_ERRNO.unpack_from(self.body)[0]) if len(self.body) >= _ERRNO.size else 0


class LinkState(NamedTuple):
    interface: int
    is_up: bool


def messages(data: memoryview) -> Iterator[Told]:
    """The messages of one datagram."""
    offset, end = 0, len(data)
    while offset + _HEADER.size <= end:
        length, kind, flags, _, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield Told(kind, flags, bytes(data[offset + _HEADER.size : offset + length]))
        offset += (length + 3) & ~3


def dump_links(sequence: int) -> bytes:
    extended = _ATTRIBUTE.pack(8, _EXT_MASK) + _U32.pack(_SKIP_STATISTICS)
    return _request(GETLINK, sequence, _IFINFO.pack(0, 0, 0, 0, 0) + extended)


def dump_routes(family: int, sequence: int) -> bytes:
    """All of the main table."""
    return _request(GETROUTE, sequence, _RTMSG.pack(family, 0, 0, 0, MAIN_TABLE, 0, 0, 0, 0))


def _request(kind: int, sequence: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, sequence, 0) + body


def link_state(told: Told) -> LinkState | None:
    """Up: switched on and with carrier, by which the kernel itself sets RTNH_F_DEAD and RTNH_F_LINKDOWN. None for what
    a bridge says of its ports: one that leaves the bridge is not gone."""
    family, _, interface, flags, _ = _IFINFO.unpack_from(told.body)
    if family:
        return None
    return LinkState(interface, told.kind == NEWLINK and bool(flags & _UP) and bool(flags & _HAS_CARRIER))


def route(told: Told, own: frozenset[int]) -> KernelRoute | None:
    """None for a route that does not count here; `own` are our protocol numbers."""
    family, length, source_length, tos, table, protocol, _, kind, flags = _RTMSG.unpack_from(told.body)
    if table != MAIN_TABLE or protocol in own or tos or source_length or flags & _CLONED or family not in _BITS:
        return None
    if kind != _UNICAST and kind not in _NO_WAY:
        return None
    found = dict(_attributes(told.body, _RTMSG.size))
    if _number(found, _TABLE, table) != MAIN_TABLE:
        return None
    bits, metric = _BITS[family], _number(found, _PRIORITY)
    key = int.from_bytes(found.get(_DST, bytes(bits // 8)), "big") >> (bits - length)
    legs = _legs(found, metric, protocol) if kind == _UNICAST else (Leg(metric, leads=False),)
    return KernelRoute(bits, length, key, legs, told.kind == NEWROUTE and bool(told.flags & _REPLACE))


def _legs(found: dict[int, bytes], metric: int, protocol: int) -> tuple[Leg, ...]:
    """Sorted, so that equal sets of ways are equal."""
    if _MULTIPATH not in found:
        return (_leg(found, metric, protocol, _number(found, _OIF)),)
    value, legs, offset = found[_MULTIPATH], [], 0
    while offset + _NEXTHOP.size <= len(value):
        length, _, _, interface = _NEXTHOP.unpack_from(value, offset)
        if length < _NEXTHOP.size:
            break
        inner = dict(_attributes(value[offset : offset + length], _NEXTHOP.size))
        legs.append(_leg(inner, metric, protocol, interface))
        offset += (length + 3) & ~3
    return tuple(sorted(legs))


def _leg(found: dict[int, bytes], metric: int, protocol: int, interface: int) -> Leg:
    # A gateway of the other family (RFC 8950) travels in RTA_VIA behind its family.
    gateway = found.get(_GATEWAY) or found.get(_VIA, b"")[2:]
    return Leg(metric, True, not gateway and protocol in _CONNECTS, gateway, interface)


def _attributes(data: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    end = len(data)
    while offset + _ATTRIBUTE.size <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _TYPE_MASK, data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3


def _number(found: dict[int, bytes], kind: int, absent: int = 0) -> int:
    value = found.get(kind)
    return absent if value is None else int(_U32.unpack(value)[0])
