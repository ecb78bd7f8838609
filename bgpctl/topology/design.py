"""The routers of a cluster and its sessions, as the resources define them.

nodes             with zone, rack, AS and cluster ID; `is_single_point`: its failure cuts off others, by the
                  topology proof
routers outside   what BGPPeers name and no Node has, by address
sessions          of BGPPeers, each once; `obstacle`: why the ends do not make one, "" when they do
mesh              the members of the node-to-node mesh: each has a session with each other
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bgpctl.compiler import CompileOptions
from bgpctl.compiler.cluster.facts import PeerEndpoint
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.proof.prove import Proof
from bgpctl.guardrails.sessions.agreement import Disagreement
from bgpctl.guardrails.sessions.both_ends import disagreements
from bgpctl.resources.resource_set import ResourceSet

ZONE_LABEL, RACK_LABEL = "topology.kubernetes.io/zone", "rack"


class Role(StrEnum):
    NODE = "node"
    REFLECTOR = "reflector"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Router:
    """`addresses` are those of its sessions. A router outside has one, which is its name."""

    name: str
    role: Role
    as_number: int
    zone: str = ""
    rack: str = ""
    cluster_id: str = ""
    addresses: tuple[str, ...] = ()
    is_single_point: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Session:
    """Between two routers, `one` before `other`; of a node and a router outside the node is `one`."""

    one: str
    other: str
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """`notes`: sentences about what is not drawn."""

    routers: Mapping[str, Router]
    sessions: tuple[Session, ...]
    mesh: frozenset[str]
    notes: tuple[str, ...] = ()

    @property
    def mesh_sessions(self) -> int:
        return len(self.mesh) * (len(self.mesh) - 1) // 2


@dataclass(frozen=True, slots=True)
class Labels:
    """Which labels of a Node name its zone and its rack."""

    zone: str = ZONE_LABEL
    rack: str = RACK_LABEL


def design_of(resources: ResourceSet, options: CompileOptions, proof: Proof, labels: Labels) -> Design:
    """`proof` is one of these resources, with single failures."""
    cluster = ClusterSessions(resources, options)
    single = frozenset(_single_points(proof))
    routers = {router.name: router for router in _nodes(cluster, single, labels)}
    for outside in _outside(cluster):
        routers.setdefault(outside.name, outside)
    notes = [] if cluster.is_examined else ["sessions of BGPPeers are not drawn: they ask for too many"]
    return Design(routers, tuple(_sessions(cluster)), cluster.mesh, tuple(notes))


def _single_points(proof: Proof) -> Iterator[str]:
    for family in proof.families:
        for failure in family.single.breaking if family.single is not None else ():
            yield from failure.single_points


def _nodes(cluster: ClusterSessions, single: frozenset[str], labels: Labels) -> Iterator[Router]:
    for name, facts in cluster.index.nodes.items():
        found = facts.node.metadata.labels
        yield Router(
            name=name,
            role=Role.REFLECTOR if facts.is_reflector else Role.NODE,
            as_number=cluster.index.as_number(name),
            zone=found.get(labels.zone, ""),
            rack=found.get(labels.rack, ""),
            cluster_id=facts.cluster_id if facts.is_reflector else "",
            addresses=tuple(filter(None, facts.addresses.values())),
            is_single_point=name in single,
        )


def _outside(cluster: ClusterSessions) -> Iterator[Router]:
    for found in cluster.peerings.values():
        for peering in found.wanted:
            endpoint = peering.endpoint
            if endpoint.address and not _node_of(cluster, endpoint):
                yield Router(endpoint.address, Role.OUTSIDE, endpoint.as_number, addresses=(endpoint.address,))


def _node_of(cluster: ClusterSessions, endpoint: PeerEndpoint) -> str:
    """Also of an end that is none of a node, as it expects another AS, and has the address of one."""
    return endpoint.node or cluster.index.node_by_address.get(endpoint.address, "")


def _sessions(cluster: ClusterSessions) -> list[Session]:
    """In the order of their ends; of several obstacles one is kept."""
    obstacles = {(name, here.endpoint.node): reason.value for name, here, reason in disagreements(cluster)}
    found: dict[tuple[str, str], str] = {}
    for name, peerings in cluster.peerings.items():
        for endpoint in (peering.endpoint for peering in peerings.wanted):
            other = _node_of(cluster, endpoint)
            expects_another_as = bool(other) and not endpoint.node
            obstacle = Disagreement.AS_NUMBER.value if expects_another_as else obstacles.get((name, other), "")
            ends = (min(name, other), max(name, other)) if other else (name, endpoint.address)
            if ends[1] and ends[0] != ends[1]:
                found[ends] = found.get(ends) or obstacle
    return [Session(*ends, obstacle) for ends, obstacle in sorted(found.items())]
