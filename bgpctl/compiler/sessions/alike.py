"""Sessions that differ in nothing but their peer are worked out once: of a reflector's thousands nearly all are alike.

Rule: what a session has of its peer alone is the address, which is its name as well, the node, and which of the two
connects. Everything else follows from what is in the key here, so two peerings with one key have equal sessions but for
these. A suppressed session says whose it is, and is worked out each time.
"""

from __future__ import annotations

from collections.abc import Hashable

from msgspec.structs import replace

from bgpctl.compiler.sessions.peering import Peering
from bgpctl.compiler.sessions.session import SessionContext, plan_session
from reflector.plan import SessionPlan, SuppressedSession


class AlikeSessions:
    """Of one node, in one compilation. `first` of each kind of peer."""

    def __init__(self, context: SessionContext) -> None:
        self._context = context
        self.first: dict[Hashable, SessionPlan] = {}

    def plan(self, peering: Peering) -> SessionPlan | SuppressedSession:
        """As plan_session has it."""
        key, endpoint = _key(peering), peering.endpoint
        first = self.first.get(key)
        if first is not None:
            return replace(
                first,
                name=endpoint.address,
                peer_address=endpoint.address,
                peer_node=endpoint.node,
                passive=peering.passive,
            )
        found = plan_session(self._context, peering)
        if isinstance(found, SessionPlan):
            self.first[key] = found
        return found


def _key(peering: Peering) -> Hashable:
    """Whether the peer is a node counts, which node does not. A BGPPeer is one object as long as it is in a set."""
    endpoint = peering.endpoint
    return (
        peering.kind,
        id(peering.peer),
        peering.reverse,
        endpoint.family,
        endpoint.port,
        endpoint.as_number,
        endpoint.cluster_id,
        bool(endpoint.node),
    )
