"""Everything that a decision about one wanted plan rests on, and what follows from it at once: frozen values.

Rule: a session counts as taken if it ends and was Established within the window, unless the machine itself has lost its
address, or the other end has changed it already; it counts as kept if it is Established now and the wanted plan leaves
it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bgpctl.brake.before import definition_of
from bgpctl.brake.best_state import BestState, SeenSession
from bgpctl.brake.endings import BY_POLICY, Ending, EndingKind, endings
from bgpctl.brake.facts import Facts
from bgpctl.brake.limits import OTHER_END_FOLLOWS
from bgpctl.brake.live import LiveState, Source
from bgpctl.brake.prefix_limits import over_limits
from bgpctl.brake.rejections import rejections
from bgpctl.brake.ways import Way, is_to_reflector, served_clusters, way
from reflector.plan import Family, NodePlan, SessionPlan

NO_FAMILIES: frozenset[Family] = frozenset()


# What a session loses by these is in the definition of the plan: if that is as it was, it came since then.
OF_THE_DEFINITION = BY_POLICY | {EndingKind.REMOVED, EndingKind.NOT_REFLECTED}


@dataclass(frozen=True)
class Situation:
    """`best` has observed the live state already. Sessions are spoken of by name."""

    running: NodePlan
    wanted: NodePlan
    live: LiveState
    facts: Facts
    best: BestState
    now: float

    @cached_property
    def cluster_ids(self) -> Mapping[str, str]:
        """Of the nodes that reflected when the running plan was made, and of new ones."""
        return {**self.facts.reflectors, **self.best.reflectors}

    @cached_property
    def endings(self) -> Mapping[str, Ending]:
        """A session that ends is not asked what its policies reject."""
        found = rejections(self.running, self.wanted, self.facts)
        found |= over_limits(self.running, self.wanted, self.facts, self.live)
        return found | endings(self.running, self.wanted, self.best.reflectors, self.facts.reflectors)

    @cached_property
    def taken(self) -> frozenset[str]:
        recent = self.best.recent(self.now) & self.endings.keys()
        return frozenset(
            name
            for name in recent
            if self.sessions[name].local_address not in self.live.absent and not self._is_changed_at_the_other_end(name)
        )

    def _is_changed_at_the_other_end(self, name: str) -> bool:
        """Two nodes follow the same resources, but what isolates one of them may be little to the other."""
        ending, since = self.endings[name], self.now - OTHER_END_FOLLOWS
        is_of_nodes = ending.kind is EndingKind.CHANGED and ending.session.peer_node in self.facts.nodes
        return is_of_nodes and name not in self.live.established and self.best.sessions[name].at < since

    @cached_property
    def kept_or_gained(self) -> frozenset[str]:
        """All sessions that are Established and stay so."""
        wanted = {each.name for each in self.wanted.sessions}
        return (self.live.established & wanted) - self.endings.keys()

    @cached_property
    def kept(self) -> frozenset[str]:
        """Of these, those that were there before something was held."""
        before = self.best.before
        return self.kept_or_gained if before is None else self.kept_or_gained & before.sessions

    @cached_property
    def counted_sessions(self) -> Mapping[str, SeenSession]:
        """Those of the best state that count, as do nodes, prefixes, networks and tunnel routes: what came while
        something is held does not."""
        before, seen = self.best.before, self.best.sessions
        return seen if before is None else {name: each for name, each in seen.items() if name in before.sessions}

    @cached_property
    def counted_nodes(self) -> frozenset[str]:
        """All that there are, where it is not for this node to judge how many are missing."""
        if self.facts.limits.nodes is None:
            return self.facts.nodes
        before, seen = self.best.before, frozenset(self.best.nodes)
        return seen if before is None else seen & before.nodes

    @cached_property
    def counted_prefixes(self) -> frozenset[str]:
        before, seen = self.best.before, frozenset(self.best.originations)
        return seen if before is None else seen & before.prefixes

    @cached_property
    def counted_networks(self) -> frozenset[str]:
        before = self.best.before
        return self.best.networks if before is None else self.best.networks & before.networks

    @cached_property
    def counted_tunnel_routes(self) -> Mapping[str, str]:
        """Prefix -> the node that has the block."""
        before, seen = self.best.before, self.best.tunnel_routes
        return {prefix: each.node for prefix, each in seen.items() if before is None or prefix in before.tunnel_routes}

    @cached_property
    def kept_clients(self) -> frozenset[str]:
        """Of these, those whose peer goes on being a client of this reflector."""
        return self.kept & {each.name for each in self.wanted.sessions if each.rr_client}

    @cached_property
    def sessions(self) -> Mapping[str, SessionPlan]:
        """Of the running plan."""
        return {each.name: each for each in self.running.sessions}

    @cached_property
    def ways(self) -> Mapping[str, Way]:
        """Of the running plan's sessions, without those to local workloads."""
        served = served_clusters(self.running)
        found = {name: way(served, each, self.cluster_ids) for name, each in self.sessions.items()}
        return {name: each for name, each in found.items() if each is not None}

    @cached_property
    def is_put_right(self) -> bool:
        """Everything is as it was when something began to be held: what has come since then may go."""
        before = self.best.before
        if before is None:
            return False
        if any(each.kind not in OF_THE_DEFINITION and name in before.sessions for name, each in self.endings.items()):
            return False
        return before.definition <= set(definition_of(self.wanted)) and before.nodes <= self.facts.nodes

    def that_end(self, names: Iterable[str], family: Family, ways: frozenset[Way]) -> frozenset[str]:
        """Those of the taken sessions that lose the family and are of one of these ways."""
        return frozenset(
            name for name in names if self.ways.get(name) in ways and family in self.endings[name].families
        )

    def that_carry(self, family: Family, ways: frozenset[Way]) -> frozenset[str]:
        """Those of the kept sessions that carry the family and are of one of these ways; so do those that lose only
        the other one."""
        partly = (name for name in self.losing_one_family if family not in self.endings[name].families)
        return frozenset(
            name
            for name in (*self.kept, *partly)
            if self.ways.get(name) in ways and family in self.sessions[name].families
        )

    @cached_property
    def losing_one_family(self) -> frozenset[str]:
        """Sessions that are Established, carry both families, and lose one."""
        lost = frozenset(name for name, each in self.endings.items() if each.families != each.session.families)
        return lost & self.live.established

    @cached_property
    def reflectors(self) -> frozenset[str]:
        """Before and after, with "" for iBGP peers that are no Nodes."""
        return frozenset({"", *self.cluster_ids})

    @cached_property
    def reflectors_that_stay(self) -> frozenset[str]:
        """With "" for iBGP peers that are no Nodes: of them it is taken for granted that they reflect."""
        return frozenset({"", *self.facts.reflectors})

    @cached_property
    def live_reflectors(self) -> frozenset[str]:
        """The kept sessions to reflectors that go on reflecting to this node. What one of a cluster that this node
        serves reflects is rejected here."""
        served = served_clusters(self.wanted)
        return frozenset(
            name
            for name in self.kept_or_gained & self.sessions.keys()
            if is_to_reflector(self.sessions[name], self.reflectors_that_stay)
            and self.facts.reflectors.get(self.sessions[name].peer_node, "") not in served
        )

    @cached_property
    def reflected_families(self) -> frozenset[Family]:
        """Those that a live reflector carries."""
        return frozenset(family for name in self.live_reflectors for family in self.sessions[name].families)

    def has_live_reflector(self, session: SessionPlan) -> bool:
        """For each family that the session carries."""
        return self.reflected_families.issuperset(session.families)

    @cached_property
    def families_kept(self) -> Mapping[str, frozenset[Family]]:
        """Of each node: those that sessions to it, Established now and after, carry."""
        found: dict[str, frozenset[Family]] = {}
        for name in self.kept_or_gained & self.sessions.keys():
            session = self.sessions[name]
            found[session.peer_node] = found.get(session.peer_node, NO_FAMILIES) | frozenset(session.families)
        return found

    def only_sources(self, gone: frozenset[str]) -> Iterator[Source]:
        """What is learned from these sessions alone. A session that is only not advertised to any more is no loss of
        what it sends."""
        if not self.live.sources:
            return iter(())
        silent = {name for name in gone if self.endings[name].kind is not EndingKind.NOT_ADVERTISED}
        return (
            each
            for each in self.live.sources
            if each.sessions <= silent and all(each.family in self.endings[name].families for name in each.sessions)
        )
