"""Roles of external peers, and ONLY_TO_CUSTOMER, the attribute by which they find and stop route leaks (RFC 9234 5).

    our role    the peer is   received with it          received without   sent with it   sent without
    provider    customer      leak                      as it is           passed on      our AS is added
    rs          rs-client     leak                      as it is           passed on      our AS is added
    peer        peer          leak unless the peer's    its AS is added    withheld       our AS is added
    customer    provider      kept                      its AS is added    withheld       as it is
    rs-client   rs            kept                      its AS is added    withheld       as it is

Rule: between ASes only, for unicast, which is all that this speaker has. Once set the value never changes, and inside
the AS it travels with the route. No policy can bend this: a leak is refused before import policies are asked, what must
not be sent is withheld before export policies are, and our AS is added after them. Our own role decides, also where the
peer sends none; a session that is strict about that never gets here (RFC 9234 4.2). Without a role nothing happens.
"""

from __future__ import annotations

from reflector.plan import Role, SessionPlan
from reflector.session.relation import Relation, relation
from reflector.wire.attributes import PathAttributes

_LEAK_WHATEVER_ITS_VALUE = frozenset((Role.PROVIDER, Role.RS))
_NOT_FROM_A_CUSTOMER = frozenset((Role.PEER, Role.CUSTOMER, Role.RS_CLIENT))
_SETS_IT_FOR_CUSTOMERS_AND_PEERS = frozenset((Role.PROVIDER, Role.RS, Role.PEER))


def role_of(session: SessionPlan) -> Role | None:
    """Ours on this session; None also inside the AS, where roles mean nothing."""
    return session.role if relation(session) is Relation.EBGP else None


def leak(role: Role | None, peer_as: int, attributes: PathAttributes) -> str:
    """Why the received route is a leak, "" if it is none."""
    setter = attributes.only_to_customer
    if setter is None or role is None:
        return ""
    if role in _LEAK_WHATEVER_ITS_VALUE:
        return f"ONLY_TO_CUSTOMER {setter} from a customer of ours (our role is {role})"
    if role is Role.PEER and setter != peer_as:
        return f"ONLY_TO_CUSTOMER {setter} from the peer AS {peer_as}"
    return ""


def received(role: Role | None, peer_as: int, attributes: PathAttributes) -> PathAttributes:
    """What is no leak, as it enters the AS."""
    if attributes.only_to_customer is None and role in _NOT_FROM_A_CUSTOMER:
        return attributes.replace(only_to_customer=peer_as)
    return attributes


def is_withheld(role: Role | None, attributes: PathAttributes) -> bool:
    """The route must not go to providers, peers and route servers, and this is one."""
    return attributes.only_to_customer is not None and role in _NOT_FROM_A_CUSTOMER


def sent(role: Role | None, local_as: int, attributes: PathAttributes) -> PathAttributes:
    """What is not withheld, as it leaves the AS."""
    if attributes.only_to_customer is None and role in _SETS_IT_FOR_CUSTOMERS_AND_PEERS:
        return attributes.replace(only_to_customer=local_as)
    return attributes
