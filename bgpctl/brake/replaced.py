"""Which of the sessions that a plan takes are no loss, because something that lives has taken their place.

    to a reflector       another reflector stays Established for each of its families; so also where policies reject
                         what that session carried
    to any node          a session to another address of the same node is Established for each of its families
    of the mesh, or to   the same, nothing is learned from the sessions that end alone, and the topology proof of the
    another node         wanted resources finds no prefix that this node or the peer would miss
    to a client          this node has no client any more, keeps a session to a reflector, and the topology proof finds
                         the same
    as-loop              the proof finds the same: what is rejected is not needed, or comes another way

So a move from the mesh to reflectors, or from one reflector to the next, needs no confirmation: the new sessions come
up at once, what they replace is held until they are Established, and then it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from bgpctl.brake.endings import BY_POLICY, EndingKind
from bgpctl.brake.situation import NO_FAMILIES, Situation
from bgpctl.brake.ways import Way, is_to_reflector, served_clusters

REPLACEABLE = BY_POLICY | {EndingKind.REMOVED, EndingKind.AS_LOOP}
# Of the others the proof is not asked.
BY_PROOF = frozenset({EndingKind.REMOVED, EndingKind.NOT_REFLECTED, EndingKind.AS_LOOP})

# Whether the topology proof finds these nodes complete: each has every prefix, and every node has theirs. None: it
# has not been asked, or is too large to be.
Judge = Callable[[frozenset[str]], bool]


def replaced_by_sessions(situation: Situation) -> frozenset[str]:
    """Those of the first two rows: what is Established decides."""
    kinds = {name: situation.endings[name].kind for name in situation.taken}
    return frozenset(
        name
        for name, kind in kinds.items()
        if (kind in REPLACEABLE and _has_partner(situation, name))
        or (kind is EndingKind.REMOVED and _is_renumbered(situation, name))
    )


def _has_partner(situation: Situation, name: str) -> bool:
    session = situation.sessions[name]
    return is_to_reflector(session, situation.reflectors) and situation.has_live_reflector(session)


def _is_renumbered(situation: Situation, name: str) -> bool:
    session = situation.sessions[name]
    kept = situation.families_kept.get(session.peer_node, NO_FAMILIES)
    return session.peer_node != "" and kept.issuperset(session.families)


def replaced_by_proof(situation: Situation, judge: Judge) -> frozenset[str]:
    """The other sessions that are replaced. The proof is asked once, for all of them, and only if the rest holds."""
    alone = {name for source in situation.only_sources(situation.taken) for name in source.sessions}
    stops = bool(served_clusters(situation.running)) and not served_clusters(situation.wanted)
    found = {
        name
        for name in situation.taken
        if (kind := situation.endings[name].kind) in BY_PROOF
        and (kind is EndingKind.AS_LOOP or _is_replaceable(situation, name, alone, stops=stops))
    }
    if not found or not judge(_concerned(situation, found)):
        return frozenset()
    return frozenset(found)


def _is_replaceable(situation: Situation, name: str, alone: Set[str], *, stops: bool) -> bool:
    """A node that stops reflecting takes up its reflector's routes, which it rejected for its own cluster ID until
    now: that its clients are its only sources yet does not count."""
    session, kind = situation.sessions[name], situation.ways[name]
    if kind is Way.CLIENT:
        return stops and situation.has_live_reflector(session)
    return kind is Way.CLUSTER and name not in alone and situation.has_live_reflector(session)


def _concerned(situation: Situation, names: Set[str]) -> frozenset[str]:
    peers = {situation.sessions[name].peer_node for name in names} & situation.facts.nodes
    return frozenset({situation.running.node, *peers})
