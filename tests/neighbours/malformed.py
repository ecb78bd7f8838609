"""Messages that no peer should send, and what each has to cost it.

Rule: a case is the octets of one message and the answer to them, written down from the RFCs and not from our code.

    Reset       the session ends with this NOTIFICATION (RFC 4271 6)
    Withdrawn   the message's routes are treated as withdrawn, the session lives (RFC 7606 2)
    Discarded   one attribute is dropped, the route and the session live
    Nothing     it is no error

Each UPDATE that is about attributes announces PREFIX with good attributes except for those that the case is about.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

PREFIX = "10.66.0.0/24"
NLRI = bytes((24, 10, 66, 0))
MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH = 1, 2, 3, 4, 5
OPTIONAL, TRANSITIVE, EXTENDED = 0x80, 0x40, 0x10
OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE
# The sender's AS and address outside our AS, and its address inside.
AS, OUTSIDE, INSIDE = 65066, "10.9.1.5", "10.9.0.5"


@dataclass(frozen=True)
class Reset:
    """`data` is None where the RFC leaves it open."""

    code: int
    subcode: int
    data: bytes | None = None


@dataclass(frozen=True)
class Withdrawn:
    pass


@dataclass(frozen=True)
class Discarded:
    count: int = 1


@dataclass(frozen=True)
class Nothing:
    pass


Cost = Reset | Withdrawn | Discarded | Nothing


@dataclass(frozen=True)
class Case:
    """`is_external`: the sender is in another AS."""

    name: str
    octets: bytes
    cost: Cost
    is_external: bool = False


def message(kind: int, body: bytes = b"", *, length: int | None = None, marker: bytes = MARKER) -> bytes:
    return marker + struct.pack("!HB", 19 + len(body) if length is None else length, kind) + body


def attribute(flags: int, code: int, value: bytes) -> bytes:
    return bytes((flags, code, len(value))) + value


def good(*, is_external: bool = False) -> dict[int, bytes]:
    """The attributes of a well-formed route by type code."""
    next_hop = OUTSIDE if is_external else INSIDE
    path = b"\x02\x01" + struct.pack("!I", AS) if is_external else b""
    attributes = {
        1: attribute(TRANSITIVE, 1, b"\0"),
        2: attribute(TRANSITIVE, 2, path),
        3: attribute(TRANSITIVE, 3, socket.inet_aton(next_hop)),
    }
    return attributes if is_external else attributes | {5: attribute(TRANSITIVE, 5, b"\0\0\0\x64")}


def update(attributes: bytes, nlri: bytes = NLRI, withdrawn: bytes = b"") -> bytes:
    lengths = struct.pack("!H", len(withdrawn)) + withdrawn + struct.pack("!H", len(attributes))
    return message(UPDATE, lengths + attributes + nlri)


def in_place(code: int, flags: int, value: bytes, *, is_external: bool = False) -> bytes:
    """A good UPDATE whose attribute of this code is this one."""
    block = good(is_external=is_external) | {code: attribute(flags, code, value)}
    return update(b"".join(block.values()))


def added(*more: bytes, is_external: bool = False) -> bytes:
    return update(b"".join((*good(is_external=is_external).values(), *more)))


def without(code: int) -> bytes:
    return update(b"".join(each for known, each in good().items() if known != code))


REACH, UNREACH = 14, 15
AFI6 = b"\0\2\1"
NEXT_HOP6 = b"\x10" + socket.inet_pton(socket.AF_INET6, "fd00:9::5") + b"\0"
LONG = bytes(4097 - 23)
SHORT_REFRESH, LONG_REFRESH = message(ROUTE_REFRESH, b"\0\1\0"), message(ROUTE_REFRESH, b"\0\1\1\1\0")


def header(name: str, octets: bytes, subcode: int, data: bytes | None = None) -> Case:
    return Case(f"header: {name}", octets, Reset(1, subcode, data))


def structure(name: str, body: bytes, subcode: int) -> Case:
    return Case(f"UPDATE: {name}", message(UPDATE, body), Reset(3, subcode))


def withdrawn(name: str, octets: bytes, *, is_external: bool = False) -> Case:
    return Case(name, octets, Withdrawn(), is_external)


HEADERS = (  # RFC 4271 6.1
    header("marker of zeros", message(KEEPALIVE, marker=bytes(16)), 1),
    header("one bit of the marker", message(KEEPALIVE, marker=b"\xff" * 15 + b"\xfe"), 1),
    header("length 18", message(UPDATE, length=18), 2, b"\0\x12"),
    header("length 0", message(UPDATE, length=0), 2, b"\0\0"),
    header("length 4097 without extended messages", message(UPDATE, LONG, length=4097), 2, b"\x10\x01"),
    header("length 65535", message(UPDATE, length=65535), 2, b"\xff\xff"),
    header("an UPDATE of 22 octets", message(UPDATE, bytes(3)), 2, b"\0\x16"),
    header("an OPEN of 28 octets", message(OPEN, bytes(9)), 2, b"\0\x1c"),
    header("a NOTIFICATION of 20 octets", message(NOTIFICATION, b"\6"), 2, b"\0\x14"),
    header("a KEEPALIVE of 20 octets", message(KEEPALIVE, b"\0"), 2, b"\0\x14"),
    header("type 0", message(0), 3, b"\0"),
    header("type 6", message(6, bytes(10)), 3, b"\6"),
    header("type 255", message(255), 3, b"\xff"),
)

STRUCTURES = (  # RFC 4271 6.3, RFC 7606 3 to 5
    structure("withdrawn routes longer than the message", b"\xff\xff\0\0", 1),
    structure("attributes longer than the message", b"\0\0\xff\xff", 1),
    structure("both together longer than the message", b"\0\1\0\0\1", 1),
    structure("no room for the attributes' length", b"\0\2\0\0", 1),
    structure("a withdrawn prefix of 33 bits", b"\0\6\x21" + bytes(5) + b"\0\0", 10),
    structure("a withdrawn prefix cut off", b"\0\2\x18\x0a\0\0", 10),
    Case("UPDATE: a prefix of 33 bits", update(b"".join(good().values()), b"\x21" + bytes(5)), Reset(3, 10)),
    Case("UPDATE: a prefix cut off", update(b"".join(good().values()), b"\x18\x0a\0"), Reset(3, 10)),
    Case("MP_REACH_NLRI: too short", added(attribute(OPTIONAL, REACH, AFI6)), Reset(3, 9)),
    Case("MP_REACH_NLRI: no AFI", added(attribute(OPTIONAL, REACH, b"\0")), Reset(3, 9)),
    Case(
        "MP_REACH_NLRI: a next hop of 5 octets", added(attribute(OPTIONAL, REACH, AFI6 + b"\5" + bytes(6))), Reset(3, 9)
    ),
    Case(
        "MP_REACH_NLRI: the next hop cut off", added(attribute(OPTIONAL, REACH, AFI6 + b"\x10" + bytes(4))), Reset(3, 9)
    ),
    Case(
        "MP_REACH_NLRI: a prefix of 129 bits",
        added(attribute(OPTIONAL, REACH, AFI6 + NEXT_HOP6 + b"\x81" + bytes(17))),
        Reset(3, 10),
    ),
    Case("MP_REACH_NLRI: twice", added(attribute(OPTIONAL, REACH, AFI6 + NEXT_HOP6) * 2), Reset(3, 1)),
    Case("MP_UNREACH_NLRI: too short", added(attribute(OPTIONAL, UNREACH, b"\0\2")), Reset(3, 9)),
    Case("MP_UNREACH_NLRI: a prefix cut off", added(attribute(OPTIONAL, UNREACH, AFI6 + b"\x40\xfd")), Reset(3, 10)),
    Case("MP_UNREACH_NLRI: twice", added(attribute(OPTIONAL, UNREACH, AFI6 + b"\0") * 2), Reset(3, 1)),
    Case(
        "an error in an UPDATE that only withdraws (RFC 7606 5.2)",
        update(attribute(TRANSITIVE, 1, b"\7"), b"", NLRI),
        Reset(3, 1),
    ),
    Case(
        "an unknown well-known attribute",
        added(attribute(TRANSITIVE, 99, b"abc")),
        Reset(3, 2, attribute(TRANSITIVE, 99, b"abc")),
    ),
)

ATTRIBUTES = (  # RFC 7606 3 and 7
    withdrawn("ORIGIN: missing", without(1)),
    withdrawn("ORIGIN: empty", in_place(1, TRANSITIVE, b"")),
    withdrawn("ORIGIN: two octets", in_place(1, TRANSITIVE, b"\0\0")),
    withdrawn("ORIGIN: undefined value", in_place(1, TRANSITIVE, b"\3")),
    withdrawn("ORIGIN: flags", in_place(1, OPTIONAL_TRANSITIVE, b"\0")),
    withdrawn("AS_PATH: missing", without(2)),
    withdrawn("AS_PATH: segment header cut off", in_place(2, TRANSITIVE, b"\2")),
    withdrawn("AS_PATH: segment beyond the attribute", in_place(2, TRANSITIVE, b"\2\2\0\0\xfe\x2a")),
    withdrawn("AS_PATH: an octet behind the last segment", in_place(2, TRANSITIVE, b"\2\1\0\0\xfe\x2a\2")),
    withdrawn("AS_PATH: unknown segment type", in_place(2, TRANSITIVE, b"\7\1\0\0\xfe\x2a")),
    withdrawn("AS_PATH: segment of no AS", in_place(2, TRANSITIVE, b"\2\0")),
    withdrawn("AS_PATH: AS 0 (RFC 7607)", in_place(2, TRANSITIVE, b"\2\1\0\0\0\0")),
    withdrawn("AS_PATH: flags", in_place(2, OPTIONAL, b"")),
    withdrawn(
        "AS_PATH: confederation segment from another AS (RFC 5065)",
        in_place(2, TRANSITIVE, b"\3\1\0\0\xfe\x2a", is_external=True),
        is_external=True,
    ),
    withdrawn("NEXT_HOP: missing", without(3)),
    withdrawn("NEXT_HOP: three octets", in_place(3, TRANSITIVE, b"\x0a\0\0")),
    withdrawn("NEXT_HOP: flags", in_place(3, OPTIONAL, socket.inet_aton(INSIDE))),
    withdrawn("MULTI_EXIT_DISC: three octets", added(attribute(OPTIONAL, 4, b"\0\0\0"))),
    withdrawn("MULTI_EXIT_DISC: flags", added(attribute(TRANSITIVE, 4, b"\0\0\0\1"))),
    withdrawn("LOCAL_PREF: missing", without(5)),
    withdrawn("LOCAL_PREF: five octets", in_place(5, TRANSITIVE, b"\0\0\0\0\1")),
    withdrawn("LOCAL_PREF: flags", in_place(5, OPTIONAL, b"\0\0\0\1")),
    withdrawn("ATOMIC_AGGREGATE: flags", added(attribute(OPTIONAL, 6, b""))),
    withdrawn("AGGREGATOR: flags", added(attribute(OPTIONAL, 7, b"\0\0\xfe\x2a\x0a\0\0\1"))),
    withdrawn("COMMUNITIES: empty", added(attribute(OPTIONAL_TRANSITIVE, 8, b""))),
    withdrawn("COMMUNITIES: five octets", added(attribute(OPTIONAL_TRANSITIVE, 8, bytes(5)))),
    withdrawn("COMMUNITIES: flags", added(attribute(OPTIONAL, 8, bytes(4)))),
    withdrawn("ORIGINATOR_ID: five octets", added(attribute(OPTIONAL, 9, bytes(5)))),
    withdrawn("CLUSTER_LIST: empty", added(attribute(OPTIONAL, 10, b""))),
    withdrawn("CLUSTER_LIST: six octets", added(attribute(OPTIONAL, 10, bytes(6)))),
    withdrawn("EXTENDED_COMMUNITIES: empty", added(attribute(OPTIONAL_TRANSITIVE, 16, b""))),
    withdrawn("EXTENDED_COMMUNITIES: nine octets", added(attribute(OPTIONAL_TRANSITIVE, 16, bytes(9)))),
    withdrawn("LARGE_COMMUNITIES: empty (RFC 8092)", added(attribute(OPTIONAL_TRANSITIVE, 32, b""))),
    withdrawn("LARGE_COMMUNITIES: eleven octets", added(attribute(OPTIONAL_TRANSITIVE, 32, bytes(11)))),
    withdrawn("ONLY_TO_CUSTOMER: three octets (RFC 9234)", added(attribute(OPTIONAL_TRANSITIVE, 35, bytes(3)))),
    withdrawn("MP_REACH_NLRI: flags", added(attribute(TRANSITIVE, REACH, AFI6 + NEXT_HOP6))),
    withdrawn("an attribute beyond the attributes", added(b"\x80\x04\x04\0\0")),
    withdrawn("an attribute header cut off", added(b"\x80")),
    withdrawn("an extended length cut off", added(b"\x90\x04\0")),
    Case("ATOMIC_AGGREGATE: an octet", added(attribute(TRANSITIVE, 6, b"\0")), Discarded()),
    Case(
        "AGGREGATOR: six octets",
        added(attribute(OPTIONAL_TRANSITIVE, 7, bytes((0xFE, 0x2A, 10, 0, 0, 1)))),
        Discarded(),
    ),
    Case("AGGREGATOR: AS 0 (RFC 7607)", added(attribute(OPTIONAL_TRANSITIVE, 7, b"\0\0\0\0\x0a\0\0\1")), Discarded()),
    Case("AS4_PATH: cut off (RFC 6793)", added(attribute(OPTIONAL_TRANSITIVE, 17, b"\2")), Discarded()),
    Case("AS4_AGGREGATOR: seven octets (RFC 6793)", added(attribute(OPTIONAL_TRANSITIVE, 18, bytes(7))), Discarded()),
    Case("ORIGIN: twice", added(attribute(TRANSITIVE, 1, b"\2")), Discarded()),
    Case("LOCAL_PREF: from another AS", added(good()[5], is_external=True), Discarded(), is_external=True),
    Case(
        "ORIGINATOR_ID and CLUSTER_LIST: from another AS",
        added(attribute(OPTIONAL, 9, b"\0"), attribute(OPTIONAL, 10, b""), is_external=True),
        Discarded(2),
        is_external=True,
    ),
    Case("PMSI_TUNNEL: empty (RFC 6514)", added(attribute(OPTIONAL_TRANSITIVE, 22, b"")), Withdrawn()),
    Case("TUNNEL_ENCAPSULATION: a truncated TLV", added(attribute(OPTIONAL_TRANSITIVE, 23, b"\0")), Withdrawn()),
    Case("TUNNEL_ENCAPSULATION: empty", added(attribute(OPTIONAL_TRANSITIVE, 23, b"")), Discarded()),
    Case("IPv6 extended communities: 19 octets", added(attribute(OPTIONAL_TRANSITIVE, 25, bytes(19))), Withdrawn()),
    Case("AIGP: transitive (RFC 7311)", added(attribute(OPTIONAL_TRANSITIVE, 26, bytes(11))), Discarded()),
    Case("BGP-LS: transitive (RFC 9552)", added(attribute(OPTIONAL_TRANSITIVE, 29, b"a")), Discarded()),
    Case("PREFIX_SID: a truncated TLV (RFC 8669)", added(attribute(OPTIONAL_TRANSITIVE, 40, b"\xff")), Discarded()),
    Case("an unknown transitive attribute", added(attribute(OPTIONAL_TRANSITIVE, 99, b"abc")), Nothing()),
    Case("an unknown non-transitive attribute", added(attribute(OPTIONAL, 99, b"abc")), Nothing()),
    Case(
        "an extended length for a short value (RFC 4271 4.3)",
        update(b"".join((good() | {1: bytes((TRANSITIVE | EXTENDED, 1, 0, 1, 0))}).values())),
        Nothing(),
    ),
)

OTHERS = (
    Case("OPEN: in Established (RFC 6608)", message(OPEN, bytes((4, 0, 1, 0, 90, 10, 9, 0, 5, 0))), Reset(5, 3)),
    Case("ROUTE-REFRESH: too short", SHORT_REFRESH, Reset(1, 2, b"\0\x16")),
    Case("ROUTE-REFRESH: a mark that is too long (RFC 7313 5)", LONG_REFRESH, Reset(7, 1, LONG_REFRESH)),
    Case("ROUTE-REFRESH: with outbound route filters", message(ROUTE_REFRESH, b"\0\1\0\1\1\x40\0\0"), Nothing()),
    Case("ROUTE-REFRESH: of a family that was not agreed on", message(ROUTE_REFRESH, b"\0\3\0\1"), Nothing()),
    Case("ROUTE-REFRESH: unknown subtype (RFC 7313 5)", message(ROUTE_REFRESH, b"\0\1\x63\1"), Nothing()),
)

CORPUS = (*HEADERS, *STRUCTURES, *ATTRIBUTES, *OTHERS)
