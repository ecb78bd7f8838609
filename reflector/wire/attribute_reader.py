"""Path attribute bytes to values, with every error answered as RFC 7606 asks.

Rule: one table has for each attribute its flags, the length it may have, and what a malformed one costs:
the attribute (discard), the routes (treat as withdraw) or the session (reset, as NotificationError). The first copy of
a repeated attribute counts; a repeated MP_REACH_NLRI or MP_UNREACH_NLRI resets.
Wrong flags always cost the routes (RFC 7606 3 c).
Source: RFC 7606 3 to 7, RFC 7607 (AS 0), RFC 4271 5 and 6.3, RFC 6793 4 (AS4_PATH), RFC 4760 3, RFC 9234 5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from reflector.wire.attribute_writer import encode_attribute
from reflector.wire.attributes import (
    AS_CONFED_SEQUENCE,
    AS_CONFED_SET,
    AS_SEQUENCE,
    AS_SET,
    EXTENDED_LENGTH,
    OPTIONAL,
    PARTIAL,
    TRANSITIVE,
    AsPath,
    Code,
    PathAttributes,
    RawAttribute,
    intern_attributes,
)
from reflector.wire.message import ErrorCode, NotificationError
from reflector.wire.two_octet_as import restore_aggregator, restore_path


class Penalty(Enum):
    """What a malformed attribute costs (RFC 7606 2)."""

    DISCARD = "attribute discard"
    WITHDRAW = "treat as withdraw"
    RESET = "session reset"


class MalformedError(ValueError):
    """An attribute's value does not fit its type."""


class ParsedAttributes(NamedTuple):
    """What an attribute block means.

    attributes   None when its routes are to be treated as withdrawn, for `error`
    missing      mandatory attributes that are absent: an error only for a message with reachable routes
    reach        MP_REACH_NLRI's value, unreach MP_UNREACH_NLRI's; None if absent
    discarded    why attributes were dropped, one text each
    """

    attributes: PathAttributes | None
    error: str = ""
    missing: str = ""
    reach: bytes | None = None
    unreach: bytes | None = None
    discarded: tuple[str, ...] = ()


class Dialect(NamedTuple):
    """How a session's attribute blocks are to be read."""

    four_octet_as: bool
    external: bool


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


class _Rule(NamedTuple):
    """One attribute: its flags, length (exact, or multiple of when `many`), cost of an error, reader and field.
    `internal`: ignored, error or not, when it comes from an external peer (RFC 7606 7.5, 7.9, 7.10)."""

    flags: int
    length: int
    penalty: Penalty
    field: str = ""
    read: Callable[[bytes, Dialect], Any] = _octets
    many: bool = False
    internal: bool = False

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
_RULES: dict[int, _Rule] = {
    Code.ORIGIN: _Rule(_WELL_KNOWN, 1, Penalty.WITHDRAW, "origin", _origin),
    Code.AS_PATH: _Rule(_WELL_KNOWN, 0, Penalty.WITHDRAW, "as_path", _as_path, many=True),
    Code.NEXT_HOP: _Rule(_WELL_KNOWN, 4, Penalty.WITHDRAW, "next_hop", _next_hop),
    Code.MULTI_EXIT_DISC: _Rule(OPTIONAL, 4, Penalty.WITHDRAW, "med", _number),
    Code.LOCAL_PREF: _Rule(_WELL_KNOWN, 4, Penalty.WITHDRAW, "local_pref", _number, internal=True),
    Code.ATOMIC_AGGREGATE: _Rule(_WELL_KNOWN, 0, Penalty.DISCARD),
    Code.AGGREGATOR: _Rule(_OPTIONAL_TRANSITIVE, 0, Penalty.DISCARD, read=_aggregator, many=True),
    Code.COMMUNITIES: _Rule(_OPTIONAL_TRANSITIVE, 4, Penalty.WITHDRAW, "communities", _communities, many=True),
    Code.ORIGINATOR_ID: _Rule(OPTIONAL, 4, Penalty.WITHDRAW, "originator_id", _octets, internal=True),
    Code.CLUSTER_LIST: _Rule(OPTIONAL, 4, Penalty.WITHDRAW, "cluster_list", _clusters, many=True, internal=True),
    Code.EXTENDED_COMMUNITIES: _Rule(
        _OPTIONAL_TRANSITIVE, 8, Penalty.WITHDRAW, "extended_communities", _extended_communities, many=True
    ),
    Code.AS4_PATH: _Rule(_OPTIONAL_TRANSITIVE, 0, Penalty.DISCARD, "as4_path", _as4_path, many=True),
    Code.AS4_AGGREGATOR: _Rule(_OPTIONAL_TRANSITIVE, 8, Penalty.DISCARD),
    Code.LARGE_COMMUNITIES: _Rule(
        _OPTIONAL_TRANSITIVE, 12, Penalty.WITHDRAW, "large_communities", _large_communities, many=True
    ),
    Code.ONLY_TO_CUSTOMER: _Rule(_OPTIONAL_TRANSITIVE, 4, Penalty.WITHDRAW, "only_to_customer", _number),
}
_MULTIPROTOCOL = (Code.MP_REACH_NLRI, Code.MP_UNREACH_NLRI)
_CONFEDERATION = (AS_CONFED_SEQUENCE, AS_CONFED_SET)
_FLAGS = OPTIONAL | TRANSITIVE
# Extended length is a matter of encoding, the lower four bits are to be ignored (RFC 4271 4.3).
_KNOWN_FLAGS = OPTIONAL | TRANSITIVE | PARTIAL


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


def parse_attributes(block: bytes, dialect: Dialect) -> ParsedAttributes:
    """Read a path attribute block. Raises NotificationError for what must reset the session."""
    return _BlockReader(dialect).read(block)


class _BlockReader:
    """Reads one block: `fields` of PathAttributes, `others` carried as they are, and what went wrong."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.fields: dict[str, Any] = {}
        self.others: list[RawAttribute] = []
        self.partial: list[int] = []
        self.multiprotocol: dict[int, bytes] = {}
        self.errors: list[str] = []
        self.discarded: list[str] = []
        self.seen: set[int] = set()

    def read(self, block: bytes) -> ParsedAttributes:
        position, end = 0, len(block)
        while position < end:
            flags, code, start, after = _attribute_header(block, position)
            if after > end:
                self.errors.append(f"attribute {code} runs past the end of the attributes")
                break
            self._attribute(RawAttribute(flags, code, block[start:after]))
            position = after
        missing = self._missing()
        return ParsedAttributes(
            None if self.errors else self._attributes(),
            "; ".join(self.errors),
            missing,
            self.multiprotocol.get(Code.MP_REACH_NLRI),
            self.multiprotocol.get(Code.MP_UNREACH_NLRI),
            tuple(self.discarded),
        )

    def _attributes(self) -> PathAttributes:
        self._restore_as_numbers()
        self.others.sort(key=lambda raw: raw.code)
        return intern_attributes(**self.fields, others=tuple(self.others), partial=tuple(sorted(self.partial)))

    def _restore_as_numbers(self) -> None:
        """From a four-octet peer AS4_PATH and AS4_AGGREGATOR mean nothing (RFC 6793 4.1)."""
        tail = self.fields.pop("as4_path", ())
        others, tail_counts = restore_aggregator(self.others)
        if self.dialect.four_octet_as:
            others = [raw for raw in self.others if raw.code != Code.AS4_AGGREGATOR]
        elif tail and tail_counts and "as_path" in self.fields:
            self.fields["as_path"] = restore_path(self.fields["as_path"], tail)
        self.others = others

    def _attribute(self, raw: RawAttribute) -> None:
        code = raw.code
        if code in _MULTIPROTOCOL:
            if code in self.multiprotocol:
                raise NotificationError(ErrorCode.UPDATE_MESSAGE, 1, f"attribute {code} appears twice")
            if raw.flags & _FLAGS != OPTIONAL:
                self.errors.append(f"{Code(code).name} has flags {raw.flags:#04x}")
            self.multiprotocol[code] = raw.value
        elif code in self.seen:
            self.discarded.append(f"attribute {code} appears twice")
        else:
            self.seen.add(code)
            rule = _RULES.get(code)
            if rule is None:
                self._unknown(raw)
            elif rule.internal and self.dialect.external:
                self.discarded.append(f"{Code(code).name} from an external peer")
            else:
                self._known(raw, rule)

    def _known(self, raw: RawAttribute, rule: _Rule) -> None:
        if raw.flags & _FLAGS != rule.flags:
            self.errors.append(f"{Code(raw.code).name} has flags {raw.flags:#04x}")
            return
        try:
            if not rule.fits(len(raw.value)):
                raise MalformedError(f"{Code(raw.code).name} has length {len(raw.value)}")
            value = rule.read(raw.value, self.dialect)
            if rule.field:
                self.fields[rule.field] = value
                if raw.flags & PARTIAL and rule.stays_partial:
                    self.partial.append(raw.code)
            else:
                self.others.append(raw._replace(value=value))
        except MalformedError as error:
            (self.discarded if rule.penalty is Penalty.DISCARD else self.errors).append(str(error))

    def _unknown(self, raw: RawAttribute) -> None:
        """RFC 4271 5 and 6.3: unknown well-known resets, unknown transitive travels on, others end here."""
        if not raw.flags & OPTIONAL:
            reason = f"unrecognised well-known attribute {raw.code}"
            raise NotificationError(ErrorCode.UPDATE_MESSAGE, 2, reason, encode_attribute(*raw))
        if raw.flags & TRANSITIVE:
            self.others.append(RawAttribute(raw.flags | PARTIAL, raw.code, raw.value))

    def _missing(self) -> str:
        """RFC 7606 3 d. Whether NEXT_HOP is needed depends on the UPDATE's NLRI, and is checked there."""
        wanted = ("origin", "as_path") if self.dialect.external else ("origin", "as_path", "local_pref")
        missing = [name.upper() for name in wanted if name not in self.fields]
        return f"mandatory attribute {', '.join(missing)} is missing" if missing else ""


def _attribute_header(block: bytes, position: int) -> tuple[int, int, int, int]:
    """(flags, type code, start of the value, end of the value); a truncated header ends past the block."""
    if position + 3 > len(block):
        return 0, 0, position, len(block) + 1
    flags, code = block[position], block[position + 1]
    if not flags & EXTENDED_LENGTH:
        return flags & _KNOWN_FLAGS, code, position + 3, position + 3 + block[position + 2]
    if position + 4 > len(block):
        return flags, code, position, len(block) + 1
    length = block[position + 2] << 8 | block[position + 3]
    return flags & _KNOWN_FLAGS, code, position + 4, position + 4 + length
