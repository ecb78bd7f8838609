"""One prefix through the session graph, by the engine's rules: who hears it, and of the others, why not.

Each router keeps what its peers tell it, uses the best and tells that on. The rules are those of `reflection.py`:
who may be told what (RFC 4456 6), ORIGINATOR_ID and CLUSTER_LIST (RFC 4456 8), the AS loop (RFC 4271 9.1.2). What a
router uses decides what it may tell, so the choice is made as in `decision.py`; of its steps these can differ here:

    own route, LOCAL_PREF, AS_PATH length, eBGP before iBGP, BGP identifier, CLUSTER_LIST length, peer address
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bgpctl.guardrails.proof.session_graph import End, SessionGraph
from reflector.plan import DEFAULT_LOCAL_PREF, NORMAL_PRIORITY, PRIORITY_BASE
from reflector.reflection import Handling, Relation, handling

# A prefix settles when every router has heard the last of it. Routers that change their minds this often never do.
MOST_CHANGES = 200


class Obstacle(StrEnum):
    """Why a router that has the route does not bring it to its peer; the text follows the names of the two."""

    SPLIT_HORIZON = "iBGP split horizon: neither side is the other's client"
    CLUSTER_LOOP = "cluster ID loop: both are reflectors of one cluster"
    ORIGINATOR_LOOP = "ORIGINATOR_ID loop: both have the same router ID"
    AS_LOOP = "AS loop: the AS of the receiver stands in AS_PATH"
    NO_SESSION = "no session leads there"
    UNSETTLED = "the routers never agree on a route"


class Route(NamedTuple):
    """What is told: the attributes that differ between the routes of one prefix. `originator` b"" for none."""

    local_pref: int
    as_path: tuple[int, ...] = ()
    originator: bytes = b""
    clusters: tuple[str, ...] = ()


class Heard(NamedTuple):
    """A route as a router has it, and what it was learned from."""

    route: Route
    relation: Relation
    sender: bytes = b""
    peer_address: bytes = b""

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
Neighbours = Mapping[str, Mapping[str, End]]


def neighbours(graph: SessionGraph, present: Collection[str]) -> Neighbours:
    """The sessions among these nodes: node -> peer -> the node's end."""
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
        told = tell(self.graph, teller, self.used[teller], self.sessions[teller][here])
        if told is None:
            return Obstacle.SPLIT_HORIZON
        dropped = loop(self.graph, here, told, self.sessions[here][teller])
        assert dropped is not None, "a route that was told and not dropped was heard"  # noqa: S101
        return dropped


def propagate(graph: SessionGraph, sessions: Neighbours, sources: Mapping[str, Heard]) -> Propagation:
    """A prefix that each of `sources` has from outside the graph, or of its own."""
    heard: dict[str, dict[str, Heard]] = {name: {} for name in sessions}
    used: dict[str, Heard] = {}
    changes = dict.fromkeys(sessions, 0)
    for name, source in sources.items():
        heard[name][""] = used[name] = source
    waiting = dict.fromkeys(sources)
    while waiting:
        here = next(iter(waiting))
        del waiting[here]
        changes[here] += 1
        if changes[here] > MOST_CHANGES:
            return Propagation(graph, sessions, used, settled=False)
        for there, end in sessions[here].items():
            if _hear(graph, (here, there), heard[there], used.get(here), end, sessions[there][here]):
                best = min(heard[there].values(), key=Heard.rank, default=None)
                if best != used.get(there):
                    if best is None:
                        del used[there]
                    else:
                        used[there] = best
                    waiting[there] = None
    return Propagation(graph, sessions, used, settled=True)


def _hear(
    graph: SessionGraph, pair: tuple[str, str], known: dict[str, Heard], has: Heard | None, end: End, far_end: End
) -> bool:
    """What `there` now has from `here`. True when that is something else than before."""
    here, there = pair
    told = tell(graph, here, has, end) if has is not None else None
    before = known.pop(here, None)
    if told is not None and loop(graph, there, told, far_end) is None:
        known[here] = Heard(told, far_end.relation, graph.routers[here].router_id, far_end.peer_address)
    return known.get(here) != before


def tell(graph: SessionGraph, here: str, has: Heard, end: End) -> Route | None:
    """What `here` tells of the route it uses on the session of which it has this end; None for nothing."""
    how = handling(has.relation, end.relation)
    route = has.route
    if how is Handling.SILENCE or (end.relation is Relation.EBGP and has.peer_address == end.peer_address):
        return None
    if end.relation is Relation.EBGP:
        return Route(DEFAULT_LOCAL_PREF, (end.local_as, *route.as_path))
    if how is Handling.REFLECT:
        reflector = graph.routers[here]
        return route._replace(
            originator=route.originator or has.sender, clusters=(reflector.cluster_id, *route.clusters)
        )
    return route


def loop(graph: SessionGraph, there: str, told: Route, end: End) -> Obstacle | None:
    """Why `there` drops what it was told on this end of its session; None when it takes it."""
    router = graph.routers[there]
    if told.as_path.count(end.local_as) > end.allow_local_as:
        return Obstacle.AS_LOOP
    if end.relation is Relation.EBGP:
        return None
    if told.originator == router.router_id:
        return Obstacle.ORIGINATOR_LOOP
    return Obstacle.CLUSTER_LOOP if router.cluster_id and router.cluster_id in told.clusters else None


def reaches_outside(graph: SessionGraph, outcome: Propagation) -> bool:
    """Whether a router that is no node is told of the prefix."""
    return any(
        handling(heard.relation, outside) is not Handling.SILENCE
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
