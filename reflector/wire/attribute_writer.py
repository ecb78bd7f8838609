"""Path attributes to bytes.

Rule: one block per distinct attributes and kind of session, in order of type code, without what differs by message
(MP_REACH_NLRI). Towards a two-octet peer AS_PATH is narrowed and AS4_PATH carries what that loses.
Source: RFC 4271 4.3 and 5.
"""

from __future__ import annotations

import struct

from reflector.wire.attributes import (
    EXTENDED_LENGTH,
    OPTIONAL,
    TRANSITIVE,
    AsPath,
    Code,
    PathAttributes,
)
from reflector.wire.two_octet_as import as4_path, narrow_aggregator, narrow_path

_WELL_KNOWN = TRANSITIVE
_OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE


def encode_attributes(attributes: PathAttributes, *, four_octet_as: bool = True) -> bytes:
    """The block in order of type code, without MP_REACH_NLRI; NEXT_HOP is in it when it has four octets."""
    present: list[tuple[int, int, bytes]] = [
        (_WELL_KNOWN, Code.ORIGIN, bytes((attributes.origin,))),
        (_WELL_KNOWN, Code.AS_PATH, _encode_as_path(attributes.as_path, four_octet_as)),
    ]
    if len(attributes.next_hop) == 4:
        present.append((_WELL_KNOWN, Code.NEXT_HOP, attributes.next_hop))
    if attributes.med is not None:
        present.append((OPTIONAL, Code.MULTI_EXIT_DISC, attributes.med.to_bytes(4, "big")))
    if attributes.local_pref is not None:
        present.append((_WELL_KNOWN, Code.LOCAL_PREF, attributes.local_pref.to_bytes(4, "big")))
    if attributes.communities:
        value = struct.pack(f"!{len(attributes.communities)}I", *attributes.communities)
        present.append((_OPTIONAL_TRANSITIVE, Code.COMMUNITIES, value))
    if attributes.originator_id:
        present.append((OPTIONAL, Code.ORIGINATOR_ID, attributes.originator_id))
    if attributes.cluster_list:
        present.append((OPTIONAL, Code.CLUSTER_LIST, b"".join(attributes.cluster_list)))
    if attributes.large_communities:
        value = b"".join(struct.pack("!III", *community) for community in attributes.large_communities)
        present.append((_OPTIONAL_TRANSITIVE, Code.LARGE_COMMUNITIES, value))
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
