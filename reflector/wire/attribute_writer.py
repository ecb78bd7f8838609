"""Path attributes to bytes.

Rule: one block per distinct attributes and kind of session, in order of type code, without what differs by message
(MP_REACH_NLRI). Towards a two-octet peer AS_PATH is narrowed and AS4_PATH carries what that loses.
Source: RFC 4271 4.3 and 5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import starmap
from operator import itemgetter
from typing import Any

from reflector.wire.attributes import (
    EXTENDED_LENGTH,
    FIELDS,
    OPTIONAL,
    PARTIAL,
    TRANSITIVE,
    AsPath,
    Code,
    PathAttributes,
)
from reflector.wire.two_octet_as import as4_path, narrow_aggregator, narrow_path

_WELL_KNOWN = TRANSITIVE
_OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _joined(values: tuple[bytes, ...]) -> bytes:
    return b"".join(values)


# How the first fields are encoded, in their order, which is that of type codes; without octets there is no attribute.
_FIELDS: dict[str, tuple[int, Code, Callable[[Any], bytes]]] = {
    "origin": (_WELL_KNOWN, Code.ORIGIN, lambda origin: bytes((origin,))),
    "next_hop": (_WELL_KNOWN, Code.NEXT_HOP, lambda next_hop: next_hop if len(next_hop) == 4 else b""),
    "med": (OPTIONAL, Code.MULTI_EXIT_DISC, _number),
    "local_pref": (_WELL_KNOWN, Code.LOCAL_PREF, _number),
    "communities": (_OPTIONAL_TRANSITIVE, Code.COMMUNITIES, lambda each: struct.pack(f"!{len(each)}I", *each)),
    "originator_id": (OPTIONAL, Code.ORIGINATOR_ID, bytes),
    "cluster_list": (OPTIONAL, Code.CLUSTER_LIST, _joined),
    "extended_communities": (_OPTIONAL_TRANSITIVE, Code.EXTENDED_COMMUNITIES, _joined),
    "large_communities": (
        _OPTIONAL_TRANSITIVE,
        Code.LARGE_COMMUNITIES,
        lambda communities: b"".join(struct.pack("!III", *community) for community in communities),
    ),
    "only_to_customer": (_OPTIONAL_TRANSITIVE, Code.ONLY_TO_CUSTOMER, _number),
}
assert (*_FIELDS,) == FIELDS[: len(_FIELDS)]  # noqa: S101  once, when the module is loaded
_IN_ORDER = tuple(_FIELDS.values())


def encode_attributes(attributes: PathAttributes, *, four_octet_as: bool = True) -> bytes:
    """The block in order of type code, without MP_REACH_NLRI; NEXT_HOP is in it when it has four octets."""
    partial, others = attributes.partial, attributes.others
    present: list[tuple[int, int, bytes]] = [
        (flags | PARTIAL if code in partial else flags, code, octets)
        for (flags, code, encode), value in zip(_IN_ORDER, attributes.fields, strict=False)
        if (value or value == 0) and (octets := encode(value))
    ]
    # ORIGIN is always there, and AS_PATH the next one.
    present.insert(1, (_WELL_KNOWN, Code.AS_PATH, _encode_as_path(attributes.as_path, four_octet_as)))
    tail = None if four_octet_as else as4_path(attributes.as_path)
    if tail is not None:
        present.append((_OPTIONAL_TRANSITIVE, Code.AS4_PATH, _encode_as_path(tail, four_octet_as=True)))
    if tail is not None or others:
        present.extend(others if four_octet_as else narrow_aggregator(others))
        present.sort(key=itemgetter(1))
    return b"".join(starmap(encode_attribute, present))


def encode_attribute(flags: int, code: int, value: bytes) -> bytes:
    """One attribute with its header (RFC 4271 4.3)."""
    if len(value) > 255:
        return struct.pack("!BBH", flags | EXTENDED_LENGTH, code, len(value)) + value
    return bytes((flags, code, len(value))) + value


def _encode_as_path(path: AsPath, four_octet_as: bool) -> bytes:
    if four_octet_as:
        return b"".join(struct.pack(f"!BB{len(asns)}I", kind, len(asns), *asns) for kind, asns in path)
    return b"".join(struct.pack(f"!BB{len(asns)}H", kind, len(asns), *asns) for kind, asns in narrow_path(path))
