"""UPDATE messages: bytes to routes per family, and routes packed into as few messages as they need.

Rule: reading cuts the message into families and keeps NLRI as bytes; writing gives every message a full attribute
block and as many NLRI as surely fit. An error in the NLRI itself resets the session, since what follows it cannot be
found (RFC 7606 5.3); an error in the attributes turns the message's routes into withdrawals.
Source: RFC 4271 4.3 and 6.3, RFC 4760, RFC 4724 2 (End-of-RIB), RFC 7911, RFC 8950.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reflector.addresses import MAX_BITS
from reflector.plan import Family
from reflector.wire.attribute_reader import ParsedAttributes, parse_attributes
from reflector.wire.attribute_rules import Dialect
from reflector.wire.attributes import OPTIONAL, Code, PathAttributes
from reflector.wire.message import HEADER_LENGTH, MAX_LENGTH, ErrorCode, MessageType, NotificationError, message
from reflector.wire.nlri import NlriError, split_nlri, split_path_nlri

AFI: dict[Family, int] = {4: 1, 6: 2}
FAMILY_OF_AFI: dict[tuple[int, int], Family] = {(1, 1): 4, (2, 1): 6}
UNICAST = 1
PLAIN_REFRESH, BEGIN_OF_REFRESH, END_OF_REFRESH = 0, 1, 2
# RFC 4760 3, RFC 2545 3; an IPv4 route may have an IPv6 next hop (RFC 8950), not the other way round.
_NEXT_HOP_LENGTHS: dict[Family, tuple[int, ...]] = {4: (4, 16, 32), 6: (16, 32)}
# The longest key of a family, with a path identifier.
LONGEST_KEY: dict[Family, int] = {4: 4 + 5, 6: 4 + 17}
# Attribute blocks that a session remembers. Their values take ten times as many octets: a community has four on the
# wire. A block longer than an UPDATE without extended messages could hold does not repeat.
CACHED_OCTETS = 1 << 20
_LONGEST_CACHED = MAX_LENGTH


Announced = tuple[Family, PathAttributes, list[bytes]]
Withdrawn = tuple[Family, list[bytes]]


class Update(NamedTuple):
    """The content of an UPDATE. Keys are NLRI, with the path identifier in front where the family has add-path.

    announced      (family, attributes, keys)
    withdrawn      (family, keys), including routes whose attributes were malformed
    end_of_rib     the family this message marks the end of, or None
    error          why routes were treated as withdrawn, "" if none were; discarded: attributes dropped
    """

    announced: list[Announced]
    withdrawn: list[Withdrawn]
    end_of_rib: Family | None = None
    error: str = ""
    discarded: tuple[str, ...] = ()


class UpdateReader:
    """Reads the UPDATEs of one session. Remembers attribute blocks, since peers repeat them: `cached_octets` of them,
    and beyond CACHED_OCTETS it begins anew. `new_octets` are those of blocks that it did not remember, since whoever
    bounds them last looked."""

    __slots__ = ("_add_path", "_dialect", "_families", "_known", "cached_octets", "new_octets")

    def __init__(self, dialect: Dialect, families: frozenset[Family], add_path: frozenset[Family]) -> None:
        self._dialect = dialect
        self._families = families
        self._add_path = add_path
        self._known: dict[bytes, ParsedAttributes] = {}
        self.cached_octets = 0
        self.new_octets = 0

    def read(self, body: bytes) -> Update:
        """Raises NotificationError for what must reset the session."""
        withdrawn_field, block, nlri_field = _fields(body)
        if not body[4:]:
            return Update([], [], end_of_rib=4)
        withdrawn: list[Withdrawn] = []
        announced: list[Announced] = []
        if withdrawn_field:
            withdrawn.append((4, self._keys(withdrawn_field, 4)))
        if not block and not nlri_field:
            return Update(announced, withdrawn)
        parsed = self._parse(block)
        error = _error(parsed, nlri_field)
        attributes = None if error else parsed.attributes
        if nlri_field:
            _route(4, attributes, self._keys(nlri_field, 4), announced, withdrawn)
        end_of_rib = self._unreach(parsed, withdrawn)
        if parsed.reach is not None:
            self._reach(parsed.reach, attributes, announced, withdrawn)
        return Update(announced, withdrawn, end_of_rib, error, parsed.discarded)

    def _parse(self, block: bytes) -> ParsedAttributes:
        known = self._known.get(block)
        if known is not None:
            return known
        parsed = parse_attributes(block, self._dialect)
        self.new_octets += len(block)
        # A block with MP_REACH_NLRI holds routes: an identical one is unlikely.
        if parsed.reach is None and parsed.unreach is None and len(block) <= _LONGEST_CACHED:
            self._remember(block, parsed)
        return parsed

    def _remember(self, block: bytes, parsed: ParsedAttributes) -> None:
        if self.cached_octets + len(block) > CACHED_OCTETS:
            self._known.clear()
            self.cached_octets = 0
        self._known[block] = parsed
        self.cached_octets += len(block)

    def _keys(self, field: bytes, family: Family) -> list[bytes]:
        try:
            if family in self._add_path:
                return split_path_nlri(field, MAX_BITS[family])
            return split_nlri(field, MAX_BITS[family])
        except NlriError as error:
            raise NotificationError(ErrorCode.UPDATE_MESSAGE, 10, f"invalid network field: {error}") from error

    def _unreach(self, parsed: ParsedAttributes, withdrawn: list[Withdrawn]) -> Family | None:
        """MP_UNREACH_NLRI of a negotiated family; others are ignored (RFC 4760 6). The family whose end it marks."""
        if parsed.unreach is None:
            return None
        family = _family(parsed.unreach)
        if family not in self._families:
            return None
        keys = self._keys(parsed.unreach[3:], family)
        if keys:
            withdrawn.append((family, keys))
        return None if keys or parsed.reach is not None else family

    def _reach(
        self,
        reach: bytes,
        attributes: PathAttributes | None,
        announced: list[Announced],
        withdrawn: list[Withdrawn],
    ) -> None:
        """MP_REACH_NLRI of a negotiated family."""
        family = _family(reach)
        if family in self._families:
            next_hop, field = _next_hop(reach, family)
            if attributes is not None:
                attributes = attributes.replace(next_hop=next_hop)
            _route(family, attributes, self._keys(field, family), announced, withdrawn)


def _route(
    family: Family,
    attributes: PathAttributes | None,
    keys: list[bytes],
    announced: list[Announced],
    withdrawn: list[Withdrawn],
) -> None:
    """Reachable NLRI; without attributes they are treated as withdrawn (RFC 7606 2)."""
    if attributes is None:
        withdrawn.append((family, keys))
    else:
        announced.append((family, attributes, keys))


def _error(parsed: ParsedAttributes, nlri_field: bytes) -> str:
    """Why the message's routes are to be treated as withdrawn, "" if they are not. Raises NotificationError where an
    error may have hidden which routes these are (RFC 7606 5.2)."""
    if not nlri_field and parsed.reach is None:
        if parsed.error:
            raise NotificationError(ErrorCode.UPDATE_MESSAGE, 1, f"no reachable routes, but {parsed.error}")
        return ""
    error = parsed.error or parsed.missing
    if not error and nlri_field and not (parsed.attributes and parsed.attributes.next_hop):
        error = "mandatory attribute NEXT_HOP is missing"
    return error


def _fields(body: bytes) -> tuple[bytes, bytes, bytes]:
    """Withdrawn routes, path attributes, NLRI. Raises NotificationError if the lengths do not add up."""
    withdrawn_end = 2 + (body[0] << 8 | body[1])
    if withdrawn_end + 2 <= len(body):
        attributes_end = withdrawn_end + 2 + (body[withdrawn_end] << 8 | body[withdrawn_end + 1])
        if attributes_end <= len(body):
            return body[2:withdrawn_end], body[withdrawn_end + 2 : attributes_end], body[attributes_end:]
    raise NotificationError(ErrorCode.UPDATE_MESSAGE, 1, "malformed attribute list: the lengths exceed the message")


def _family(value: bytes) -> Family | None:
    if len(value) < 3:
        raise NotificationError(ErrorCode.UPDATE_MESSAGE, 9, "a multiprotocol attribute is truncated")
    return FAMILY_OF_AFI.get((value[0] << 8 | value[1], value[2]))


def _next_hop(reach: bytes, family: Family) -> tuple[bytes, bytes]:
    """Next hop and NLRI field of an MP_REACH_NLRI (RFC 4760 3; the octet between them is reserved)."""
    length = reach[3] if len(reach) > 3 else 0
    if length not in _NEXT_HOP_LENGTHS[family] or 5 + length > len(reach):
        raise NotificationError(ErrorCode.UPDATE_MESSAGE, 9, f"MP_REACH_NLRI has a next hop of {length} octets")
    return reach[4 : 4 + length], reach[5 + length :]


# ------------------------------------------------------------------------------------------ encoding


def room_for_routes(family: Family, block_length: int, next_hop: bytes, max_length: int) -> int:
    """How many octets of keys one message holds beside an attribute block; below LONGEST_KEY not every route fits."""
    room = max_length - HEADER_LENGTH - 4 - block_length
    return room if family == 4 and len(next_hop) == 4 else room - 4 - 5 - len(next_hop)


def announcements(
    family: Family, block: bytes, next_hop: bytes, keys: Sequence[bytes], max_length: int
) -> Iterator[bytes]:
    """UPDATEs for these keys. `block` comes from encode_attributes; an IPv4 route with a four-octet next hop has
    it there, everything else goes into MP_REACH_NLRI. Each key must fit (room_for_routes)."""
    room = room_for_routes(family, len(block), next_hop, max_length)
    if family == 4 and len(next_hop) == 4:
        head = struct.pack("!HH", 0, len(block)) + block
        for field in _fill(keys, room):
            yield message(MessageType.UPDATE, head + field)
        return
    reach = struct.pack("!HBB", AFI[family], UNICAST, len(next_hop)) + next_hop + b"\0"
    for field in _fill(keys, room):
        value = reach + field
        attribute = struct.pack("!BBH", OPTIONAL | 0x10, Code.MP_REACH_NLRI, len(value)) + value
        body = struct.pack("!HH", 0, len(attribute) + len(block)) + attribute + block
        yield message(MessageType.UPDATE, body)


def withdrawals(family: Family, keys: Sequence[bytes], max_length: int) -> Iterator[bytes]:
    """UPDATEs that withdraw these keys."""
    if family == 4:
        for field in _fill(keys, max_length - HEADER_LENGTH - 4):
            yield message(MessageType.UPDATE, struct.pack("!H", len(field)) + field + b"\0\0")
        return
    for field in _fill(keys, max_length - HEADER_LENGTH - 4 - 7):
        value = struct.pack("!HB", AFI[family], UNICAST) + field
        attribute = struct.pack("!BBH", OPTIONAL | 0x10, Code.MP_UNREACH_NLRI, len(value)) + value
        yield message(MessageType.UPDATE, struct.pack("!HH", 0, len(attribute)) + attribute)


def end_of_rib(family: Family) -> bytes:
    """RFC 4724 2."""
    if family == 4:
        return message(MessageType.UPDATE, b"\0\0\0\0")
    attribute = struct.pack("!BBBHB", OPTIONAL, Code.MP_UNREACH_NLRI, 3, AFI[family], UNICAST)
    return message(MessageType.UPDATE, struct.pack("!HH", 0, len(attribute)) + attribute)


def route_refresh(family: Family, subtype: int) -> bytes:
    """A ROUTE-REFRESH message. PLAIN_REFRESH asks for the family's routes (RFC 2918 3); the other subtypes mark begin
    and end of what answers one (RFC 7313 3.2)."""
    return message(MessageType.ROUTE_REFRESH, struct.pack("!HBB", AFI[family], subtype, UNICAST))


def _fill(keys: Sequence[bytes], room: int) -> Iterator[bytes]:
    """Fields of whole keys of at most `room` octets each."""
    field = b"".join(keys)
    if len(field) <= room:
        yield field
        return
    longest = max(map(len, keys))
    count = room // longest
    for start in range(0, len(keys), count):
        yield b"".join(keys[start : start + count])
