"""Kernel routes as RTM_NEWROUTE and RTM_DELROUTE messages, both ways (linux/rtnetlink.h).

A deletion names everything that the kernel compares - protocol and kind among it - so that it can only ever hit the
route that was meant. Everything but the destination is the same for many routes, and is encoded and decoded once.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from reflector.kernel.change import Change, Verb
from reflector.kernel.netlink.attributes import AF_INET, AF_INET6, attribute, attribute_u32, attributes, u32
from reflector.kernel.netlink.message import APPEND, CREATE, DUMP, EXCL, MULTI, REPLACE, Request
from reflector.kernel.prefix_table import Placement
from reflector.kernel.route import UNICAST, Destination, KernelRoute, Leg, RouteTerms, nlri_of, route_of
from reflector.plan import Family

NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26

_RTMSG = struct.Struct("=BBBBBBBBI")
_NEXTHOP = struct.Struct("=HBBi")
_ATTRIBUTE = struct.Struct("=HH")
_DST, _OIF, _GATEWAY, _PRIORITY, _METRICS, _MULTIPATH, _TABLE, _VIA = 1, 4, 5, 6, 8, 9, 15, 18
_RTAX_MTU = 2
_ONLINK = 4
_CLONED = 0x200  # a cache entry, not a route
_FIB_MATCH = 0x2000
_SCOPE_UNIVERSE, _SCOPE_LINK, _SCOPE_NOWHERE = 0, 253, 255
_RT_TABLE_COMPAT = 252  # tables above 255 do not fit the header and are named by an attribute

_AF: dict[Family, int] = {4: AF_INET, 6: AF_INET6}
_FAMILY: dict[int, Family] = {AF_INET: 4, AF_INET6: 6}


class RouteEvent(NamedTuple):
    """A notification: the route came or went. `placement` is where it came to stand."""

    nlri: bytes
    terms: RouteTerms
    came: bool
    placement: Placement

    @property
    def destination(self) -> Destination:
        return self.terms.family, self.nlri

    @property
    def route(self) -> KernelRoute:
        return route_of(self.nlri, self.terms)


class _Around(NamedTuple):
    """The octets of a message about the prefix: before its length, up to its address, the address's width, after it."""

    start: bytes
    middle: bytes
    width: int
    rest: bytes


def encode(change: Change) -> Request:
    """The request that carries out this change."""
    verb, route = change
    nlri = route.nlri
    if verb is Verb.DELETE:
        around = _around_deletion(route.family, route.table, route.tos, route.metric, route.protocol, route.kind)
        return Request(DELROUTE, 0, _body(around, nlri))
    # Not a table of verbs: an enum is slow to hash, and this runs once a route.
    flags = CREATE | EXCL if verb is Verb.ADD else CREATE | REPLACE
    around = _around(
        route.family, route.table, route.tos, route.metric, route.protocol, route.kind, route.legs, route.mtu
    )
    return Request(NEWROUTE, flags, _body(around, nlri))


def dump_request(family: Family, table: int = 0) -> Request:
    """All routes of the family, of every table or of one."""
    return Request(GETROUTE, DUMP, _RTMSG.pack(_AF[family], 0, 0, 0, table, 0, 0, 0, 0))


def lookup_request(family: Family, address: bytes) -> Request:
    """Which route matches the address: what `ip route get fibmatch` asks."""
    head = _RTMSG.pack(_AF[family], len(address) * 8, 0, 0, 0, 0, 0, 0, _FIB_MATCH)
    return Request(GETROUTE, 0, head + attribute(_DST, address))


def decode(body: bytes) -> tuple[bytes, RouteTerms] | None:
    """The prefix and the terms of the route in a message; None for cache entries, for routes of one source, and for
    families that are neither IPv4 nor IPv6."""
    length = body[1]
    offset, width = _RTMSG.size, 0
    if length:
        while True:
            width, kind = _ATTRIBUTE.unpack_from(body, offset)
            if kind == _DST:
                break
            offset += max(_ATTRIBUTE.size, (width + 3) & ~3)
    address = body[offset + _ATTRIBUTE.size : offset + width]
    terms = _terms(b"".join((body[:1], b"\0", body[2:offset], body[offset + width :])))
    return None if terms is None else (nlri_of(length, address), terms)


def decode_event(kind: int, flags: int, body: bytes) -> RouteEvent | None:
    """A notification, or an entry of a dump, as an event."""
    found = decode(body)
    if found is None:
        return None
    nlri, terms = found
    if kind == DELROUTE:
        return RouteEvent(nlri, terms, False, Placement.BEHIND)
    if flags & REPLACE:
        return RouteEvent(nlri, terms, True, Placement.REPLACE)
    placement = Placement.BEHIND if flags & (APPEND | MULTI) else Placement.FRONT
    return RouteEvent(nlri, terms, True, placement)


@lru_cache(maxsize=8192)
def _terms(body: bytes) -> RouteTerms | None:
    """Of a message without its destination: the same for the many routes that differ in the prefix alone."""
    af, _, source_length, tos, table, protocol, _, kind, flags = _RTMSG.unpack_from(body)
    family = _FAMILY.get(af)
    if family is None or source_length or flags & _CLONED:
        return None
    found = dict(attributes(body, _RTMSG.size))
    mtu = _number(dict(attributes(found.get(_METRICS, b""))), _RTAX_MTU)
    # A blackhole has no way out, though IPv6 names the loopback there.
    legs = _legs(found, flags) if kind == UNICAST else ()
    metric, table = _number(found, _PRIORITY), _number(found, _TABLE, table)
    return RouteTerms(family, metric, protocol, legs, kind, table, tos, mtu)


def _scope(legs: tuple[Leg, ...]) -> int:
    return _SCOPE_LINK if legs and not any(leg.gateway for leg in legs) else _SCOPE_UNIVERSE


def _body(around: _Around, nlri: bytes) -> bytes:
    start, middle, width, rest = around
    return b"".join((start, nlri[:1], middle, nlri[1:].ljust(width, b"\0"), rest))


@lru_cache(maxsize=8192)
def _around(
    family: Family, table: int, tos: int, metric: int, protocol: int, kind: int, legs: tuple[Leg, ...], mtu: int
) -> _Around:
    """What the messages of all routes that differ in the prefix alone have in common."""
    onlink = _ONLINK if len(legs) == 1 and legs[0].onlink else 0
    head = _RTMSG.pack(_AF[family], 0, 0, tos, _short(table), protocol, _scope(legs), kind, onlink)
    return _split(family, head, _rest(family, table, metric, mtu, legs))


@lru_cache(maxsize=8192)
def _around_deletion(family: Family, table: int, tos: int, metric: int, protocol: int, kind: int) -> _Around:
    head = _RTMSG.pack(_AF[family], 0, 0, tos, _short(table), protocol, _SCOPE_NOWHERE, kind, 0)
    return _split(family, head, _rest(family, table, metric, 0, ()))


def _split(family: Family, head: bytes, rest: bytes) -> _Around:
    width = 4 if family == 4 else 16
    return _Around(head[:1], head[2:] + _ATTRIBUTE.pack(4 + width, _DST), width, rest)


def _short(table: int) -> int:
    return table if table < 256 else _RT_TABLE_COMPAT


def _rest(family: Family, table: int, metric: int, mtu: int, legs: tuple[Leg, ...]) -> bytes:
    """The attributes after the destination."""
    parts = [attribute_u32(_PRIORITY, metric)]
    if table > 255:
        parts.append(attribute_u32(_TABLE, table))
    if mtu:
        parts.append(attribute(_METRICS, attribute_u32(_RTAX_MTU, mtu)))
    if len(legs) == 1:
        parts += [_gateway(family, legs[0]), attribute_u32(_OIF, legs[0].ifindex)]
    elif legs:
        parts.append(attribute(_MULTIPATH, b"".join(_nexthop(family, leg) for leg in legs)))
    return b"".join(parts)


def _gateway(family: Family, leg: Leg) -> bytes:
    """A gateway of the other family (RFC 8950) travels in RTA_VIA with its family in front."""
    if not leg.gateway:
        return b""
    if len(leg.gateway) == (4 if family == 4 else 16):
        return attribute(_GATEWAY, leg.gateway)
    return attribute(_VIA, struct.pack("=H", AF_INET if len(leg.gateway) == 4 else AF_INET6) + leg.gateway)


def _nexthop(family: Family, leg: Leg) -> bytes:
    gateway = _gateway(family, leg)
    return _NEXTHOP.pack(_NEXTHOP.size + len(gateway), _ONLINK if leg.onlink else 0, 0, leg.ifindex) + gateway


def _legs(found: dict[int, bytes], flags: int) -> tuple[Leg, ...]:
    if _MULTIPATH in found:
        return _decode_multipath(found[_MULTIPATH])
    return (Leg(_gateway_in(found), _number(found, _OIF), bool(flags & _ONLINK)),)


def _decode_multipath(value: bytes) -> tuple[Leg, ...]:
    legs = []
    offset = 0
    while offset + _NEXTHOP.size <= len(value):
        length, flags, _, ifindex = _NEXTHOP.unpack_from(value, offset)
        if length < _NEXTHOP.size:
            break
        gateway = _gateway_in(dict(attributes(value[offset : offset + length], _NEXTHOP.size)))
        legs.append(Leg(gateway, ifindex, bool(flags & _ONLINK)))
        offset += (length + 3) & ~3
    return tuple(sorted(legs))


def _gateway_in(found: dict[int, bytes]) -> bytes:
    return found.get(_GATEWAY) or found.get(_VIA, b"")[2:]


def _number(found: dict[int, bytes], kind: int, absent: int = 0) -> int:
    value = found.get(kind)
    return absent if value is None else u32(value)
