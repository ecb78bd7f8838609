"""What a wanted plan would take from the node beyond its limits: one rule for each kind of loss.

    nodes          most Nodes are missing: the sessions and tunnel endpoints of the missing ones
    last-session   the last session of a family to a reflector or the mesh, to a client, or of any kind
    sessions       more than a share of the Established sessions of the cluster, and at least two
    routes         the only sources of more than a share of the learned routes of a family
    originations   more than a share of the node's own originations
    kernel-routes  networks of more than a share of the kernel routes lose their rule or change encapsulation
    tunnel-routes  more than a share of the routes to blocks of nodes without a BGP speaker, and at least two

A rule that only repeats what another one holds already is silent. Shares count against the best state (best_state.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bgpctl.brake.endings import BY_POLICY
from bgpctl.brake.kernel_losses import kernel_loss
from bgpctl.brake.limits import FEWEST_NODES, FEWEST_SESSIONS, FEWEST_TUNNEL_ROUTES, exceeds
from bgpctl.brake.lost_originations import lost_originations, own_originations
from bgpctl.brake.lost_tunnel_routes import lost_tunnel_routes
from bgpctl.brake.situation import Situation
from bgpctl.brake.ways import ANY_WAY, OF_CLUSTER, Way
from reflector.plan import Family

FAMILIES: tuple[Family, ...] = (4, 6)
MOST_NAMES = 5


class LossKind(StrEnum):
    OWN_NODE = "own-node"
    NODES = "nodes"
    LAST_SESSION = "last-session"
    SESSIONS = "sessions"
    ROUTES = "routes"
    ORIGINATIONS = "originations"
    KERNEL_ROUTES = "kernel-routes"
    TUNNEL_ROUTES = "tunnel-routes"


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss, and the parts of the running plan that must stay to prevent it.

    sentence   what would be lost
    sessions   by name
    prefixes   of originations
    networks   of kernel rules
    endpoints  nodes whose tunnel endpoints stay
    tunnel_routes   prefixes that are routed through the tunnel
    """

    kind: LossKind
    sentence: str
    sessions: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    endpoints: frozenset[str] = frozenset()
    tunnel_routes: frozenset[str] = frozenset()

    @property
    def parts(self) -> frozenset[tuple[str, str]]:
        named = {
            "s": self.sessions,
            "p": self.prefixes,
            "n": self.networks,
            "e": self.endpoints,
            "t": self.tunnel_routes,
        }
        return frozenset((letter, each) for letter, names in named.items() for each in names)


Rule = Callable[[Situation, frozenset[str]], Iterator[Loss]]


def find_losses(situation: Situation, replaced: frozenset[str]) -> tuple[Loss, ...]:
    """Everything beyond the limits. Sessions that are `replaced` are no loss; their routes still may be."""
    found: list[Loss] = []
    covered: set[tuple[str, str]] = set()
    for rule in RULES:
        for loss in rule(situation, replaced):
            if not loss.parts or not loss.parts <= covered:
                found.append(loss)
                covered |= loss.parts
    return tuple(found)


def _missing_nodes(situation: Situation, _: frozenset[str]) -> Iterator[Loss]:
    known, there = situation.counted_nodes, situation.facts.nodes
    missing = known - there
    if len(missing) < FEWEST_NODES or not exceeds(situation.facts.limits.nodes, len(missing), len(known)):
        return
    yield Loss(
        LossKind.NODES,
        f"{len(missing)} of {len(known)} Nodes are missing ({names(missing)})",
        sessions=frozenset(each for each in situation.endings if situation.sessions[each].peer_node in missing),
        endpoints=missing,
    )


def _last_session(situation: Situation, replaced: frozenset[str]) -> Iterator[Loss]:
    if not situation.facts.limits.last_session:
        return
    taken = situation.taken - replaced
    for ways, what in LAST.items():
        for family in FAMILIES:
            ending = situation.that_end(taken, family, ways)
            if ending and not situation.that_carry(family, ways):
                of_use = " whose routes are not rejected" if _is_by_policy(situation, ending) else ""
                yield Loss(
                    LossKind.LAST_SESSION,
                    f"no session {what} is left for IPv{family}{of_use} ({_peers(situation, ending)})",
                    sessions=ending,
                )


LAST = {
    frozenset({Way.CLUSTER}): "to a reflector, to the mesh or to another node",
    frozenset({Way.CLIENT}): "to a client of this reflector",
    ANY_WAY: "of any kind",
}


def _many_sessions(situation: Situation, replaced: frozenset[str]) -> Iterator[Loss]:
    """Sessions that ended before within the window count, though only those that this plan ends can be held."""
    best = {name for name, seen in situation.counted_sessions.items() if seen.way in OF_CLUSTER} - replaced
    ending = frozenset(each for each in situation.taken - replaced if situation.ways[each] in OF_CLUSTER)
    gone = (best - situation.kept) | (situation.best.clients.keys() & best - situation.kept_clients)
    if ending and len(gone) >= FEWEST_SESSIONS and exceeds(situation.facts.limits.sessions, len(gone), len(best)):
        what = "would have their routes rejected" if _is_by_policy(situation, ending) else "would not be up"
        yield Loss(
            LossKind.SESSIONS,
            f"{len(gone)} of {len(best)} sessions to the cluster {what} ({_peers(situation, ending)})",
            sessions=ending,
        )


def _many_routes(situation: Situation, _: frozenset[str]) -> Iterator[Loss]:
    for family in FAMILIES:
        groups = [each for each in situation.only_sources(situation.taken) if each.family == family]
        lost, before = sum(each.routes for each in groups), situation.best.routes_taken(family)
        most = max(situation.best.most_routes(family), situation.live.routes(family))
        if lost and exceeds(situation.facts.limits.routes, lost + before, most):
            sessions = frozenset(name for each in groups for name in each.sessions)
            earlier = f" and {before} more by changes before it" if before else ""
            yield Loss(
                LossKind.ROUTES,
                f"{lost} of {most} learned IPv{family} routes have no other source{earlier} "
                f"({_peers(situation, sessions)})",
                sessions=sessions,
            )


def _many_originations(situation: Situation, _: frozenset[str]) -> Iterator[Loss]:
    lost, of = lost_originations(situation), own_originations(situation)
    ending = frozenset(each.prefix for each in situation.running.originations if each.prefix in lost)
    if ending and exceeds(situation.facts.limits.originations, len(lost), len(of)):
        sentence = f"{len(lost)} of {len(of)} prefixes of this node are no longer originated ({names(ending)})"
        yield Loss(LossKind.ORIGINATIONS, sentence, prefixes=ending)


def _kernel_routes(situation: Situation, _: frozenset[str]) -> Iterator[Loss]:
    found = kernel_loss(situation)
    if found.lost and exceeds(situation.facts.limits.routes, found.lost, found.of):
        yield Loss(LossKind.KERNEL_ROUTES, found.sentence, networks=found.networks, endpoints=found.endpoints)


def _tunnel_routes(situation: Situation, _: frozenset[str]) -> Iterator[Loss]:
    found = lost_tunnel_routes(situation)
    exceeded = exceeds(situation.facts.limits.routes, found.lost, found.of)
    if found.ending and found.lost >= FEWEST_TUNNEL_ROUTES and exceeded:
        of_nodes = f"{found.lost} of {found.of} blocks of nodes without a BGP speaker"
        sentence = f"{of_nodes} are no longer routed ({names(found.ending)})"
        yield Loss(LossKind.TUNNEL_ROUTES, sentence, endpoints=found.endpoints, tunnel_routes=found.ending)


RULES: tuple[Rule, ...] = (
    _missing_nodes,
    _last_session,
    _many_sessions,
    _many_routes,
    _many_originations,
    _kernel_routes,
    _tunnel_routes,
)


def _is_by_policy(situation: Situation, sessions: Iterable[str]) -> bool:
    return all(situation.endings[each].kind in BY_POLICY for each in sessions)


def names(some: Iterable[str]) -> str:
    """The first of many."""
    ordered = sorted(some)
    more = len(ordered) - MOST_NAMES
    return ", ".join(ordered[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _peers(situation: Situation, sessions: Iterable[str]) -> str:
    return names(situation.sessions[each].peer_node or situation.sessions[each].peer_address for each in sessions)
