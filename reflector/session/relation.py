"""What a peer is to this speaker: external, a route reflection client, or neither (RFC 4456 5); and its cluster."""

from __future__ import annotations

from enum import Enum

from reflector.addresses import pack_address
from reflector.plan import SessionPlan, SessionType


class Relation(Enum):
    """LOCAL is this node itself."""

    LOCAL = "local"
    EBGP = "ebgp"
    CLIENT = "client"
    NON_CLIENT = "non-client"


def relation(session: SessionPlan) -> Relation:
    if session.session_type is SessionType.EBGP:
        return Relation.EBGP
    return Relation.CLIENT if session.rr_client else Relation.NON_CLIENT


def cluster_of(session: SessionPlan, own: bytes) -> bytes:
    """The cluster ID of the client of this session, where `own` is the node's; b"" for a peer that is no client."""
    if relation(session) is not Relation.CLIENT:
        return b""
    return pack_address(session.cluster_id) if session.cluster_id else own
