"""A large UPDATE as several smaller ones that mean the same, so that its work can be spread over turns.

Rule: what the message withdraws comes before what it announces, and each part that announces has all its attributes. A
message in which anything is wrong with a field of routes, or with where one ends, is left whole: what has to be done
about it is decided where it is read. Source: RFC 4271 4.3 and 9, RFC 4760 3 and 4, RFC 7911 3.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

from reflector.addresses import MAX_BITS
from reflector.plan import Family
from reflector.wire.attribute_writer import encode_attribute
from reflector.wire.attributes import EXTENDED_LENGTH, OPTIONAL, TRANSITIVE, Code
from reflector.wire.message import MAX_LENGTH, MessageType
from reflector.wire.update import FAMILY_OF_AFI, LONGEST_KEY

# Routes of one part: with path identifiers, of which each may need a path of its own, and without. The attributes are
# read with each part: one route more for so many octets of them.
ROUTES_WITH_IDENTIFIERS = 64
ROUTES = 512
_OCTETS_FOR_A_ROUTE = 8
# The shortest route has one octet, with an identifier five.
_SHORTEST = min(ROUTES, 5 * ROUTES_WITH_IDENTIFIERS)


def in_parts(messages: Iterator[tuple[int, bytes]], add_path: Collection[Family]) -> Iterator[tuple[int, bytes]]:
    """The messages, with parts in the place of UPDATEs that only extended messages can hold, if they have many path
    identifiers."""
    return _divided(messages, add_path, MAX_LENGTH, one_path_is_whole=True)


def in_small_parts(messages: Iterator[tuple[int, bytes]], add_path: Collection[Family]) -> Iterator[tuple[int, bytes]]:
    """The messages, with parts in the place of all large UPDATEs. `add_path`: the families with path identifiers."""
    return _divided(messages, add_path, _SHORTEST, one_path_is_whole=False)


def _divided(
    messages: Iterator[tuple[int, bytes]], add_path: Collection[Family], longest: int, *, one_path_is_whole: bool
) -> Iterator[tuple[int, bytes]]:
    for kind, body in messages:
        if kind == MessageType.UPDATE and len(body) > longest:
            for part in parts_of(body, add_path, one_path_is_whole=one_path_is_whole):
                yield kind, part
        else:
            yield kind, body


def parts_of(body: bytes, add_path: Collection[Family], *, one_path_is_whole: bool = False) -> list[bytes]:
    """Bodies of UPDATEs that together are this one; it alone where it is small, or is to be left whole."""
    try:
        return _Divided(body, add_path, one_path_is_whole).parts()
    except (ValueError, LookupError):
        return [body]


class _Divided:
    """The fields of routes, each in pieces of so many routes. Raises ValueError or LookupError if it is left whole."""

    def __init__(self, body: bytes, add_path: Collection[Family], one_path_is_whole: bool) -> None:
        self._body = body
        self._one_path_is_whole = one_path_is_whole
        self._add_path = add_path
        withdrawn_end = 2 + (body[0] << 8 | body[1])
        block = withdrawn_end + 2
        block_end = block + (body[withdrawn_end] << 8 | body[withdrawn_end + 1])
        if block_end > len(body):
            raise ValueError("the lengths exceed the message")
        self._multiprotocol: dict[int, bytes] = {}
        self._others = self._attributes(body[block:block_end])
        self._is_large = False
        self._withdrawn = self._pieces(body[2:withdrawn_end], 4)
        self._announced = self._pieces(body[block_end:], 4)

    def _attributes(self, block: bytes) -> bytes:
        """The block without MP_REACH_NLRI and MP_UNREACH_NLRI, which are put aside."""
        others: list[bytes] = []
        position = 0
        while position < len(block):
            flags, code = block[position], block[position + 1]
            size = 4 if flags & EXTENDED_LENGTH else 3
            start = position + size
            end = start + int.from_bytes(block[position + 2 : start], "big")
            if end > len(block):
                raise ValueError("an attribute runs past the end")
            if code not in (Code.MP_REACH_NLRI, Code.MP_UNREACH_NLRI):
                others.append(block[position:end])
            elif flags & (OPTIONAL | TRANSITIVE) != OPTIONAL or code in self._multiprotocol:
                raise ValueError("an attribute that is wrong")
            else:
                self._multiprotocol[code] = block[start:end]
            position = end
        return b"".join(others)

    def _pieces(self, field: bytes, family: Family) -> list[bytes]:
        """Of whole routes each; none for an empty field."""
        has_identifiers = family in self._add_path
        if has_identifiers and self._one_path_is_whole and family == 4 and _has_one_identifier(field):
            raise ValueError("all of it is one path")
        before, most = (4, ROUTES_WITH_IDENTIFIERS) if has_identifiers else (0, ROUTES)
        most = max(most, len(self._others) // _OCTETS_FOR_A_ROUTE)
        pieces: list[bytes] = []
        start = position = routes = 0
        while position < len(field):
            bits = field[position + before]
            position += before + 1 + (bits + 7 >> 3)
            routes += 1
            if bits > MAX_BITS[family]:
                raise ValueError("a prefix is too long")
            if routes == most:
                pieces.append(field[start:position])
                start, routes = position, 0
        if position != len(field):
            raise ValueError("the last prefix is truncated")
        if start < len(field):
            pieces.append(field[start:])
        self._is_large = self._is_large or len(pieces) > 1
        return pieces

    def _multiprotocol_pieces(self, code: Code) -> tuple[bytes, list[bytes]]:
        """What stands before the routes of this attribute, and these."""
        value = self._multiprotocol.get(code)
        if value is None:
            return b"", []
        family = FAMILY_OF_AFI[value[0] << 8 | value[1], value[2]]
        head = 3 if code == Code.MP_UNREACH_NLRI else 5 + value[3]
        if head >= len(value):
            raise ValueError("a marker, or an attribute that is wrong")
        return value[:head], self._pieces(value[head:], family)

    def parts(self) -> list[bytes]:
        unreach_head, unreach = self._multiprotocol_pieces(Code.MP_UNREACH_NLRI)
        reach_head, reach = self._multiprotocol_pieces(Code.MP_REACH_NLRI)
        others = self._others
        if not self._is_large:
            return [self._body]
        if not (self._announced or reach):
            return self._only_withdrawn(unreach_head, unreach)
        return [
            *[_update(piece, b"", b"") for piece in self._withdrawn],
            *[_update(b"", _attribute(Code.MP_UNREACH_NLRI, unreach_head + piece), b"") for piece in unreach],
            *[_update(b"", others, piece) for piece in self._announced],
            *[_update(b"", _attribute(Code.MP_REACH_NLRI, reach_head + piece) + others, b"") for piece in reach],
        ]

    def _only_withdrawn(self, unreach_head: bytes, unreach: list[bytes]) -> list[bytes]:
        """Attributes beside withdrawn routes mean nothing, but may be wrong: then they are so in the last part."""
        parts = [_update(piece, b"", b"") for piece in self._withdrawn]
        parts += [_update(b"", _attribute(Code.MP_UNREACH_NLRI, unreach_head + piece), b"") for piece in unreach]
        return [*parts, _update(b"", self._others, b"")] if self._others else parts


def _has_one_identifier(field: bytes) -> bool:
    """Nearly all of these IPv4 routes have the path identifier of the first, as those of a peer without add-path have
    where a reflector sends them on: none needs a path of its own. Not exact, and next to free."""
    return bool(field) and field.count(field[:4]) * (LONGEST_KEY[4] + 1) > len(field)


def _attribute(code: Code, value: bytes) -> bytes:
    return encode_attribute(OPTIONAL, code, value)


def _update(withdrawn: bytes, attributes: bytes, nlri: bytes) -> bytes:
    head = struct.pack("!H", len(withdrawn)) + withdrawn + struct.pack("!H", len(attributes))
    return head + attributes + nlri
