"""The best state of a node in the last ten minutes: what limits count against.

Rule: several small steps take no more than one large one. So what was Established, originated or a Node within WINDOW
counts as there, until it is let go on purpose: confirmed, or replaced by something that lives. While a change is held
nothing in here ages, for waiting is no way around it either. Time is an argument, in seconds since the epoch, because
this outlives the agent: `encode_best_state` is what the run directory keeps of it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from bgpctl.brake.before import Before, definition_of
from bgpctl.brake.facts import Facts
from bgpctl.brake.limits import WINDOW
from bgpctl.brake.live import LiveState
from bgpctl.brake.originations import lasting
from bgpctl.brake.ways import Way, served_clusters, way
from reflector.plan import Family, NodePlan

VERSION = 1
K = TypeVar("K")


class SeenSession(msgspec.Struct, frozen=True):
    """When it was last Established, and what it was to this node then."""

    at: float
    way: Way


class SeenTunnelRoute(msgspec.Struct, frozen=True):
    """When a block of this node, which has no BGP speaker, was last routed through the tunnel."""

    at: float
    node: str


class RouteCount(msgspec.Struct, frozen=True):
    """So many routes of a family at a time."""

    at: float
    family: Family
    routes: int


class BestState(msgspec.Struct, frozen=True):
    """sessions       by name
    clients        name of a session -> when its peer was last a client of this reflector
    originations   prefix -> when it was last originated
    released       prefix -> when it was last being given back
    emptied        prefix -> when it was last about to go while no workload used it
    nodes          name -> when there was last such a Node
    reflectors     name -> the cluster ID that it had when the running plan was made
    networks       of the kernel rules of the running plan
    tunnel_routes  by prefix
    learned        the routes that there were
    taken          the routes that new plans have taken
    used           digests of confirmations that have done what they were for
    before         what there was when something began to be held; None: nothing is
    """

    sessions: dict[str, SeenSession] = {}
    clients: dict[str, float] = {}
    originations: dict[str, float] = {}
    released: dict[str, float] = {}
    emptied: dict[str, float] = {}
    nodes: dict[str, float] = {}
    reflectors: dict[str, str] = {}
    networks: frozenset[str] = frozenset()
    tunnel_routes: dict[str, SeenTunnelRoute] = {}
    learned: tuple[RouteCount, ...] = ()
    taken: tuple[RouteCount, ...] = ()
    used: frozenset[str] = frozenset()
    before: Before | None = None
    version: int = VERSION

    def recent(self, now: float) -> frozenset[str]:
        """The sessions that were Established within the window."""
        return frozenset(name for name, seen in self.sessions.items() if seen.at > now - WINDOW)

    def most_routes(self, family: Family) -> int:
        return max((each.routes for each in self.learned if each.family == family), default=0)

    def routes_taken(self, family: Family) -> int:
        return sum(each.routes for each in self.taken if each.family == family)

    def observe(self, now: float, plan: NodePlan, live: LiveState, facts: Facts) -> BestState:
        """What is so now, `plan` being the running one; `facts` of the resources that there are."""
        cluster_ids, served = {**facts.reflectors, **self.reflectors}, served_clusters(plan)
        up = {
            each.name: SeenSession(now, found)
            for each in plan.sessions
            if each.name in live.established and (found := way(served, each, cluster_ids)) is not None
        }
        clients = dict.fromkeys((name for name, seen in up.items() if seen.way is Way.CLIENT), now)
        routed = {each.prefix: SeenTunnelRoute(now, each.node) for each in plan.kernel.tunnel_routes}
        tunnel_routes = {**self.tunnel_routes, **routed}
        counts = tuple(RouteCount(now, family, live.routes(family)) for family in (4, 6) if live.routes(family))
        return replace(
            self,
            nodes=self.nodes or dict.fromkeys(_nodes_of(plan), now),
            sessions={**self.sessions, **up},
            clients={**self.clients, **clients},
            originations={**self.originations, **dict.fromkeys(lasting(plan), now)},
            released={**self.released, **dict.fromkeys(facts.released, now)},
            emptied={**self.emptied, **dict.fromkeys(live.empty, now)},
            networks=frozenset(rule.network for rule in plan.kernel.rules),
            tunnel_routes={prefix: seen for prefix, seen in tunnel_routes.items() if prefix not in facts.moved},
            learned=_thinned(self.learned + counts),
        )

    def in_force(self, now: float, facts: Facts) -> BestState:
        """These resources are in force, and nothing is held."""
        nodes = {**self.nodes, **dict.fromkeys(facts.nodes, now)}
        state = replace(self, nodes=nodes, reflectors=dict(facts.reflectors), before=None)
        return state.aged(now)

    def holding(self, now: float, running: NodePlan, facts: Facts) -> BestState:
        """Something of what would replace the running plan is held."""
        before = self.before or Before(
            frozenset(definition_of(running)),
            frozenset(self.sessions),
            frozenset(self.originations),
            frozenset(self.nodes),
            self.networks,
            frozenset(self.tunnel_routes),
        )
        return replace(self, nodes={**self.nodes, **dict.fromkeys(facts.nodes, now)}, before=before)

    def aged(self, now: float) -> BestState:
        """Without what is older than the window. Not for a state in which something is held."""
        since = now - WINDOW
        return replace(
            self,
            sessions={name: seen for name, seen in self.sessions.items() if seen.at > since},
            clients=_since(self.clients, since),
            originations=_since(self.originations, since),
            released=_since(self.released, since),
            emptied=_since(self.emptied, since),
            nodes=_since(self.nodes, since),
            tunnel_routes={prefix: seen for prefix, seen in self.tunnel_routes.items() if seen.at > since},
            learned=tuple(each for each in self.learned if each.at > since),
            taken=tuple(each for each in self.taken if each.at > since),
        )

    def without(self, sessions: Collection[str]) -> BestState:
        """Something that lives has replaced these."""
        return replace(
            self,
            sessions={name: seen for name, seen in self.sessions.items() if name not in sessions},
            clients={name: at for name, at in self.clients.items() if name not in sessions},
        )

    def with_taken(self, counts: tuple[RouteCount, ...]) -> BestState:
        return replace(self, taken=self.taken + counts) if counts else self

    def renewed(self, used: Collection[str]) -> BestState:
        """After a confirmation: what there is from now on is the best state."""
        return BestState(used=self.used | frozenset(used))

    def not_from_the_future(self, now: float) -> BestState:
        """After the machine's clock was put back: what lies ahead is of now."""
        return replace(
            self,
            sessions={name: replace(seen, at=min(seen.at, now)) for name, seen in self.sessions.items()},
            clients=_not_after(self.clients, now),
            originations=_not_after(self.originations, now),
            released=_not_after(self.released, now),
            emptied=_not_after(self.emptied, now),
            nodes=_not_after(self.nodes, now),
            tunnel_routes={prefix: replace(seen, at=min(seen.at, now)) for prefix, seen in self.tunnel_routes.items()},
            learned=tuple(replace(each, at=min(each.at, now)) for each in self.learned),
            taken=tuple(replace(each, at=min(each.at, now)) for each in self.taken),
        )


NOTHING_KNOWN = BestState()


def encode_best_state(state: BestState) -> bytes:
    return msgspec.json.encode(state)


def decode_best_state(data: bytes) -> BestState:
    """The inverse. Raises msgspec.MsgspecError for what this version does not read."""
    state = msgspec.json.decode(data, type=BestState)
    if state.version != VERSION:
        raise msgspec.ValidationError(f"best state of version {state.version}, this agent reads version {VERSION}")
    return state


def _nodes_of(plan: NodePlan) -> frozenset[str]:
    """The Nodes that a plan knows of: all that is known of the resources that it was made of."""
    ends = (each.node for vxlan in plan.kernel.vxlans for each in vxlan.vteps)
    return frozenset({plan.node, *(each.peer_node for each in plan.sessions), *ends} - {""})


def _not_after(times: dict[K, float], now: float) -> dict[K, float]:
    return {key: min(at, now) for key, at in times.items()}


def _since(times: dict[K, float], since: float) -> dict[K, float]:
    return {key: at for key, at in times.items() if at > since}


def _thinned(counts: tuple[RouteCount, ...]) -> tuple[RouteCount, ...]:
    """In the order of time, without those that a later one of the same family is not below: no maximum of any window
    that ends after them is one of these."""
    kept: list[RouteCount] = []
    for each in counts:
        kept = [other for other in kept if other.family != each.family or other.routes > each.routes]
        kept.append(each)
    return tuple(kept)
