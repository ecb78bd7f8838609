"""The session graph of one address family: which nodes have a session with each other, and of what relation.

A session is in the graph when both ends have it, agree, and
carry the family; that may be the other family than that of its addresses (RFC 8950), and there may be one of each
between two nodes. The node-to-node mesh is not written out: 5,000 nodes have 12 million sessions of it. It is one set
of members, any two of whom have a session unless something explicit stands between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from bgpctl.guardrails.sessions.agreement import Disagreement
from reflector.addresses import pack_address
from reflector.plan import Family, Role
from reflector.session.relation import Relation


class End(NamedTuple):
    """One end of a session, as a route sees it.

    own           the family of its address, which is the next hop of its own routes
    next_hops     of which families a next hop may be here
    replaces      the next hop of what it passes on is its own address
    cluster       of a client: its cluster ID
    role, peer_as ours on an eBGP session, and the AS of the other end (RFC 9234)
    peer_address  packed
    """

    relation: Relation
    local_as: int
    allow_local_as: int
    own: Family
    next_hops: frozenset[Family]
    replaces: bool
    cluster: str
    role: Role | None
    peer_as: int
    peer_address: bytes

    @property
    def kind(self) -> tuple[object, ...]:
        """What makes ends alike: everything but whose address is at the other one."""
        return self[:-1]


@dataclass(frozen=True, slots=True)
class Router:
    """A node in the graph. `router_id` is packed.

    addresses    those between which sessions may carry the family
    cluster_ids  of all clusters that it serves, its own first of all
    originates   it may put prefixes of its own into BGP
    outside      what it has sessions to that is no node
    """

    name: str
    addresses: Mapping[Family, str]
    router_id: bytes
    local_as: int
    cluster_id: str
    cluster_ids: frozenset[str]
    originates: bool
    outside: frozenset[Relation] = frozenset()


# The sessions of a pair of nodes that carry the family, by the family of their addresses: this one's ends.
Links = Mapping[Family, End]
NO_LINKS: Links = {}
NOWHERE: frozenset[Family] = frozenset()


@dataclass(frozen=True, slots=True)
class SessionGraph:
    """ends     node -> peer -> the node's ends; always both ways
    barred   pairs between whose addresses of a family something explicit stands that makes no session, both ways
    mesh     the members of the node-to-node mesh, with the families of the addresses between which it carries this one
    """

    family: Family
    routers: Mapping[str, Router]
    ends: Mapping[str, Mapping[str, Links]]
    barred: Mapping[str, Mapping[tuple[str, Family], Disagreement]]
    mesh: Mapping[str, frozenset[Family]]

    def links(self, here: str, there: str) -> Links:
        """The ends of `here` of its sessions with `there`."""
        found = self.ends[here].get(there, NO_LINKS)
        if here == there or here not in self.mesh or there not in self.mesh:
            return found
        between = [each for each in self.mesh[here] & self.mesh[there] if each not in found]
        return {
            **found,
            **{each: self._mesh_end(here, there, each) for each in between if self._meshed(here, there, each)},
        }

    def neighbours(self, here: str, among: Iterable[str]) -> Iterator[tuple[str, Links]]:
        for there in among:
            links = self.links(here, there)
            if links:
                yield there, links

    def degree(self, here: str) -> int:
        """With how many nodes it has a session, at most."""
        return len(self.ends[here].keys() | (self.mesh.keys() - {here} if here in self.mesh else set()))

    def _meshed(self, here: str, there: str, between: Family) -> bool:
        """Whether the mesh joins the two by their addresses of this family."""
        if (there, between) in self.barred[here]:
            return False
        one, other = self.routers[here], self.routers[there]
        same_router = one.local_as == other.local_as and one.router_id == other.router_id
        return one.addresses[between] != other.addresses[between] and not same_router

    def _mesh_end(self, here: str, there: str, between: Family) -> End:
        one, other = self.routers[here], self.routers[there]
        external = one.local_as != other.local_as
        return End(
            relation=Relation.EBGP if external else Relation.NON_CLIENT,
            local_as=one.local_as,
            allow_local_as=0,
            own=between,
            next_hops=possible_next_hops(self.family, between),
            replaces=external,
            cluster="",
            role=None,
            peer_as=other.local_as,
            peer_address=pack_address(other.addresses[between]),
        )


@cache
def possible_next_hops(family: Family, between: Family) -> frozenset[Family]:
    """An IPv4 route may have an IPv6 next hop on sessions between IPv6 addresses, where ours offer that (RFC 8950 4);
    an IPv6 route never has an IPv4 one."""
    return frozenset((family, between)) if family == 4 else frozenset((family,))
