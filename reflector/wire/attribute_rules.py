"""What each path attribute may be on the wire, and what a malformed one costs (RFC 7606).

Rule: one table has for each attribute its flags, the length it may have, how its value is read, and whether a malformed
one costs the attribute (discard), its routes (treat as withdraw) or the session (reset).
Source: RFC 7606 7, RFC 7607 (AS 0), RFC 4271 4.3 and 5, RFC 6793 4 (AS4_PATH), RFC 8092 5, RFC 9234 5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from reflector.wire.attributes import (
    AS_CONFED_SEQUENCE,
    AS_CONFED_SET,
    AS_SEQUENCE,
    AS_SET,
    OPTIONAL,
    PARTIAL,
    TRANSITIVE,
    AsPath,
    Code,
)


class Penalty(Enum):
    """What a malformed attribute costs (RFC 7606 2)."""

    DISCARD = "attribute discard"
    WITHDRAW = "treat as withdraw"
    RESET = "session reset"


class MalformedError(ValueError):
    """An attribute's value does not fit its type. `penalty` where it is another one than its rule has."""

    def __init__(self, text: str, penalty: Penalty | None = None) -> None:
        super().__init__(text)
        self.penalty = penalty


class Dialect(NamedTuple):
    """How a session's attribute blocks are to be read. `discarded` are type codes that its peer may not send."""

    four_octet_as: bool
    external: bool
    discarded: frozenset[int] = frozenset()


def _origin(value: bytes, _: Dialect) -> int:
    if value not in (b"\x00", b"\x01", b"\x02"):
        raise MalformedError(f"ORIGIN {value.hex()}")
    return value[0]


def _as_path(value: bytes, dialect: Dialect) -> AsPath:
    path = parse_as_path(value, 4 if dialect.four_octet_as else 2)
    if dialect.external and any(kind in _CONFEDERATION for kind, _ in path):
        raise MalformedError("AS_PATH of an external peer has confederation segments")  # RFC 5065 5.3
    return path


def _as4_path(value: bytes, _: Dialect) -> AsPath:
    return tuple(segment for segment in parse_as_path(value, 4) if segment[0] not in _CONFEDERATION)


def _aggregator(value: bytes, dialect: Dialect) -> bytes:
    """With the AS number in four octets whatever the session has (RFC 7606 7.7)."""
    if len(value) != (8 if dialect.four_octet_as else 6):
        raise MalformedError(f"AGGREGATOR has length {len(value)}")
    wide = value if dialect.four_octet_as else b"\0\0" + value
    if wide[:4] == b"\0\0\0\0":
        raise MalformedError("AGGREGATOR has AS 0")
    return wide


def _next_hop(value: bytes, _: Dialect) -> bytes:
    if value in (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff"):
        raise MalformedError("NEXT_HOP is no host address")
    return value


def _number(value: bytes, _: Dialect) -> int:
    return int.from_bytes(value, "big")


def _communities(value: bytes, _: Dialect) -> tuple[int, ...]:
    return struct.unpack(f"!{len(value) // 4}I", value)


def _large_communities(value: bytes, _: Dialect) -> tuple[tuple[int, int, int], ...]:
    """Duplicates are dropped as RFC 8092 5 asks."""
    return tuple(dict.fromkeys(struct.iter_unpack("!III", value)))


def _extended_communities(value: bytes, _: Dialect) -> tuple[bytes, ...]:
    return tuple(value[start : start + 8] for start in range(0, len(value), 8))


def _octets(value: bytes, _: Dialect) -> bytes:
    return value


def _clusters(value: bytes, _: Dialect) -> tuple[bytes, ...]:
    return tuple(value[start : start + 4] for start in range(0, len(value), 4))


class Rule(NamedTuple):
    """One attribute: its flags, length (exact, or multiple of when `many`), cost of an error, reader and field.
    `internal`: ignored, error or not, when it comes from an external peer (RFC 7606 7.5, 7.9, 7.10). `opaque`: its form
    is checked, but it is not understood, and so leaves with the Partial bit (RFC 4271 5)."""

    flags: int
    length: int
    penalty: Penalty
    field: str = ""
    read: Callable[[bytes, Dialect], Any] = _octets
    many: bool = False
    internal: bool = False
    opaque: bool = False

    def flags_of(self, received: int) -> int:
        """Of the attribute where it travels on: a peer's Partial bit out of place ends no session behind us."""
        return self.flags | (PARTIAL if self.opaque or (received & PARTIAL and self.stays_partial) else 0)

    @property
    def stays_partial(self) -> bool:
        """It travels on, with the Partial bit that it came with (RFC 4271 5). Every speaker writes AS4_PATH anew."""
        return self.flags == _OPTIONAL_TRANSITIVE and self.field != "as4_path"

    def fits(self, length: int) -> bool:
        if not self.many:
            return length == self.length
        return self.length == 0 or (length > 0 and length % self.length == 0)


_WELL_KNOWN = TRANSITIVE
_OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE

# RFC 7606 7, attribute by attribute. Length 0 with `many` is any length.
RULES: dict[int, Rule] = {
    Code.ORIGIN: Rule(_WELL_KNOWN, 1, Penalty.WITHDRAW, "origin", _origin),
    Code.AS_PATH: Rule(_WELL_KNOWN, 0, Penalty.WITHDRAW, "as_path", _as_path, many=True),
    Code.NEXT_HOP: Rule(_WELL_KNOWN, 4, Penalty.WITHDRAW, "next_hop", _next_hop),
    Code.MULTI_EXIT_DISC: Rule(OPTIONAL, 4, Penalty.WITHDRAW, "med", _number),
    Code.LOCAL_PREF: Rule(_WELL_KNOWN, 4, Penalty.WITHDRAW, "local_pref", _number, internal=True),
    Code.ATOMIC_AGGREGATE: Rule(_WELL_KNOWN, 0, Penalty.DISCARD),
    Code.AGGREGATOR: Rule(_OPTIONAL_TRANSITIVE, 0, Penalty.DISCARD, read=_aggregator, many=True),
    Code.COMMUNITIES: Rule(_OPTIONAL_TRANSITIVE, 4, Penalty.WITHDRAW, "communities", _communities, many=True),
    Code.ORIGINATOR_ID: Rule(OPTIONAL, 4, Penalty.WITHDRAW, "originator_id", _octets, internal=True),
    Code.CLUSTER_LIST: Rule(OPTIONAL, 4, Penalty.WITHDRAW, "cluster_list", _clusters, many=True, internal=True),
    Code.EXTENDED_COMMUNITIES: Rule(
        _OPTIONAL_TRANSITIVE, 8, Penalty.WITHDRAW, "extended_communities", _extended_communities, many=True
    ),
    Code.AS4_PATH: Rule(_OPTIONAL_TRANSITIVE, 0, Penalty.DISCARD, "as4_path", _as4_path, many=True),
    Code.AS4_AGGREGATOR: Rule(_OPTIONAL_TRANSITIVE, 8, Penalty.DISCARD),
    Code.LARGE_COMMUNITIES: Rule(
        _OPTIONAL_TRANSITIVE, 12, Penalty.WITHDRAW, "large_communities", _large_communities, many=True
    ),
    Code.ONLY_TO_CUSTOMER: Rule(_OPTIONAL_TRANSITIVE, 4, Penalty.WITHDRAW, "only_to_customer", _number),
}
_CONFEDERATION = (AS_CONFED_SEQUENCE, AS_CONFED_SET)


def parse_as_path(value: bytes, width: int) -> AsPath:
    """An AS_PATH with AS numbers of `width` octets. Raises MalformedError (RFC 7606 7.2)."""
    segments = []
    position, end = 0, len(value)
    while position < end:
        if position + 2 > end:
            raise MalformedError("AS_PATH: a segment header is truncated")
        kind, count = value[position], value[position + 1]
        after = position + 2 + count * width
        if kind not in (AS_SET, AS_SEQUENCE, AS_CONFED_SEQUENCE, AS_CONFED_SET) or not count or after > end:
            raise MalformedError(f"AS_PATH: bad segment of type {kind} with {count} AS numbers")
        asns = struct.unpack_from(f"!{count}{'I' if width == 4 else 'H'}", value, position + 2)
        if 0 in asns:
            raise MalformedError("AS_PATH has AS 0")  # RFC 7607 2
        segments.append((kind, asns))
        position = after
    return tuple(segments)
