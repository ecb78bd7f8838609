"""Attributes that mean nothing to unicast routes and travel through: only their form is checked.

Rule: what is passed on unchecked resets sessions further on, where it is checked. So an attribute whose form is a
standard is read far enough to find out whether it is well-formed, and a malformed one costs what its RFC says.
Attributes that are optional non-transitive by definition end here, also if they come with the Transitive bit.

    22  PMSI_TUNNEL                treat as withdraw   RFC 6514 5: five octets at least, and a known tunnel end
    23  TUNNEL_ENCAPSULATION       treat as withdraw   RFC 9012 13: TLVs that end with their last sub-TLV; none: discard
    25  IPV6_EXTENDED_COMMUNITIES  treat as withdraw   RFC 7606 7.15: 20 octets each
    40  PREFIX_SID                 discard             RFC 8669 6: TLVs, of the length that their type has
    128 ATTR_SET                   treat as withdraw   RFC 7606 7.16: an AS and attributes
    24, 26, 29, 33                 discard             RFC 5543, RFC 7311 3.1, RFC 9552, RFC 8205: never transitive
"""

from __future__ import annotations

from collections.abc import Iterator

from reflector.wire.attribute_rules import Dialect, MalformedError, Penalty, Rule
from reflector.wire.attributes import OPTIONAL, TRANSITIVE, Code

NEVER_TRANSITIVE = frozenset((Code.TRAFFIC_ENGINEERING, Code.AIGP, Code.BGP_LS, Code.BGPSEC_PATH))

_OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE
_INGRESS_REPLICATION = 6
# The end of an ingress replication tunnel is one address; a label and flags are before it.
_INGRESS_LENGTHS = (9, 21)
# Label-Index, IPv6 SID, and Originator SRGB, which has flags and ranges of six octets.
_LABEL_INDEX, _ORIGINATOR_SRGB = 1, 3
_SID_LENGTHS = {_LABEL_INDEX: 7, 2: 19, 4: 19}


def _pmsi_tunnel(value: bytes, _: Dialect) -> bytes:
    if len(value) < 5:
        raise MalformedError(f"PMSI_TUNNEL has length {len(value)}")
    if value[1] == _INGRESS_REPLICATION and len(value) not in _INGRESS_LENGTHS:
        raise MalformedError("PMSI_TUNNEL: the tunnel's end is no address")
    return value


def _tunnel_encapsulation(value: bytes, _: Dialect) -> bytes:
    if not value:
        raise MalformedError("TUNNEL_ENCAPSULATION has no tunnel", Penalty.DISCARD)
    for _kind, tunnel in _tlvs(value, type_octets=2):
        position = 0
        while position < len(tunnel):
            header = 2 if tunnel[position] < 128 else 3
            if position + header > len(tunnel):
                raise MalformedError("TUNNEL_ENCAPSULATION: a sub-TLV is truncated")
            position += header + int.from_bytes(tunnel[position + 1 : position + header], "big")
        if position != len(tunnel):
            raise MalformedError("TUNNEL_ENCAPSULATION: a sub-TLV runs past its tunnel")
    return value


def _prefix_sid(value: bytes, _: Dialect) -> bytes:
    if not value:
        raise MalformedError("PREFIX_SID is empty")
    for kind, content in _tlvs(value, type_octets=1):
        length = len(content)
        ranges = kind == _ORIGINATOR_SRGB and (length < 8 or length % 6 != 2)
        if ranges or length != _SID_LENGTHS.get(kind, length):
            raise MalformedError(f"PREFIX_SID: a TLV of type {kind} has length {length}")
    return value


def _attr_set(value: bytes, _: Dialect) -> bytes:
    if len(value) < 4:
        raise MalformedError(f"ATTR_SET has length {len(value)}")
    return value


def _tlvs(value: bytes, type_octets: int) -> Iterator[tuple[int, bytes]]:
    """TLVs with two octets of length. Raises MalformedError if they do not end where the value ends."""
    position, header = 0, type_octets + 2
    while position < len(value):
        start = position + header
        end = start + int.from_bytes(value[position + type_octets : start], "big")
        if start > len(value) or end > len(value):
            raise MalformedError("a TLV runs past the end of its attribute")
        yield int.from_bytes(value[position : position + type_octets], "big"), value[start:end]
        position = end


OPAQUE_RULES: dict[int, Rule] = {
    Code.PMSI_TUNNEL: Rule(_OPTIONAL_TRANSITIVE, 0, Penalty.WITHDRAW, read=_pmsi_tunnel, many=True, opaque=True),
    Code.TUNNEL_ENCAPSULATION: Rule(
        _OPTIONAL_TRANSITIVE, 0, Penalty.WITHDRAW, read=_tunnel_encapsulation, many=True, opaque=True
    ),
    Code.IPV6_EXTENDED_COMMUNITIES: Rule(_OPTIONAL_TRANSITIVE, 20, Penalty.WITHDRAW, many=True, opaque=True),
    Code.PREFIX_SID: Rule(_OPTIONAL_TRANSITIVE, 0, Penalty.DISCARD, read=_prefix_sid, many=True, opaque=True),
    Code.ATTR_SET: Rule(_OPTIONAL_TRANSITIVE, 0, Penalty.WITHDRAW, read=_attr_set, many=True, opaque=True),
}
