"""Communities as text, as values and as patterns (RFC 1997, RFC 8092, RFC 4360, RFC 5668).

    text                  value              field of PathAttributes
    aa:nn                 32 bits            communities
    aa:nn:mm              three numbers      large_communities
    rt:aa:nn  ro:aa:nn    eight octets       extended_communities

Rule: one text for one value. The administrator `aa` of an extended community chooses its type: a two-octet AS leaves 32
bits to the number, a four-octet AS or an IPv4 address 16. A small AS in the four-octet type, of which RFC 5668 advises
against, is written with an L ("rt:64512L:7"). An extended community without a name here is shown as its octets and
cannot be written. In a pattern "*" stands for any administrator or number.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from ipaddress import IPv4Address
from typing import NamedTuple

from reflector.wire.attributes import LargeCommunity, PathAttributes

Community = int | LargeCommunity | bytes

FORMS = "aa:nn, aa:nn:mm, rt:aa:nn or ro:aa:nn"
_FIELD_OF: dict[type, str] = {int: "communities", tuple: "large_communities", bytes: "extended_communities"}
_SUBTYPES = {"rt": 2, "ro": 3}
_NAMES = {subtype: name for name, subtype in _SUBTYPES.items()}
_TWO_OCTET_AS, _IPV4, _FOUR_OCTET_AS = 0, 1, 2
# In the first octet: not to leave the AS (RFC 4360 2).
_NON_TRANSITIVE = 0x40


def parse_community(text: str) -> Community:
    """The value of one of the forms above. Raises ValueError for anything else."""
    parts = text.split(":")
    try:
        if parts[0] in _SUBTYPES:
            return _extended(*parts)
        return _numbers(*map(int, parts))
    except (ValueError, TypeError, struct.error) as error:
        raise ValueError(f"{text!r} is not a community: write {FORMS}") from error


def _numbers(first: int, second: int, third: int | None = None) -> int | LargeCommunity:
    """Raises struct.error for a number that does not fit."""
    if third is None:
        return int.from_bytes(struct.pack("!HH", first, second), "big")
    struct.pack("!III", first, second, third)
    return first, second, third


def _extended(name: str, administrator: str, number: str) -> bytes:
    subtype = _SUBTYPES[name]
    if "." in administrator:
        return struct.pack("!BB4sH", _IPV4, subtype, IPv4Address(administrator).packed, int(number))
    asn = int(administrator.removesuffix("L"))
    if asn > 0xFFFF or administrator.endswith("L"):
        return struct.pack("!BBIH", _FOUR_OCTET_AS, subtype, asn, int(number))
    return struct.pack("!BBHI", _TWO_OCTET_AS, subtype, asn, int(number))


def format_community(community: Community) -> str:
    """The inverse of parse_community; "0x" and the octets for what has no text form."""
    if isinstance(community, int):
        return f"{community >> 16}:{community & 0xFFFF}"
    if isinstance(community, tuple):
        return ":".join(map(str, community))
    kind, name = community[0], _NAMES.get(community[1])
    if name is None or kind > _FOUR_OCTET_AS:
        return f"0x{community.hex()}"
    if kind == _TWO_OCTET_AS:
        asn, number = struct.unpack("!HI", community[2:])
        return f"{name}:{asn}:{number}"
    administrator, number = struct.unpack("!4sH", community[2:])
    if kind == _IPV4:
        return f"{name}:{IPv4Address(administrator)}:{number}"
    asn = int.from_bytes(administrator, "big")
    return f"{name}:{asn}{'' if asn > 0xFFFF else 'L'}:{number}"


def format_communities(attributes: PathAttributes) -> tuple[str, ...]:
    """Standard, then large, then extended communities as text."""
    given: tuple[Community, ...] = (
        *attributes.communities,
        *attributes.large_communities,
        *attributes.extended_communities,
    )
    return tuple(map(format_community, given))


class CommunityPattern(NamedTuple):
    """A community in which any part may be "*". `field` is where such communities stand."""

    field: str
    parts: tuple[str, ...]

    def matches(self, community: Community) -> bool:
        parts = format_community(community).split(":")
        if len(parts) != len(self.parts):
            return False
        return all(wanted in ("*", part) for wanted, part in zip(self.parts, parts, strict=True))

    def stands_in(self, attributes: PathAttributes) -> bool:
        return any(map(self.matches, getattr(attributes, self.field)))


@lru_cache(maxsize=1024)
def parse_pattern(text: str) -> CommunityPattern:
    """Raises ValueError for text that is no community even with numbers for its stars."""
    parts = text.split(":")
    example = parse_community(":".join("1" if part == "*" else part for part in parts))
    named = format_community(example).split(":")
    return CommunityPattern(
        _FIELD_OF[type(example)],
        tuple("*" if part == "*" else name for part, name in zip(parts, named, strict=True)),
    )


def add_community(attributes: PathAttributes, text: str) -> PathAttributes:
    """With the community added, once."""
    community = parse_community(text)
    field = _FIELD_OF[type(community)]
    present = getattr(attributes, field)
    if community in present:
        return attributes
    return attributes.replace(**{field: (*present, community)})


def remove_communities(attributes: PathAttributes, text: str) -> PathAttributes:
    """Without the communities that match the pattern."""
    pattern = parse_pattern(text)
    if not pattern.stands_in(attributes):
        return attributes
    kept = tuple(each for each in getattr(attributes, pattern.field) if not pattern.matches(each))
    return attributes.replace(**{pattern.field: kept})


def transitive(communities: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The extended communities that may be advertised to another AS (RFC 4360 6)."""
    return tuple(community for community in communities if not community[0] & _NON_TRANSITIVE)
