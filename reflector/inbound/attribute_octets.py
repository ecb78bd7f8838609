"""Attribute octets: how much memory the attributes of a peer's routes may take, whatever the number of routes is.

Rule: attributes are counted in the octets that they have on the wire, each once however many routes share them.
Counting is work, so it is done when a session has brought RECOUNT_OCTETS that it had not brought before: what it
costs is in proportion to the octets received. A peer whose routes then hold more than ATTRIBUTE_OCTETS loses its
session (RFC 4486 4, out of resources) for HOLD_DOWN.
"""

from __future__ import annotations

from reflector.inbound.maximum_prefixes import Excess
from reflector.peer import Peer
from reflector.wire.attributes import PathAttributes
from reflector.wire.message import Cease, ErrorCode, notification
from reflector.wire.update import UpdateReader

# The whole Internet's routes, a million prefixes, have some 20 MiB of them. In memory they are ten times as large.
ATTRIBUTE_OCTETS = 64 * 1024 * 1024
RECOUNT_OCTETS = 8 * 1024 * 1024
HOLD_DOWN = 300.0


def is_due(reader: UpdateReader) -> bool:
    """To be asked after an UPDATE: the peer's routes have to be counted."""
    return reader.new_octets >= RECOUNT_OCTETS


def count(peer: Peer, reader: UpdateReader) -> Excess | None:
    """An Excess if its session has to end."""
    reader.new_octets = 0
    octets = sum(map(octets_of, {path.received for rib in peer.adj_rib_in.values() for path in rib.routes.values()}))
    if octets <= ATTRIBUTE_OCTETS:
        return None
    return Excess(
        notification(ErrorCode.CEASE, Cease.OUT_OF_RESOURCES),
        f"its routes have {octets >> 20} MiB of attributes, more than {ATTRIBUTE_OCTETS >> 20} MiB",
        HOLD_DOWN,
    )


def octets_of(attributes: PathAttributes) -> int:
    """About what they have on the wire: the parts that may be long."""
    return (
        4 * len(attributes.communities)
        + 12 * len(attributes.large_communities)
        + 8 * len(attributes.extended_communities)
        + 4 * len(attributes.cluster_list)
        + sum(2 + 4 * len(asns) for _, asns in attributes.as_path)
        + sum(4 + len(raw.value) for raw in attributes.others)
        + len(attributes.next_hop)
        + 16
    )
