"""The sender of routes: what a route remembers of the peer and the session that it came from.

Rule: a Sender never changes. A peer has another one when its OPEN brings another router ID, or when the plan makes it
another kind of peer; its routes get the new one when they are received or imported the next time, and until then are
what they were chosen and advertised as. Two senders are equal only if they are one object, so that paths compare
quickly. Everything else of a session is looked up in the plan when a policy or a limit is applied (Peer.session).
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from reflector.addresses import pack_address
from reflector.plan import SessionPlan
from reflector.session.relation import Relation, cluster_of, relation


@dataclass(frozen=True, slots=True, eq=False)
class Sender:
    """Addresses are packed.

    name           of the session in the plan
    router_id      of the peer; `local_address`: ours on the session; both b"" before the first one
    cluster_id     that the plan gives this client, b"" for the node's own
    """

    name: str
    address: bytes
    router_id: bytes
    local_address: bytes
    relation: Relation
    cluster_id: bytes

    def cluster(self, own: bytes) -> bytes:
        """The cluster that its routes come from, where `own` is the node's; b"" of a peer that is no client."""
        return (self.cluster_id or own) if self.relation is Relation.CLIENT else b""

    def redefined(self, session: SessionPlan) -> Sender:
        """The sender of this definition: itself where nothing of it differs."""
        return self._or(sender_of(session, self.router_id, self.local_address))

    def established(self, router_id: bytes, local_address: bytes) -> Sender:
        """The sender of a new session: itself where nothing of it differs."""
        return self._or(Sender(self.name, self.address, router_id, local_address, self.relation, self.cluster_id))

    def _or(self, other: Sender) -> Sender:
        return self if _values(self) == _values(other) else other


_values = attrgetter(*Sender.__dataclass_fields__)


def sender_of(session: SessionPlan, router_id: bytes = b"", local_address: bytes = b"") -> Sender:
    return Sender(
        session.name,
        pack_address(session.peer_address),
        router_id,
        local_address,
        relation(session),
        cluster_of(session, b""),
    )
