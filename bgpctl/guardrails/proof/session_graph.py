"""The session graph of one address family: which nodes have a session with each other, and how each end defines it.

A session is in the graph when both ends have it, agree, and
carry the family; that may be the other family than that of its addresses (RFC 8950), and there may be one of each
between two nodes. The node-to-node mesh is not written out: 5,000 nodes have 12 million sessions of it. It is one set
of members, any two of whom have a session unless something explicit stands between them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.policies.export_policy import export_policy_name
from bgpctl.guardrails.sessions.agreement import Disagreement
from reflector.addresses import family_of
from reflector.plan import Family, NodePlan, Policy, SessionKind, SessionPlan
from reflector.session.relation import Relation, relation


def session_kind(session: SessionPlan) -> tuple[object, ...]:
    """What makes sessions alike for routes: everything that decides about them but whose addresses they are."""
    return (
        relation(session),
        session.local_as,
        session.peer_as,
        session.allow_local_as,
        session.cluster_id,
        session.next_hop_mode,
        session.role,
        session.import_policies,
        session.export_policies,
        session.import_default,
        session.export_default,
        session.allow_martians,
        family_of(session.peer_address),
    )


def mesh_session(own: Router, far: Router, between: Family, family: Family) -> SessionPlan:
    """The end of `own` of a session of the mesh, as the compiler plans it for the routes of this family."""
    return SessionPlan(
        name=far.addresses[between],
        kind=SessionKind.MESH,
        peer_address=far.addresses[between],
        peer_as=far.local_as,
        local_as=own.local_as,
        families=(family,),
        local_address=own.addresses[between],
        export_policies=(export_policy_name(family),),
    )


@dataclass(frozen=True)
class Router:
    """A node in the graph.

    plan        its own; the sessions in it are those of BGPPeers
    addresses   those between which sessions may carry the family
    outside     its sessions to what is no node
    prefixes    what it originates, or what stands for that (prefixes.py)
    traits      what else makes it another kind of node than its like
    """

    plan: NodePlan
    addresses: Mapping[Family, str]
    outside: tuple[SessionPlan, ...]
    prefixes: tuple[str, ...]
    traits: Hashable

    @property
    def name(self) -> str:
        return self.plan.node

    @property
    def local_as(self) -> int:
        return self.plan.local_as

    @property
    def is_reflector(self) -> bool:
        return bool(self.plan.cluster_id)

    @cached_property
    def kinds_outside(self) -> frozenset[Hashable]:
        return frozenset(map(session_kind, self.outside))

    @cached_property
    def serving(self) -> Mapping[str, SessionPlan]:
        """A session for each cluster that the node serves, by its cluster ID ("" for the node's own). A node serves a
        cluster by having a client in its plan, whether or not the session comes up."""
        return {each.cluster_id: each for each in self.plan.sessions if relation(each) is Relation.CLIENT}

    @property
    def originates(self) -> bool:
        return bool(self.prefixes)

    @property
    def is_dedicated(self) -> bool:
        """A reflector that has no blocks: no packet needs to come from it or go to it."""
        return self.is_reflector and not self.originates


# The sessions of a pair of nodes that carry the family, by the family of their addresses: this one's ends.
Links = Mapping[Family, SessionPlan]
NO_LINKS: Links = {}
NOWHERE: frozenset[Family] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionGraph:
    """ends     node -> peer -> the node's ends; always both ways
    barred   pairs between whose addresses of a family something explicit stands that makes no session, both ways
    mesh     the members of the node-to-node mesh, with the families of the addresses between which it carries this one
    index    of the resources, and the options that plans follow from; `policies`: of a node, all that its sessions
             may ask
    """

    family: Family
    routers: Mapping[str, Router]
    ends: Mapping[str, Mapping[str, Links]]
    barred: Mapping[str, Mapping[tuple[str, Family], Disagreement]]
    mesh: Mapping[str, frozenset[Family]]
    index: ClusterIndex
    options: CompileOptions
    policies: Callable[[str], tuple[Policy, ...]]

    def links(self, here: str, there: str) -> Links:
        """The ends of `here` of its sessions with `there`."""
        found = self.ends[here].get(there, NO_LINKS)
        if here == there or here not in self.mesh or there not in self.mesh:
            return found
        between = [each for each in self.mesh[here] & self.mesh[there] if each not in found]
        own, far = self.routers[here], self.routers[there]
        return {
            **found,
            **{each: mesh_session(own, far, each, self.family) for each in between if self._meshed(here, there, each)},
        }

    def degree(self, here: str) -> int:
        """With how many nodes it has a session, at most."""
        return len(self.ends[here].keys() | (self.mesh.keys() - {here} if here in self.mesh else set()))

    def relations(self, here: str) -> Iterable[Relation]:
        """What its peers among the nodes are to it, by the sessions that BGPPeers define."""
        return {relation(session) for links in self.ends[here].values() for session in links.values()}

    def _meshed(self, here: str, there: str, between: Family) -> bool:
        """Whether the mesh joins the two by their addresses of this family."""
        if (there, between) in self.barred[here]:
            return False
        one, other = self.routers[here], self.routers[there]
        same_router = one.local_as == other.local_as and one.plan.router_id == other.plan.router_id
        return one.addresses[between] != other.addresses[between] and not same_router


def kinds(links: Links) -> Hashable:
    """Nearly always a pair has one session, and a reflector thousands of pairs."""
    if len(links) == 1:
        ((between, session),) = links.items()
        return between, session_kind(session)
    return frozenset((between, session_kind(session)) for between, session in links.items())
