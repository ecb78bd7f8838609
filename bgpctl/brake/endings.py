"""Which sessions a wanted plan takes from the running one: those that end, and those that need not be set up again.

A session that both plans have may be reset and is Established once more a moment later; that is no loss. It is one
where the other end has to follow, in a field of the table below, or where the session stays and the routes go:

    removed         the wanted plan has no such session
    changed         it is reset, and the other end may refuse it as it will be
    not-reflected   the peer is no longer our client: it gets no reflected routes
    looped          the peer reflects for a cluster that this node begins to serve, too: its routes will be rejected
                    (RFC 4456 8)
    as-loop         fewer of this node's own AS may stand in what the peer advertises: its routes may be rejected
    limited         the maximum of prefixes that it gets is below what the peer has: it is ceased (prefix_limits.py)
    not-accepted    policies reject what was accepted from the peer (rejections.py)
    not-advertised  policies reject what was advertised to the peer
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum

from bgpctl.brake.ways import is_to_reflector, served_clusters
from reflector.plan import Family, NodePlan, SessionKind, SessionPlan


class EndingKind(StrEnum):
    REMOVED = "removed"
    CHANGED = "changed"
    NOT_REFLECTED = "not-reflected"
    LOOPED = "looped"
    AS_LOOP = "as-loop"
    LIMITED = "limited"
    NOT_ACCEPTED = "not-accepted"
    NOT_ADVERTISED = "not-advertised"


# The session itself stays as it is.
BY_POLICY = frozenset({EndingKind.NOT_ACCEPTED, EndingKind.NOT_ADVERTISED})


@dataclass(frozen=True, slots=True)
class Ending:
    """changes      "local_as 64512 -> 64513", of a session that is reset; the rules that reject, of one that stays
    families     that are lost
    defined_by   what defines each of the rules
    """

    session: SessionPlan
    kind: EndingKind
    changes: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    defined_by: tuple[str, ...] = ()


Differs = Callable[[SessionPlan, SessionPlan], bool]


def _field(name: str) -> Differs:
    return lambda was, becomes: getattr(was, name) != getattr(becomes, name)


# Field -> whether the other end has to follow a change of it. A password that becomes another one is set on the living
# connection; a family that is added, timers and capabilities only reset the session.
NEED_THE_OTHER_END: dict[str, Differs] = {
    "peer_address": _field("peer_address"),
    "peer_as": _field("peer_as"),
    "local_as": _field("local_as"),
    "local_address": lambda was, becomes: bool(
        was.local_address and becomes.local_address and was.local_address != becomes.local_address
    ),
    "families": lambda was, becomes: not set(was.families) <= set(becomes.families),
    "password": lambda was, becomes: (was.password is None) is not (becomes.password is None),
}
# The same where the other end is no node, whose own plan follows from the same resources.
NEED_A_ROUTER_OUTSIDE: dict[str, Differs] = {
    "peer_port": _field("peer_port"),
    "passive": lambda was, becomes: becomes.passive and not was.passive,
    "ttl_security": lambda was, becomes: bool(was.ttl_security) is not bool(becomes.ttl_security),
    "role": _field("role"),
    "role_strict": lambda was, becomes: becomes.role_strict and not was.role_strict,
}


def endings(
    running: NodePlan, wanted: NodePlan, were: Mapping[str, str], will_be: Mapping[str, str]
) -> dict[str, Ending]:
    """By the name of the session, in the order of the running plan. `were` and `will_be` are the cluster IDs of the
    nodes that reflect. Sessions to local workloads are left out: they end with their pods."""
    after = {each.name: each for each in wanted.sessions}
    served, before = served_clusters(wanted), served_clusters(running)
    looping = frozenset(
        name for name, cluster_id in will_be.items() if cluster_id in served and were.get(name, "") not in before
    )
    found: dict[str, Ending] = {}
    for session in running.sessions:
        if session.kind is not SessionKind.WORKLOAD:
            ending = _ending(session, after.get(session.name), looping)
            if ending is not None:
                found[session.name] = ending
    return found


def _ending(was: SessionPlan, becomes: SessionPlan | None, looping: Set[str]) -> Ending | None:
    if becomes is None:
        return Ending(was, EndingKind.REMOVED, (), was.families)
    # Of a reflector's thousands nearly all are as they were.
    changes = () if was == becomes else tuple(_changes(was, becomes))
    if changes:
        return Ending(was, EndingKind.CHANGED, changes, was.families)
    if is_to_reflector(becomes, looping):
        return Ending(was, EndingKind.LOOPED, (), was.families)
    if was.rr_client and not becomes.rr_client:
        return Ending(was, EndingKind.NOT_REFLECTED, (), was.families)
    if becomes.allow_local_as < was.allow_local_as:
        fewer = f"allow_local_as {was.allow_local_as} -> {becomes.allow_local_as}"
        return Ending(was, EndingKind.AS_LOOP, (fewer,), was.families)
    return None


def _changes(was: SessionPlan, becomes: SessionPlan) -> Iterator[str]:
    table = NEED_THE_OTHER_END if was.peer_node else {**NEED_THE_OTHER_END, **NEED_A_ROUTER_OUTSIDE}
    for name, differs in table.items():
        if differs(was, becomes):
            yield f"{name} {_text(name, was)} -> {_text(name, becomes)}"


def _text(name: str, session: SessionPlan) -> str:
    value = getattr(session, name)
    if name == "password":
        return "none" if value is None else "set"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in ("", None) else str(value)
