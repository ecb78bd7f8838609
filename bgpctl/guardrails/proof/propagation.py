"""One prefix through the session graph, by the engine's rules: who hears it, and of the others, why not.

Each router keeps what its peers tell it, uses the best and tells that on. The rules are those of `reflection.py` and
`export.py`: who may be told what (RFC 4456 6), ORIGINATOR_ID and CLUSTER_LIST (RFC 4456 8), the AS loop (RFC 4271
9.1.2), roles and ONLY_TO_CUSTOMER (RFC 9234 5), next hops of the other family (RFC 8950). What a router uses decides
what it may tell, so the choice is made as in `decision.py`; of its steps these can differ here:

    own route, LOCAL_PREF, AS_PATH length, eBGP before iBGP, BGP identifier, CLUSTER_LIST length, peer address
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bgpctl.guardrails.proof.session_graph import End, Links, SessionGraph
from reflector.plan import DEFAULT_LOCAL_PREF, NORMAL_PRIORITY, PRIORITY_BASE, Role
from reflector.policy.reflection import Handling, handling
from reflector.session.relation import Relation

# A prefix settles when every router has heard the last of it. Routers that change their minds this often never do.
MOST_CHANGES = 200


class Obstacle(StrEnum):
    """Why a router that has the route does not bring it to its peer; the text follows the names of the two."""

    SPLIT_HORIZON = "iBGP split horizon: neither side is the other's client"
    CLUSTER_LOOP = "cluster ID loop: both are reflectors of one cluster"
    ORIGINATOR_LOOP = "ORIGINATOR_ID loop: both have the same router ID"
    AS_LOOP = "AS loop: the AS of the receiver stands in AS_PATH"
    ROUTE_LEAK = "roles: what comes from a provider, peer or route server goes to customers only"
    NO_NEXT_HOP = "no next hop that fits: between IPv4 addresses it is of the family of the route"
    NO_SESSION = "no session leads there"
    UNSETTLED = "the routers never agree on a route"


class Route(NamedTuple):
    """What is told: the attributes that differ between the routes of one prefix. `originator` b"" for none,
    `only_to_customer` 0, and `next_hop` the family of it, 0 if nobody knows."""

    local_pref: int
    as_path: tuple[int, ...] = ()
    originator: bytes = b""
    clusters: tuple[str, ...] = ()
    only_to_customer: int = 0
    next_hop: int = 0


class Heard(NamedTuple):
    """A route as a router has it, and what it was learned from; of a client also its cluster."""

    route: Route
    relation: Relation
    sender: bytes = b""
    peer_address: bytes = b""
    cluster: str = ""

    def rank(self) -> tuple[object, ...]:
        """The lowest is used."""
        route = self.route
        return (
            self.relation is not Relation.LOCAL,
            -route.local_pref,
            len(route.as_path),
            self.relation not in (Relation.LOCAL, Relation.EBGP),
            route.originator or self.sender,
            len(route.clusters),
            self.peer_address,
        )


OWN = Heard(Route(PRIORITY_BASE - NORMAL_PRIORITY), Relation.LOCAL)
Neighbours = Mapping[str, Mapping[str, Links]]
# What a router has of a prefix, by the peer and the family of the addresses of the session.
Known = dict[tuple[str, int], Heard]


def neighbours(graph: SessionGraph, present: Collection[str]) -> Neighbours:
    """The sessions among these nodes: node -> peer -> the node's ends."""
    return {here: dict(graph.neighbours(here, present)) for here in present}


@dataclass(frozen=True, slots=True)
class Propagation:
    """The outcome for one prefix: what each router uses. Routers that did not hear of it are not in `used`."""

    graph: SessionGraph
    sessions: Neighbours
    used: Mapping[str, Heard]
    settled: bool

    def obstacle(self, there: str) -> tuple[Obstacle, str, str]:
        """Why the router did not hear of the prefix: the obstacle nearest to it, between which two routers."""
        if not self.settled:
            return Obstacle.UNSETTLED, "", ""
        seen, frontier = {there}, [there]
        while frontier:
            for here in frontier:
                for teller in self.sessions[here]:
                    if teller in self.used:
                        return self._between(teller, here), teller, here
            frontier = [far for here in frontier for far in self.sessions[here] if far not in seen]
            seen.update(frontier)
        return Obstacle.NO_SESSION, "", there

    def _between(self, teller: str, here: str) -> Obstacle:
        far_ends = self.sessions[here][teller]
        found = [self._on(teller, here, (end, far_ends[each])) for each, end in self.sessions[teller][here].items()]
        return min(found, key=list(Obstacle).index)

    def _on(self, teller: str, here: str, ends: tuple[End, End]) -> Obstacle:
        has = self.used[teller]
        told = tell(has, ends[0])
        if told is None:
            return _silence(has, ends[0])
        dropped = loop(self.graph, here, told, ends[1])
        assert dropped is not None, "a route that was told and not dropped was heard"  # noqa: S101
        return dropped


def propagate(graph: SessionGraph, sessions: Neighbours, sources: Mapping[str, Heard]) -> Propagation:
    """A prefix that each of `sources` has from outside the graph, or of its own."""
    heard: dict[str, Known] = {name: {} for name in sessions}
    used: dict[str, Heard] = {}
    changes = dict.fromkeys(sessions, 0)
    for name, source in sources.items():
        heard[name]["", 0] = used[name] = source
    waiting = dict.fromkeys(sources)
    while waiting:
        here = next(iter(waiting))
        del waiting[here]
        changes[here] += 1
        if changes[here] > MOST_CHANGES:
            return Propagation(graph, sessions, used, settled=False)
        for there, links in sessions[here].items():
            if _hear(graph, (here, there), heard[there], used.get(here), (links, sessions[there][here])):
                best = min(heard[there].values(), key=Heard.rank, default=None)
                if best != used.get(there):
                    if best is None:
                        del used[there]
                    else:
                        used[there] = best
                    waiting[there] = None
    return Propagation(graph, sessions, used, settled=True)


def _hear(
    graph: SessionGraph, pair: tuple[str, str], known: Known, has: Heard | None, links: tuple[Links, Links]
) -> bool:
    """What `there` now has from `here`, on each of their sessions. True when that is something else than before."""
    here, there = pair
    changed = False
    for between, end in links[0].items():
        far_end = links[1][between]
        told = tell(has, end) if has is not None else None
        before = known.pop((here, between), None)
        if told is not None and loop(graph, there, told, far_end) is None:
            sender, route = graph.routers[here].router_id, _taken(told, far_end)
            known[here, between] = Heard(route, far_end.relation, sender, far_end.peer_address, far_end.cluster)
        changed |= known.get((here, between)) != before
    return changed


def tell(has: Heard, end: End) -> Route | None:
    """What a router tells of the route it uses on the session of which it has this end; None for nothing."""
    how = handling(has.relation, end.relation)
    route = has.route._replace(next_hop=_next_hop(has, end))
    if how is Handling.WITHHOLD or (end.relation is Relation.EBGP and has.peer_address == end.peer_address):
        return None
    if _is_kept_from(has, end) or _lacks_next_hop(has, end):
        return None
    if end.relation is Relation.EBGP:
        only_to_customer = route.only_to_customer or (end.local_as if end.role in MARKING else 0)
        path = (end.local_as, *route.as_path)
        return Route(DEFAULT_LOCAL_PREF, path, only_to_customer=only_to_customer, next_hop=route.next_hop)
    if how is Handling.REFLECT:
        clusters = filter(None, dict.fromkeys((end.cluster, has.cluster)))
        return route._replace(originator=route.originator or has.sender, clusters=(*clusters, *route.clusters))
    return route


# By our role (RFC 9234 5): towards whom what is only for customers must not go, and from whom it is so from then on;
# towards whom we say so ourselves; from whom it is a leak.
UPWARDS = frozenset((Role.PEER, Role.CUSTOMER, Role.RS_CLIENT))
MARKING = frozenset((Role.PROVIDER, Role.RS, Role.PEER))
ABOVE = frozenset((Role.PROVIDER, Role.RS))


def _is_kept_from(has: Heard, end: End) -> bool:
    return bool(has.route.only_to_customer) and end.role in UPWARDS


def _is_leak(told: Route, end: End) -> bool:
    stranger = end.role is Role.PEER and told.only_to_customer != end.peer_as
    return bool(told.only_to_customer) and (end.role in ABOVE or stranger)


def _taken(told: Route, end: End) -> Route:
    """The route as it enters the receiver's AS."""
    marked = not told.only_to_customer and end.role in UPWARDS
    return told._replace(only_to_customer=end.peer_as) if marked else told


def _silence(has: Heard, end: End) -> Obstacle:
    """Why nothing is told on this end."""
    if _is_kept_from(has, end):
        return Obstacle.ROUTE_LEAK
    return Obstacle.NO_NEXT_HOP if _lacks_next_hop(has, end) else Obstacle.SPLIT_HORIZON


def _lacks_next_hop(has: Heard, end: End) -> bool:
    next_hop = _next_hop(has, end)
    return bool(next_hop) and next_hop not in end.next_hops


def _next_hop(has: Heard, end: End) -> int:
    """The family of the next hop that would be told (RFC 4271 5.1.3)."""
    return end.own if end.replaces or has.relation is Relation.LOCAL else has.route.next_hop


def loop(graph: SessionGraph, there: str, told: Route, end: End) -> Obstacle | None:
    """Why `there` drops what it was told on this end of its session; None when it takes it."""
    router = graph.routers[there]
    if told.as_path.count(end.local_as) > end.allow_local_as:
        return Obstacle.AS_LOOP
    if end.relation is Relation.EBGP:
        return Obstacle.ROUTE_LEAK if _is_leak(told, end) else None
    if told.originator == router.router_id:
        return Obstacle.ORIGINATOR_LOOP
    return None if router.cluster_ids.isdisjoint(told.clusters) else Obstacle.CLUSTER_LOOP


def reaches_outside(graph: SessionGraph, outcome: Propagation) -> bool:
    """Whether a router that is no node is told of the prefix."""
    return any(
        handling(heard.relation, outside) is not Handling.WITHHOLD
        for name, heard in outcome.used.items()
        for outside in graph.routers[name].outside
    )


def from_outside(graph: SessionGraph, sessions: Neighbours) -> frozenset[str]:
    """The routers that a prefix reaches which every router outside tells its peers."""
    sources = {name: _strangers(graph.routers[name].outside) for name in sessions if graph.routers[name].outside}
    return frozenset(propagate(graph, sessions, sources).used)


def _strangers(relations: Iterable[Relation]) -> Heard:
    """A route from a router outside, in the relation from which most is passed on; AS 0 is nobody's."""
    order = (Relation.EBGP, Relation.CLIENT, Relation.NON_CLIENT)
    kind = min(relations, key=order.index)
    return Heard(Route(DEFAULT_LOCAL_PREF, (0,)), kind, sender=b"\xff" * 4)
