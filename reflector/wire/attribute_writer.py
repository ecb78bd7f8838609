"""Path attributes to bytes.

Rule: one block per distinct attributes and kind of session, in order of type code, without what differs by message
(MP_REACH_NLRI). Towards a two-octet peer AS_PATH is narrowed and AS4_PATH carries what that loses.
Source: RFC 4271 4.3 and 5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from reflector.wire.attributes import (
    EXTENDED_LENGTH,
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


def _number(value: int | None) -> bytes:
    return b"" if value is None else value.to_bytes(4, "big")


# The fields as they are encoded, but for AS_PATH; without octets the attribute is absent.
_FIELDS: tuple[tuple[int, Code, Callable[[PathAttributes], bytes]], ...] = (
    (_WELL_KNOWN, Code.ORIGIN, lambda given: bytes((given.origin,))),
    (_WELL_KNOWN, Code.NEXT_HOP, lambda given: given.next_hop if len(given.next_hop) == 4 else b""),
    (OPTIONAL, Code.MULTI_EXIT_DISC, lambda given: _number(given.med)),
    (_WELL_KNOWN, Code.LOCAL_PREF, lambda given: _number(given.local_pref)),
    (
        _OPTIONAL_TRANSITIVE,
        Code.COMMUNITIES,
        lambda given: struct.pack(f"!{len(given.communities)}I", *given.communities),
    ),
    (OPTIONAL, Code.ORIGINATOR_ID, lambda given: given.originator_id),
    (OPTIONAL, Code.CLUSTER_LIST, lambda given: b"".join(given.cluster_list)),
    (_OPTIONAL_TRANSITIVE, Code.EXTENDED_COMMUNITIES, lambda given: b"".join(given.extended_communities)),
    (
        _OPTIONAL_TRANSITIVE,
        Code.LARGE_COMMUNITIES,
        lambda given: b"".join(struct.pack("!III", *community) for community in given.large_communities),
    ),
    (_OPTIONAL_TRANSITIVE, Code.ONLY_TO_CUSTOMER, lambda given: _number(given.only_to_customer)),
)


def encode_attributes(attributes: PathAttributes, *, four_octet_as: bool = True) -> bytes:
    """The block in order of type code, without MP_REACH_NLRI; NEXT_HOP is in it when it has four octets."""
    present: list[tuple[int, int, bytes]] = [
        (flags | PARTIAL if code in attributes.partial else flags, code, value)
        for flags, code, encode in _FIELDS
        if (value := encode(attributes))
    ]
    present.append((_WELL_KNOWN, Code.AS_PATH, _encode_as_path(attributes.as_path, four_octet_as)))
    tail = None if four_octet_as else as4_path(attributes.as_path)
    if tail is not None:
        present.append((_OPTIONAL_TRANSITIVE, Code.AS4_PATH, _encode_as_path(tail, four_octet_as=True)))
    present.extend(attributes.others if four_octet_as else narrow_aggregator(attributes.others))
    present.sort(key=lambda attribute: attribute[1])
    return b"".join(encode_attribute(flags, code, value) for flags, code, value in present)


def encode_attribute(flags: int, code: int, value: bytes) -> bytes:
    """One attribute with its header (RFC 4271 4.3)."""
    if len(value) > 255:
        return struct.pack("!BBH", flags | EXTENDED_LENGTH, code, len(value)) + value
    return bytes((flags, code, len(value))) + value


def _encode_as_path(path: AsPath, four_octet_as: bool) -> bytes:
    if four_octet_as:
        return b"".join(struct.pack(f"!BB{len(asns)}I", kind, len(asns), *asns) for kind, asns in path)
    return b"".join(struct.pack(f"!BB{len(asns)}H", kind, len(asns), *asns) for kind, asns in narrow_path(path))
