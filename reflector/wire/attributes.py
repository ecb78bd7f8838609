"""Path attributes as values: interned, so that equal attributes are one object and identity is equality.

Rule: what a speaker must understand is a field; everything else that travels on is in `others`, untouched. AS
numbers are always four octets here (RFC 6793); a session of two octets is translated at its edge.
Source: RFC 4271 4.3 and 5, RFC 4456 8, RFC 1997, RFC 8092, RFC 4360, RFC 9234 5, RFC 9494 3.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple
from weakref import WeakValueDictionary


class Code(IntEnum):
    """Attribute type codes."""

    ORIGIN = 1
    AS_PATH = 2
    NEXT_HOP = 3
    MULTI_EXIT_DISC = 4
    LOCAL_PREF = 5
    ATOMIC_AGGREGATE = 6
    AGGREGATOR = 7
    COMMUNITIES = 8
    ORIGINATOR_ID = 9
    CLUSTER_LIST = 10
    MP_REACH_NLRI = 14
    MP_UNREACH_NLRI = 15
    EXTENDED_COMMUNITIES = 16
    AS4_PATH = 17
    AS4_AGGREGATOR = 18
    PMSI_TUNNEL = 22
    TUNNEL_ENCAPSULATION = 23
    TRAFFIC_ENGINEERING = 24
    IPV6_EXTENDED_COMMUNITIES = 25
    AIGP = 26
    BGP_LS = 29
    LARGE_COMMUNITIES = 32
    BGPSEC_PATH = 33
    ONLY_TO_CUSTOMER = 35
    PREFIX_SID = 40
    ATTR_SET = 128


class Origin(IntEnum):
    IGP = 0
    EGP = 1
    INCOMPLETE = 2


OPTIONAL, TRANSITIVE, PARTIAL, EXTENDED_LENGTH = 0x80, 0x40, 0x20, 0x10

AS_SET, AS_SEQUENCE, AS_CONFED_SEQUENCE, AS_CONFED_SET = 1, 2, 3, 4
AS_TRANS = 23456

GRACEFUL_SHUTDOWN = 0xFFFF0000
NO_EXPORT = 0xFFFFFF01
NO_ADVERTISE = 0xFFFFFF02
NO_EXPORT_SUBCONFED = 0xFFFFFF03
# RFC 9494 3.2 and 3.3: 65535:6 and 65535:7.
LLGR_STALE = 0xFFFF0006
NO_LLGR = 0xFFFF0007

AsPath = tuple[tuple[int, tuple[int, ...]], ...]
LargeCommunity = tuple[int, int, int]


class RawAttribute(NamedTuple):
    """An attribute that is carried as it is: flags without the extended-length bit, type code, value."""

    flags: int
    code: int
    value: bytes


class _Fields(NamedTuple):
    """In order of type code, as they are encoded; behind them what is encoded otherwise."""

    origin: int = Origin.IGP
    next_hop: bytes = b""
    med: int | None = None
    local_pref: int | None = None
    communities: tuple[int, ...] = ()
    originator_id: bytes = b""
    cluster_list: tuple[bytes, ...] = ()
    extended_communities: tuple[bytes, ...] = ()
    large_communities: tuple[LargeCommunity, ...] = ()
    only_to_customer: int | None = None
    as_path: AsPath = ()
    others: tuple[RawAttribute, ...] = ()
    partial: tuple[int, ...] = ()


# Their names, in order.
FIELDS = _Fields._fields


class PathAttributes:
    """All attributes of a route. Made by `intern` or `replace` only.

    next_hop        4 or 16 octets (32 with a link-local one, RFC 2545); b"" for a route this node originates
    extended_communities   8 octets each, in the order in which they came
    only_to_customer       the AS that has set it (RFC 9234 5), None if absent
    partial         type codes of fields that came with the Partial bit, which no one may clear (RFC 4271 5)
    originator_id   4 octets, b"" if absent; cluster_list nearest cluster first
    as_path_length  as the decision process counts it: an AS_SET is one, confederation segments none
    neighbor_as     the first AS of the path, 0 of an empty one: whose MED it is
    is_long_lived_stale   LLGR_STALE is among the communities
    """

    __slots__ = ("__weakref__", "as_path_length", "fields", "is_long_lived_stale", "neighbor_as", *_Fields._fields)

    fields: _Fields
    origin: int
    next_hop: bytes
    med: int | None
    local_pref: int | None
    communities: tuple[int, ...]
    originator_id: bytes
    cluster_list: tuple[bytes, ...]
    extended_communities: tuple[bytes, ...]
    large_communities: tuple[LargeCommunity, ...]
    only_to_customer: int | None
    as_path: AsPath
    others: tuple[RawAttribute, ...]
    partial: tuple[int, ...]
    as_path_length: int
    neighbor_as: int
    is_long_lived_stale: bool

    def __init__(self, fields: _Fields) -> None:
        self.fields = fields
        (
            self.origin,
            self.next_hop,
            self.med,
            self.local_pref,
            self.communities,
            self.originator_id,
            self.cluster_list,
            self.extended_communities,
            self.large_communities,
            self.only_to_customer,
            self.as_path,
            self.others,
            self.partial,
        ) = fields
        self.as_path_length = _path_length(fields.as_path)
        self.neighbor_as = _first_as(fields.as_path)
        self.is_long_lived_stale = LLGR_STALE in fields.communities

    def replace(self, **changes: Any) -> PathAttributes:
        """The interned attributes that differ in these fields."""
        return _intern(self.fields._replace(**changes))

    def __repr__(self) -> str:
        given = {name: value for name, value in self.fields._asdict().items() if value not in ((), b"", None)}
        return f"PathAttributes({given})"


_interned: WeakValueDictionary[_Fields, PathAttributes] = WeakValueDictionary()


def _intern(fields: _Fields) -> PathAttributes:
    known = _interned.get(fields)
    if known is None:
        known = _interned[fields] = PathAttributes(fields)
    return known


def intern_attributes(**fields: Any) -> PathAttributes:
    """The one PathAttributes object with these fields (those of PathAttributes; absent ones are empty)."""
    return _intern(_Fields(**fields))


def _path_length(path: AsPath) -> int:
    length = 0
    for kind, asns in path:
        if kind == AS_SEQUENCE:
            length += len(asns)
        elif kind == AS_SET:
            length += 1
    return length


def _first_as(path: AsPath) -> int:
    for kind, asns in path:
        if kind == AS_SEQUENCE and asns:
            return asns[0]
        if kind == AS_SET:
            return 0
    return 0


def prepend_as_path(path: AsPath, asns: tuple[int, ...]) -> AsPath:
    """`asns` in front of the path; a segment holds at most 255 (RFC 4271 5.1.2)."""
    if not asns:
        return path
    if path and path[0][0] == AS_SEQUENCE and len(path[0][1]) + len(asns) <= 255:
        return ((AS_SEQUENCE, asns + path[0][1]), *path[1:])
    return ((AS_SEQUENCE, asns), *path)


def without_confederation(path: AsPath) -> AsPath:
    """Segments of a confederation mean nothing outside it, and leave it with no route (RFC 5065 5.3)."""
    return tuple(segment for segment in path if segment[0] in (AS_SET, AS_SEQUENCE))


def count_as(path: AsPath, asn: int) -> int:
    """How often `asn` stands in the path."""
    return sum(asns.count(asn) for _, asns in path)


def starts_with_as(path: AsPath, asns: tuple[int, ...]) -> bool:
    """The path's first AS numbers are exactly these, as one sequence over segments."""
    flat: tuple[int, ...] = ()
    for kind, members in path:
        if kind != AS_SEQUENCE:
            break
        flat += members
        if len(flat) >= len(asns):
            break
    return flat[: len(asns)] == asns


def format_as_path(path: AsPath) -> str:
    """As operators read it: "64512 {64513 64514}"."""
    shapes = {AS_SEQUENCE: "{}", AS_SET: "{{{}}}", AS_CONFED_SEQUENCE: "({})", AS_CONFED_SET: "[{}]"}
    return " ".join(shapes[kind].format(" ".join(map(str, asns))) for kind, asns in path)
