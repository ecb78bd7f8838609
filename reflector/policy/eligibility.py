"""What of a received route keeps it out of the decision process before any policy is asked; no policy can let it in.

    from    refused                                                                   verdict
    all     our own AS stands in AS_PATH more often than allowed (RFC 4271 9.1.2)     AS_LOOP
    iBGP    ORIGINATOR_ID is ours, CLUSTER_LIST has a cluster of ours (RFC 4456 8)    ORIGINATOR_LOOP, CLUSTER_LOOP
    eBGP    AS_PATH does not begin with the peer's AS (RFC 4271 6.3, RFC 7606 7.2)    FIRST_AS
    all     the next hop is an address of this node (RFC 4271 6.3 a)                  OWN_NEXT_HOP
    eBGP    a route leak by our role (RFC 9234 5)                                     ROUTE_LEAK

Rule: in this order, and the route stays in the Adj-RIB-In with its reason. A route server leaves its own AS out of
AS_PATH (RFC 7947 2.2.2.1), so a peer to which our role is rs-client may begin with any.
Deviation: that the next hop of an external peer is on a subnet shared with it (RFC 4271 6.3 b) is not looked at; the
speaker does not know subnets. Whether it can be reached at all is decided by the kernel's routes (RFC 4271 9.1.2.1).
"""

from __future__ import annotations

from typing import NamedTuple

from reflector.addresses import pack_address, unpack_address
from reflector.plan import NodePlan, Role, SessionPlan
from reflector.policy import roles
from reflector.policy.reflection import as_loop, loop
from reflector.session.relation import Relation
from reflector.session.sender import Sender
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import AS_SEQUENCE, AsPath, PathAttributes, format_as_path


class Ourselves(NamedTuple):
    """What a route has in it that has been here before, or that would lead to this node."""

    router_id: bytes
    cluster_ids: frozenset[bytes]
    addresses: frozenset[bytes]


class Refusal(NamedTuple):
    verdict: RouteVerdict
    rule: str = ""


def own_addresses(plan: NodePlan) -> frozenset[bytes]:
    """As far as the plan has them; where a session leaves the choice to the kernel, its Sender has the address."""
    texts = {plan.router_id, *(each.local_address for each in plan.sessions)} - {""}
    return frozenset(map(pack_address, texts))


def refusal(sender: Sender, session: SessionPlan, received: PathAttributes, ourselves: Ourselves) -> Refusal | None:
    """By the table at the top; None for a route that the policies are to be asked about."""
    if as_loop(received.as_path, session.local_as, session.allow_local_as):
        return Refusal(RouteVerdict.AS_LOOP)
    if sender.relation is Relation.EBGP:
        refused = _first_as(session, received.as_path)
        return refused or _own_next_hop(sender, received, ourselves) or _leak(session, received)
    looped = loop(received, ourselves.router_id, ourselves.cluster_ids)
    return Refusal(looped) if looped else _own_next_hop(sender, received, ourselves)


def _first_as(session: SessionPlan, path: AsPath) -> Refusal | None:
    if session.role is Role.RS_CLIENT or (path and path[0][0] == AS_SEQUENCE and path[0][1][0] == session.peer_as):
        return None
    begins = f"begins {format_as_path(path)}" if path else "is empty"
    return Refusal(RouteVerdict.FIRST_AS, f"the peer is AS {session.peer_as}, AS_PATH {begins}")


def _own_next_hop(sender: Sender, received: PathAttributes, ourselves: Ourselves) -> Refusal | None:
    """The global address; beside it may be a link-local one (RFC 2545 3)."""
    address = received.next_hop[:16]
    if address != sender.local_address and address not in ourselves.addresses:
        return None
    return Refusal(RouteVerdict.OWN_NEXT_HOP, f"next hop {unpack_address(address)}")


def _leak(session: SessionPlan, received: PathAttributes) -> Refusal | None:
    rule = roles.leak(session.role, session.peer_as, received)
    return Refusal(RouteVerdict.ROUTE_LEAK, rule) if rule else None
