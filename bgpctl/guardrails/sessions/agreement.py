"""Whether two ends make a session: the definition of the one must fit that of the other.

The checks in the order in which a person would make them; the first that fails is the reason. Addresses are not among
them: the two ends were found by each other's address.

    NO_ANSWER    the other end has no session to this one
    AS_NUMBER    each must expect the AS that the other shows (RFC 4271 6.2, Bad Peer AS)
    BOTH_WAIT    both are passive: no end connects (RFC 4271 8.1.1, PassiveTcpEstablishment)
    PORT         no end connects to the port on which the other listens
    PASSWORD     the TCP-MD5 keys differ (RFC 2385)
    TTL          only one end asks for TTL security (RFC 5082)
    ROUTER_ID    one AS, and both have the same BGP identifier (RFC 6286 2.2)
    ROLE         the roles are no pair, or one end insists on a role and the other has none (RFC 9234 4.2)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bgpctl.resources.annotations.settings import OTHER_ROLE
from reflector.addresses import family_of
from reflector.plan import DEFAULT_BGP_PORT, Family, NodePlan, SessionPlan, SessionType


class Disagreement(StrEnum):
    """Why there is no session; the text finishes the sentence "there is no session, because ..."."""

    NO_ANSWER = "only one end has it"
    SUPPRESSED = "one end suppresses it"
    FAMILY = "one end does not carry the address family"
    AS_NUMBER = "an end expects another AS number than the other end has"
    BOTH_WAIT = "both ends are passive"
    PORT = "an end connects to a port on which the other does not listen"
    PASSWORD = "the passwords differ"  # noqa: S105  a sentence
    TTL = "only one end has ttlSecurity"
    ROUTER_ID = "both ends have the same router ID"
    ROLE = "their roles do not fit together"


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """A session with what else of its node decides whether it comes up."""

    session: SessionPlan
    router_id: str
    listen_port: int


def listen_port(plan: NodePlan, family: Family) -> int:
    """Where the node accepts connections of this family."""
    found = (each.port for each in plan.listen if family_of(each.address) == family)
    return next(found, DEFAULT_BGP_PORT)


def _same_as_numbers(here: SessionEnd, there: SessionEnd) -> bool:
    return here.session.peer_as == there.session.local_as and there.session.peer_as == here.session.local_as


def _an_end_connects(here: SessionEnd, there: SessionEnd) -> bool:
    return not (here.session.passive and there.session.passive)


def _reaches(caller: SessionEnd, listener: SessionEnd) -> bool:
    return not caller.session.passive and caller.session.peer_port == listener.listen_port


def _different_routers(here: SessionEnd, there: SessionEnd) -> bool:
    return here.session.session_type is SessionType.EBGP or here.router_id != there.router_id


def _roles_fit(here: SessionEnd, there: SessionEnd) -> bool:
    own, peer = here.session.role, there.session.role
    if own is None or peer is None:
        strict = (here.session, there.session)
        return own is peer or not any(each.role is not None and each.role_strict for each in strict)
    return OTHER_ROLE[own] is peer


CHECKS: tuple[tuple[Disagreement, Callable[[SessionEnd, SessionEnd], bool]], ...] = (
    (Disagreement.AS_NUMBER, _same_as_numbers),
    (Disagreement.BOTH_WAIT, _an_end_connects),
    (Disagreement.PORT, lambda here, there: _reaches(here, there) or _reaches(there, here)),
    (Disagreement.PASSWORD, lambda here, there: here.session.password == there.session.password),
    (Disagreement.TTL, lambda here, there: bool(here.session.ttl_security) == bool(there.session.ttl_security)),
    (Disagreement.ROUTER_ID, _different_routers),
    (Disagreement.ROLE, _roles_fit),
)


def disagreement(here: SessionEnd, there: SessionEnd) -> Disagreement | None:
    """The first reason for which these two make no session; None when they make one."""
    return next((reason for reason, holds in CHECKS if not holds(here, there)), None)
