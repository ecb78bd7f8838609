"""The session graph of one address family: which nodes have a session with each other, and of what relation.

Built from all nodes' plans, which pass by one at a time. A session is in the graph when both ends have it and agree.
The node-to-node mesh is not written out: 5,000 nodes have 12 million sessions of it. It is one set of members, any
two of whom have a session unless something explicit stands between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.addresses import FAMILIES, family_of
from bgpctl.compiler.passwords import PasswordMissingError, find_password
from bgpctl.guardrails.agreement import Disagreement, SessionEnd, disagreement, listen_port
from reflector.plan import Family, NodePlan, Password, RouteSource, SessionKind, SessionPlan
from reflector.reflection import Relation, relation
from reflector.wire.nlri import pack_address


@dataclass(frozen=True, slots=True)
class End:
    """One end of a session, as a route sees it. `peer_address` is packed and says nothing about equality."""

    relation: Relation
    local_as: int
    allow_local_as: int
    peer_address: bytes


@dataclass(frozen=True, slots=True)
class Router:
    """A node in the graph. `router_id` is packed.

    originates   it may put prefixes of its own into BGP
    outside      what it has sessions to that is no node
    """

    name: str
    address: str
    router_id: bytes
    local_as: int
    cluster_id: str
    originates: bool
    outside: frozenset[Relation] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionGraph:
    """ends     node -> peer -> the node's end; always both ways
    barred   pairs between which something explicit stands that makes no session, both ways, with the reason
    mesh     the members of the node-to-node mesh
    """

    family: Family
    routers: Mapping[str, Router]
    ends: Mapping[str, Mapping[str, End]]
    barred: Mapping[str, Mapping[str, Disagreement]]
    mesh: frozenset[str] = frozenset()

    def end(self, here: str, there: str) -> End | None:
        """The end of `here` of its session with `there`; None when there is no session."""
        found = self.ends[here].get(there)
        return found if found is not None or not self._meshed(here, there) else self._mesh_end(here, there)

    def neighbours(self, here: str, among: Iterable[str]) -> Iterator[tuple[str, End]]:
        for there in among:
            end = self.end(here, there) if here != there else None
            if end is not None:
                yield there, end

    def degree(self, here: str) -> int:
        """How many sessions with nodes it has."""
        return len(self.ends[here]) + (len(self.mesh) - 1 - len(self._apart(here)) if here in self.mesh else 0)

    def _apart(self, here: str) -> set[str]:
        """Members of the mesh with which this one has something else, or nothing, instead of a mesh session."""
        return {there for there in (*self.ends[here], *self.barred[here]) if there in self.mesh}

    def _meshed(self, here: str, there: str) -> bool:
        if here == there or here not in self.mesh or there not in self.mesh or there in self.barred[here]:
            return False
        one, other = self.routers[here], self.routers[there]
        same_router = one.local_as == other.local_as and one.router_id == other.router_id
        return one.address != other.address and not same_router

    def _mesh_end(self, here: str, there: str) -> End:
        one, other = self.routers[here], self.routers[there]
        kind = Relation.NON_CLIENT if one.local_as == other.local_as else Relation.EBGP
        return End(kind, one.local_as, 0, pack_address(other.address))


@dataclass(frozen=True, slots=True)
class _Speaker:
    """What of a node's plan the graph needs."""

    plan: NodePlan
    address: str
    sessions: Mapping[str, SessionPlan]
    held: frozenset[str]
    port: int


@dataclass(frozen=True, slots=True)
class _Mesh:
    """There is a mesh, and this is its password."""

    password: Password | None

    def session(self, here: _Speaker, there: _Speaker) -> SessionPlan:
        """The end of `here`, as the compiler plans it: of two nodes the one with the smaller address waits."""
        return SessionPlan(
            name=there.address,
            kind=SessionKind.MESH,
            peer_address=there.address,
            peer_as=there.plan.local_as,
            local_as=here.plan.local_as,
            families=(family_of(there.address),),
            peer_port=there.port,
            passive=there.address > here.address,
            password=self.password,
        )


def session_graphs(plans: Iterable[NodePlan], index: ClusterIndex, options: CompileOptions) -> list[SessionGraph]:
    """One graph for each family that a node has an address in. Whether the plans have the mesh's sessions in them
    makes no difference: they are not looked at."""
    speakers: dict[Family, dict[str, _Speaker]] = {family: {} for family in FAMILIES}
    for plan in plans:
        for family in FAMILIES:
            if index.nodes[plan.node].addresses[family] or _originates(plan, family):
                speakers[family][plan.node] = _speaker(plan, index, family)
    mesh = _mesh(index, options)
    return [_Builder(family, found, mesh, index).build() for family, found in speakers.items() if found]


def _speaker(plan: NodePlan, index: ClusterIndex, family: Family) -> _Speaker:
    explicit = [each for each in plan.sessions if each.kind is not SessionKind.MESH and family in each.families]
    return _Speaker(
        plan=plan,
        address=index.nodes[plan.node].addresses[family],
        sessions={each.peer_address: each for each in explicit},
        held=frozenset(each.peer_address for each in plan.held if family_of(each.peer_address) == family),
        port=listen_port(plan, family),
    )


def _originates(plan: NodePlan, family: Family) -> bool:
    return any(each.source is RouteSource.BLOCK and family_of(each.prefix) == family for each in plan.originations)


def _mesh(index: ClusterIndex, options: CompileOptions) -> _Mesh | None:
    """A mesh whose password is missing is held as a whole."""
    wanted = index.configuration.cluster.node_mesh_password
    if not index.configuration.mesh:
        return None
    try:
        return _Mesh(find_password(wanted, index.resources, options) if wanted is not None else None)
    except PasswordMissingError:
        return None


class _Builder:
    """Puts the two ends of each session together."""

    def __init__(self, family: Family, speakers: dict[str, _Speaker], mesh: _Mesh | None, index: ClusterIndex) -> None:
        self._family = family
        self._speakers = speakers
        self._mesh = mesh
        self._owners = index.node_by_address
        self._ends: dict[str, dict[str, End]] = {name: {} for name in speakers}
        self._barred: dict[str, dict[str, Disagreement]] = {name: {} for name in speakers}
        self._outside: dict[str, set[Relation]] = {name: set() for name in speakers}

    def build(self) -> SessionGraph:
        for here, speaker in self._speakers.items():
            for address, session in speaker.sessions.items():
                there = self._owners.get(address)
                if there is None:
                    self._outside[here].add(relation(session))
                elif there != here:
                    self._join(here, there)
            for address in speaker.held - speaker.sessions.keys():
                there = self._owners.get(address)
                if there is not None and there != here:
                    self._bar(here, there, Disagreement.HELD)
        members = frozenset(name for name, each in self._speakers.items() if self._in_mesh(each))
        routers = {name: self._router(name, each) for name, each in self._speakers.items()}
        return SessionGraph(self._family, routers, self._ends, self._barred, members)

    def _router(self, name: str, speaker: _Speaker) -> Router:
        plan = speaker.plan
        return Router(
            name=name,
            address=speaker.address,
            router_id=pack_address(plan.router_id),
            local_as=plan.local_as,
            cluster_id=plan.cluster_id,
            originates=not plan.cluster_id or _originates(plan, self._family),
            outside=frozenset(self._outside[name]),
        )

    def _in_mesh(self, speaker: _Speaker) -> bool:
        return self._mesh is not None and bool(speaker.address) and not speaker.plan.cluster_id

    def _join(self, here: str, there: str) -> None:
        if there in self._ends[here] or there in self._barred[here]:
            return None
        one, other = self._end_of(here, there), self._end_of(there, here)
        if one is None or other is None:
            return self._bar(here, there, Disagreement.NO_ANSWER)
        reason = disagreement(one, other)
        if reason is not None:
            return self._bar(here, there, reason)
        self._ends[here][there] = _end(one.session)
        self._ends[there][here] = _end(other.session)
        return None

    def _bar(self, here: str, there: str, reason: Disagreement) -> None:
        if there in self._barred:
            self._barred[here][there] = self._barred[there][here] = reason

    def _end_of(self, here: str, there: str) -> SessionEnd | None:
        """What `here` is told to run towards `there`: explicit, or held, or the mesh's."""
        speaker, other = self._speakers[here], self._speakers.get(there)
        if other is None:
            return None
        session = speaker.sessions.get(other.address)
        if session is None and other.address not in speaker.held and self._in_mesh(speaker) and self._in_mesh(other):
            assert self._mesh is not None  # noqa: S101  _in_mesh has asked
            session = self._mesh.session(speaker, other)
        return SessionEnd(session, speaker.plan.router_id, speaker.port) if session is not None else None


def _end(session: SessionPlan) -> End:
    return End(relation(session), session.local_as, session.allow_local_as, pack_address(session.peer_address))
