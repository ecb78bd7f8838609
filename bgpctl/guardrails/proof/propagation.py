"""One prefix through the session graph, by the engine's rules: which routers receive it, and why the others do not.

Each router keeps the routes that its peers advertise, uses the best and advertises that one. The rules are those of
`reflection.py` and `export.py`: what is advertised to which kind of peer (RFC 4456 6), ORIGINATOR_ID and CLUSTER_LIST
(RFC 4456 8), the AS loop (RFC 4271 9.1.2), roles and ONLY_TO_CUSTOMER (RFC 9234 5), next hops of the other family (RFC
8950). Which route a router uses decides what it may advertise, so the choice is made as in `decision.py`; of its steps
these can differ here:

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

# A prefix settles when no router changes its route any more. Routers that change it this often never settle.
MOST_CHANGES = 200


class Obstacle(StrEnum):
    """Why a route stops between a router that has it and its peer; the text follows the names of the two."""

    SPLIT_HORIZON = "iBGP split horizon: neither side is the other's client"
    CLUSTER_LOOP = "cluster ID loop: both are reflectors with the same cluster ID"
    ORIGINATOR_LOOP = "ORIGINATOR_ID loop: both have the same router ID"
    AS_LOOP = "AS loop: the AS of the receiver is in AS_PATH"
    ROUTE_LEAK = "roles: a route from a provider, peer or route server is advertised to customers only"
    NO_NEXT_HOP = "no usable next hop: on a session between IPv4 addresses it must be of the family of the route"
    NO_SESSION = "no session leads there"
    UNSETTLED = "the routers never settle on a route"


class Route(NamedTuple):
    """What is advertised: the attributes that differ between the routes of one prefix. `originator` b"" for none,
    `only_to_customer` 0, and `next_hop` the family of it, 0 if it is not known."""

    local_pref: int
    as_path: tuple[int, ...] = ()
    originator: bytes = b""
    clusters: tuple[str, ...] = ()
    only_to_customer: int = 0
    next_hop: int = 0


class Received(NamedTuple):
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


OWN = Received(Route(PRIORITY_BASE - NORMAL_PRIORITY), Relation.LOCAL)
Neighbours = Mapping[str, Mapping[str, Links]]
# The routes that a router has for a prefix, by the peer and the family of the addresses of the session.
RibIn = dict[tuple[str, int], Received]


def neighbours(graph: SessionGraph, present: Collection[str]) -> Neighbours:
    """The sessions among these nodes: node -> peer -> the node's ends."""
    return {here: dict(graph.neighbours(here, present)) for here in present}


@dataclass(frozen=True, slots=True)
class Propagation:
    """The outcome for one prefix: what each router uses. Routers that did not receive it are not in `used`."""

    graph: SessionGraph
    sessions: Neighbours
    used: Mapping[str, Received]
    settled: bool

    def obstacle(self, there: str) -> tuple[Obstacle, str, str]:
        """Why the router did not receive the prefix: the obstacle nearest to it, between which two routers."""
        if not self.settled:
            return Obstacle.UNSETTLED, "", ""
        seen, frontier = {there}, [there]
        while frontier:
            for here in frontier:
                for sender in self.sessions[here]:
                    if sender in self.used:
                        return self._between(sender, here), sender, here
            frontier = [far for here in frontier for far in self.sessions[here] if far not in seen]
            seen.update(frontier)
        return Obstacle.NO_SESSION, "", there

    def _between(self, sender: str, here: str) -> Obstacle:
        far_ends = self.sessions[here][sender]
        found = [self._on(sender, here, (end, far_ends[each])) for each, end in self.sessions[sender][here].items()]
        return min(found, key=list(Obstacle).index)

    def _on(self, sender: str, here: str, ends: tuple[End, End]) -> Obstacle:
        has = self.used[sender]
        advertised = advertise(has, ends[0])
        if advertised is None:
            return _withheld(has, ends[0])
        dropped = loop(self.graph, here, advertised, ends[1])
        assert dropped is not None, "a route that was advertised and not dropped was received"  # noqa: S101
        return dropped


def propagate(graph: SessionGraph, sessions: Neighbours, sources: Mapping[str, Received]) -> Propagation:
    """A prefix that each of `sources` has from outside the graph, or of its own."""
    received: dict[str, RibIn] = {name: {} for name in sessions}
    used: dict[str, Received] = {}
    changes = dict.fromkeys(sessions, 0)
    for name, source in sources.items():
        received[name]["", 0] = used[name] = source
    waiting = dict.fromkeys(sources)
    while waiting:
        here = next(iter(waiting))
        del waiting[here]
        changes[here] += 1
        if changes[here] > MOST_CHANGES:
            return Propagation(graph, sessions, used, settled=False)
        for there, links in sessions[here].items():
            if _receive(graph, (here, there), received[there], used.get(here), (links, sessions[there][here])):
                best = min(received[there].values(), key=Received.rank, default=None)
                if best != used.get(there):
                    if best is None:
                        del used[there]
                    else:
                        used[there] = best
                    waiting[there] = None
    return Propagation(graph, sessions, used, settled=True)


def _receive(
    graph: SessionGraph, pair: tuple[str, str], rib_in: RibIn, has: Received | None, links: tuple[Links, Links]
) -> bool:
    """What `there` now has from `here`, on each of their sessions. True when that is not what it had before."""
    here, there = pair
    changed = False
    for between, end in links[0].items():
        far_end = links[1][between]
        advertised = advertise(has, end) if has is not None else None
        before = rib_in.pop((here, between), None)
        if advertised is not None and loop(graph, there, advertised, far_end) is None:
            router_id, route = graph.routers[here].router_id, _taken(advertised, far_end)
            rib_in[here, between] = Received(route, far_end.relation, router_id, far_end.peer_address, far_end.cluster)
        changed |= rib_in.get((here, between)) != before
    return changed


def advertise(has: Received, end: End) -> Route | None:
    """What a router advertises of the route that it uses, on the session of which it has this end; None for nothing."""
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


# By our own role (RFC 9234 5). UPWARDS: routes that are only for customers are not advertised, and those received are
# only for customers from then on. MARKING: ONLY_TO_CUSTOMER is added. ABOVE: a received one is a leak.
UPWARDS = frozenset((Role.PEER, Role.CUSTOMER, Role.RS_CLIENT))
MARKING = frozenset((Role.PROVIDER, Role.RS, Role.PEER))
ABOVE = frozenset((Role.PROVIDER, Role.RS))


def _is_kept_from(has: Received, end: End) -> bool:
    return bool(has.route.only_to_customer) and end.role in UPWARDS


def _is_leak(advertised: Route, end: End) -> bool:
    of_another_as = end.role is Role.PEER and advertised.only_to_customer != end.peer_as
    return bool(advertised.only_to_customer) and (end.role in ABOVE or of_another_as)


def _taken(advertised: Route, end: End) -> Route:
    """The route as it enters the receiver's AS."""
    marked = not advertised.only_to_customer and end.role in UPWARDS
    return advertised._replace(only_to_customer=end.peer_as) if marked else advertised


def _withheld(has: Received, end: End) -> Obstacle:
    """Why nothing is advertised on this end."""
    if _is_kept_from(has, end):
        return Obstacle.ROUTE_LEAK
    return Obstacle.NO_NEXT_HOP if _lacks_next_hop(has, end) else Obstacle.SPLIT_HORIZON


def _lacks_next_hop(has: Received, end: End) -> bool:
    next_hop = _next_hop(has, end)
    return bool(next_hop) and next_hop not in end.next_hops


def _next_hop(has: Received, end: End) -> int:
    """The family of the next hop that would be advertised (RFC 4271 5.1.3)."""
    return end.own if end.replaces or has.relation is Relation.LOCAL else has.route.next_hop


def loop(graph: SessionGraph, there: str, advertised: Route, end: End) -> Obstacle | None:
    """Why `there` drops what is advertised to it on this end of its session; None when it accepts it."""
    router = graph.routers[there]
    if advertised.as_path.count(end.local_as) > end.allow_local_as:
        return Obstacle.AS_LOOP
    if end.relation is Relation.EBGP:
        return Obstacle.ROUTE_LEAK if _is_leak(advertised, end) else None
    if advertised.originator == router.router_id:
        return Obstacle.ORIGINATOR_LOOP
    return None if router.cluster_ids.isdisjoint(advertised.clusters) else Obstacle.CLUSTER_LOOP


def reaches_outside(graph: SessionGraph, outcome: Propagation) -> bool:
    """Whether the prefix is advertised to a router that is no node."""
    return any(
        handling(received.relation, outside) is not Handling.WITHHOLD
        for name, received in outcome.used.items()
        for outside in graph.routers[name].outside
    )


def from_outside(graph: SessionGraph, sessions: Neighbours) -> frozenset[str]:
    """The routers that a prefix reaches which every router outside advertises to its peers."""
    sources = {
        name: _route_from_outside(graph.routers[name].outside) for name in sessions if graph.routers[name].outside
    }
    return frozenset(propagate(graph, sessions, sources).used)


def _route_from_outside(relations: Iterable[Relation]) -> Received:
    """A route from a router outside, in the relation from which most is advertised; no router has AS 0."""
    order = (Relation.EBGP, Relation.CLIENT, Relation.NON_CLIENT)
    kind = min(relations, key=order.index)
    return Received(Route(DEFAULT_LOCAL_PREF, (0,)), kind, sender=b"\xff" * 4)
