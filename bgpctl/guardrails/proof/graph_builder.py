"""The session graphs of a cluster out of all nodes' plans, which pass by one at a time.

Of each plan only what the graph needs is kept (`_Speaker`). Then the two ends of each session are put together: it is
in the graph when both ends have it, agree (sessions/agreement.py) and carry the family; otherwise the pair is barred.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

from bgpctl.compiler import ClusterIndex, CompileOptions, compile_every_node
from bgpctl.compiler.node import every_policy
from bgpctl.compiler.policies.export_policy import export_policy_name
from bgpctl.compiler.sessions.passwords import PasswordMissingError, find_password
from bgpctl.compiler.sessions.session_settings import session_families
from bgpctl.guardrails.proof.prefixes import Prefixes, with_assumed_pools
from bgpctl.guardrails.proof.session_graph import NO_LINKS, NOWHERE, Router, SessionGraph
from bgpctl.guardrails.proof.traits import Traits
from bgpctl.guardrails.sessions.agreement import Disagreement, SessionEnd, disagreement, listen_port
from bgpctl.resources.resource_set import ResourceSet
from reflector.addresses import FAMILIES, family_of
from reflector.plan import Family, NodePlan, Password, Policy, RouteSource, SessionKind, SessionPlan


@dataclass(frozen=True, slots=True)
class _Speaker:
    """What of a node's plan the graph needs. `meshed`: between which of its addresses a mesh would carry the family."""

    plan: NodePlan
    addresses: Mapping[Family, str]
    sessions: Mapping[str, SessionPlan]
    suppressed: frozenset[str]
    ports: Mapping[Family, int]
    meshed: frozenset[Family]
    prefixes: tuple[str, ...]
    traits: Hashable


@dataclass(frozen=True, slots=True)
class _Mesh:
    """There is a mesh, and this is its password."""

    password: Password | None

    def session(self, here: _Speaker, there: _Speaker, between: Family) -> SessionPlan:
        """The end of `here`, as the compiler plans it: of two nodes the one with the smaller address waits."""
        own, far = here.addresses[between], there.addresses[between]
        return SessionPlan(
            name=far,
            kind=SessionKind.MESH,
            peer_address=far,
            peer_as=there.plan.local_as,
            local_as=here.plan.local_as,
            families=FAMILIES,
            local_address=own,
            peer_port=there.ports[between],
            passive=far > own,
            export_policies=tuple(map(export_policy_name, FAMILIES)),
            password=self.password,
        )


class _Sorts(NamedTuple):
    """What tells the nodes of one family apart."""

    prefixes: Prefixes
    traits: Traits


def _sorts(family: Family, index: ClusterIndex, options: CompileOptions) -> _Sorts:
    prefixes = Prefixes(family, index, options)
    return _Sorts(prefixes, Traits(family, index, options, prefixes))


def cluster_graphs(resources: ResourceSet, options: CompileOptions) -> list[SessionGraph]:
    """The graphs of a whole cluster. Its plans are compiled without the mesh, which the graph adds as what it is: a set
    of nodes that all have sessions with each other. So a mesh of 5,000 nodes costs no more than 5,000 nodes."""
    index = ClusterIndex(with_assumed_pools(resources), lists_mesh=False)
    return session_graphs((compiled.plan for compiled in compile_every_node(index, options)), index, options)


def session_graphs(plans: Iterable[NodePlan], index: ClusterIndex, options: CompileOptions) -> list[SessionGraph]:
    """One graph for each family that a node has an address in, or a session that carries it. Whether the plans have
    the mesh's sessions in them makes no difference: they are not looked at."""
    speakers: dict[Family, dict[str, _Speaker]] = {family: {} for family in FAMILIES}
    sorts = {family: _sorts(family, index, options) for family in FAMILIES}
    mesh = _mesh(index, options)
    for plan in plans:
        for family in FAMILIES:
            speaker = _speaker(plan, index, family, sorts[family])
            if _takes_part(speaker, family, mesh):
                speakers[family][plan.node] = speaker
    policies = cache(partial(every_policy, index, options=options))
    builders = (_Builder(family, found, mesh, index, options) for family, found in speakers.items() if found)
    return [each.build(policies) for each in builders]


def _takes_part(speaker: _Speaker, family: Family, mesh: _Mesh | None) -> bool:
    carried = any(family in each.families for each in speaker.sessions.values())
    meshed = mesh is not None and bool(speaker.meshed)
    return bool(speaker.addresses[family]) or carried or meshed or _originates(speaker.plan, family)


def _speaker(plan: NodePlan, index: ClusterIndex, family: Family, sorts: _Sorts) -> _Speaker:
    followed = sorts.prefixes.of(plan)
    facts = index.nodes[plan.node]
    addresses, meshed = facts.addresses, FAMILIES if facts.has_speaker else ()
    settings = index.configuration.settings(plan.node)
    of_mesh = {each.peer_address for each in plan.sessions if each.kind is SessionKind.MESH}
    return _Speaker(
        plan=plan,
        addresses=addresses,
        sessions={each.peer_address: each for each in plan.sessions if each.kind is not SessionKind.MESH},
        suppressed=frozenset(each.peer_address for each in plan.suppressed) - of_mesh,
        ports={each: listen_port(plan, each) for each in FAMILIES},
        meshed=frozenset(each for each in meshed if addresses[each] and family in session_families(each, settings)),
        prefixes=followed,
        traits=sorts.traits.of(plan.node, followed),
    )


def _originates(plan: NodePlan, family: Family) -> bool:
    return any(each.source is RouteSource.BLOCK and family_of(each.prefix) == family for each in plan.originations)


def _mesh(index: ClusterIndex, options: CompileOptions) -> _Mesh | None:
    """A mesh whose password is missing is suppressed as a whole."""
    wanted = index.configuration.cluster.node_mesh_password
    if not index.configuration.mesh:
        return None
    try:
        return _Mesh(find_password(wanted, index.resources, options) if wanted is not None else None)
    except PasswordMissingError:
        return None


class _Builder:
    """Puts the two ends of each session together."""

    def __init__(
        self,
        family: Family,
        speakers: dict[str, _Speaker],
        mesh: _Mesh | None,
        index: ClusterIndex,
        options: CompileOptions,
    ) -> None:
        self._family = family
        self._speakers = speakers
        self._mesh = mesh
        self._index = index
        self._options = options
        self._owners = index.node_by_address
        self._ends: dict[str, dict[str, dict[Family, SessionPlan]]] = {name: {} for name in speakers}
        self._barred: dict[str, dict[tuple[str, Family], Disagreement]] = {name: {} for name in speakers}
        self._outside: dict[str, list[SessionPlan]] = {name: [] for name in speakers}

    def build(self, policies: Callable[[str], tuple[Policy, ...]]) -> SessionGraph:
        for between in FAMILIES:
            for here, speaker in self._speakers.items():
                self._explicit(here, speaker, between)
        routers = {name: self._router(name, each) for name, each in self._speakers.items()}
        members = {name: self._meshed(each) for name, each in self._speakers.items()}
        mesh = {name: found for name, found in members.items() if found}
        return SessionGraph(self._family, routers, self._ends, self._barred, mesh, self._index, self._options, policies)

    def _explicit(self, here: str, speaker: _Speaker, between: Family) -> None:
        """The sessions of BGPPeers, and suppressed ones, towards addresses of this family."""
        for address, session in speaker.sessions.items():
            there = self._owners.get(address) if family_of(address) == between else here
            if there is None and self._family in session.families:
                self._outside[here].append(session)
            elif there is not None and there != here:
                self._join(here, there, between)
        for address in speaker.suppressed - speaker.sessions.keys():
            there = self._owners.get(address) if family_of(address) == between else None
            if there is not None and there != here:
                self._bar(here, there, between, Disagreement.SUPPRESSED)

    def _router(self, name: str, speaker: _Speaker) -> Router:
        return Router(
            plan=speaker.plan,
            addresses={each: address for each, address in speaker.addresses.items() if address},
            outside=tuple(self._outside[name]),
            prefixes=speaker.prefixes,
            traits=speaker.traits,
        )

    def _meshed(self, speaker: _Speaker) -> frozenset[Family]:
        return speaker.meshed if self._mesh is not None and not speaker.plan.cluster_id else NOWHERE

    def _join(self, here: str, there: str, between: Family) -> None:
        if between in self._ends[here].get(there, NO_LINKS) or (there, between) in self._barred[here]:
            return None
        one, other = self._end_of(here, there, between), self._end_of(there, here, between)
        if one is None or other is None:
            return self._bar(here, there, between, Disagreement.NO_ANSWER)
        reason = disagreement(one, other)
        if reason is None and not all(self._family in each.session.families for each in (one, other)):
            reason = Disagreement.FAMILY
        if reason is not None:
            return self._bar(here, there, between, reason)
        for name, far, end in ((here, there, one), (there, here, other)):
            self._ends[name].setdefault(far, {})[between] = end.session
        return None

    def _bar(self, here: str, there: str, between: Family, reason: Disagreement) -> None:
        if there in self._barred:
            self._barred[here][there, between] = self._barred[there][here, between] = reason

    def _end_of(self, here: str, there: str, between: Family) -> SessionEnd | None:
        """The end of `here` towards `there`: that of a BGPPeer, or none as it is suppressed, or the mesh's. None where
        one of the two takes no part in this family."""
        speaker, other = self._speakers.get(here), self._speakers.get(there)
        if speaker is None or other is None or not other.addresses[between]:
            return None
        address = other.addresses[between]
        session = speaker.sessions.get(address)
        meshed = between in self._meshed(speaker) & self._meshed(other)
        if session is None and address not in speaker.suppressed and meshed and self._mesh is not None:
            session = self._mesh.session(speaker, other, between)
        return SessionEnd(session, speaker.plan.router_id, speaker.ports[between]) if session is not None else None
