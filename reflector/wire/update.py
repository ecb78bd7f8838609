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

from reflector.plan import Family
from reflector.wire.attribute_reader import Dialect, ParsedAttributes, parse_attributes
from reflector.wire.attributes import OPTIONAL, Code, PathAttributes
from reflector.wire.message import HEADER_LENGTH, ErrorCode, MessageType, NotificationError, message
from reflector.wire.nlri import MAX_BITS, NlriError, split_nlri, split_path_nlri

AFI: dict[Family, int] = {4: 1, 6: 2}
FAMILY_OF_AFI: dict[tuple[int, int], Family] = {(1, 1): 4, (2, 1): 6}
UNICAST = 1
_NEXT_HOP_LENGTHS = (4, 16, 32)
_CACHED_BLOCKS = 1 << 16


class Update(NamedTuple):
    """What an UPDATE says. Keys are NLRI, with the path identifier in front where the family has add-path.

    announced      (family, attributes, keys)
    withdrawn      (family, keys), including routes whose attributes were malformed
    end_of_rib     the family this message marks the end of, or None
    error          why routes were treated as withdrawn, "" if none were; discarded: attributes dropped
    """

    announced: list[tuple[Family, PathAttributes, list[bytes]]]
    withdrawn: list[tuple[Family, list[bytes]]]
    end_of_rib: Family | None = None
    error: str = ""
    discarded: tuple[str, ...] = ()


class UpdateReader:
    """Reads the UPDATEs of one session. Remembers attribute blocks, since peers repeat them."""

    def __init__(self, dialect: Dialect, families: frozenset[Family], add_path: frozenset[Family]) -> None:
        self._dialect = dialect
        self._families = families
        self._add_path = add_path
        self._known: dict[bytes, ParsedAttributes] = {}

    def read(self, body: bytes) -> Update:
        """Raises NotificationError for what must reset the session."""
        withdrawn_field, block, nlri_field = _fields(body)
        if not body[4:]:
            return Update([], [], end_of_rib=4)
        withdrawn: list[tuple[Family, list[bytes]]] = []
        announced: list[tuple[Family, PathAttributes, list[bytes]]] = []
        if withdrawn_field:
            withdrawn.append((4, self._keys(withdrawn_field, 4)))
        if not block:
            if nlri_field:
                raise NotificationError(ErrorCode.UPDATE_MESSAGE, 3, "routes without any attribute", b"\x01")
            return Update(announced, withdrawn)
        parsed = self._parse(block)
        error = parsed.error
        if nlri_field:
            keys = self._keys(nlri_field, 4)
            if parsed.attributes is not None and not parsed.attributes.next_hop:
                error = "mandatory attribute NEXT_HOP is missing"
            if error or parsed.attributes is None:
                withdrawn.append((4, keys))
            else:
                announced.append((4, parsed.attributes, keys))
        end_of_rib = self._multiprotocol(parsed, announced, withdrawn)
        return Update(announced, withdrawn, end_of_rib, error, parsed.discarded)

    def _parse(self, block: bytes) -> ParsedAttributes:
        known = self._known.get(block)
        if known is not None:
            return known
        parsed = parse_attributes(block, self._dialect)
        # A block with MP_REACH_NLRI holds routes: it will hardly come again.
        if parsed.reach is None and parsed.unreach is None:
            if len(self._known) >= _CACHED_BLOCKS:
                self._known.clear()
            self._known[block] = parsed
        return parsed

    def _keys(self, field: bytes, family: Family) -> list[bytes]:
        try:
            if family in self._add_path:
                return split_path_nlri(field, MAX_BITS[family])
            return split_nlri(field, MAX_BITS[family])
        except NlriError as error:
            raise NotificationError(ErrorCode.UPDATE_MESSAGE, 10, f"invalid network field: {error}") from error

    def _multiprotocol(
        self,
        parsed: ParsedAttributes,
        announced: list[tuple[Family, PathAttributes, list[bytes]]],
        withdrawn: list[tuple[Family, list[bytes]]],
    ) -> Family | None:
        """MP_UNREACH_NLRI and MP_REACH_NLRI of negotiated families; others are ignored (RFC 4760 6)."""
        end_of_rib = None
        if parsed.unreach is not None:
            family = _family(parsed.unreach)
            if family in self._families:
                keys = self._keys(parsed.unreach[3:], family)
                if keys:
                    withdrawn.append((family, keys))
                elif parsed.attributes is not None and parsed.reach is None:
                    end_of_rib = family
        if parsed.reach is not None:
            family = _family(parsed.reach)
            if family in self._families:
                next_hop, field = _next_hop(parsed.reach)
                keys = self._keys(field, family)
                if parsed.attributes is None:
                    withdrawn.append((family, keys))
                else:
                    announced.append((family, parsed.attributes.replace(next_hop=next_hop), keys))
        return end_of_rib


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


def _next_hop(reach: bytes) -> tuple[bytes, bytes]:
    """Next hop and NLRI field of an MP_REACH_NLRI (RFC 4760 3; the octet between them is reserved)."""
    length = reach[3] if len(reach) > 3 else 0
    if length not in _NEXT_HOP_LENGTHS or 5 + length > len(reach):
        raise NotificationError(ErrorCode.UPDATE_MESSAGE, 9, f"MP_REACH_NLRI has a next hop of {length} octets")
    return reach[4 : 4 + length], reach[5 + length :]


# ------------------------------------------------------------------------------------------ encoding


def announcements(
    family: Family, block: bytes, next_hop: bytes, keys: Sequence[bytes], max_length: int
) -> Iterator[bytes]:
    """UPDATEs for these keys. `block` comes from encode_attributes; an IPv4 route with a four-octet next hop has
    it there, everything else goes into MP_REACH_NLRI."""
    if family == 4 and len(next_hop) == 4:
        room = max_length - HEADER_LENGTH - 4 - len(block)
        head = struct.pack("!HH", 0, len(block)) + block
        for field in _fill(keys, room):
            yield message(MessageType.UPDATE, head + field)
        return
    reach = struct.pack("!HBB", AFI[family], UNICAST, len(next_hop)) + next_hop + b"\0"
    room = max_length - HEADER_LENGTH - 4 - len(block) - 4 - len(reach)
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


def _fill(keys: Sequence[bytes], room: int) -> Iterator[bytes]:
    """Fields of whole keys of at most `room` octets each."""
    field = b"".join(keys)
    if len(field) <= room:
        yield field
        return
    longest = max(map(len, keys))
    count = max(room // longest, 1)
    for start in range(0, len(keys), count):
        yield b"".join(keys[start : start + count])
