"""What each node is assigned: its plan, compiled without Services, and what else its agent goes by.

Rule: an assignment is a function of the resources and the options, and a change of the resources concerns

    a plan                  as compiler/affected.py has it
    the facts beside it     the same nodes; every node with VXLAN, where one begins or ends to reflect
    CalicoNodeStatus        the node that it asks, and the one that it asked
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bgpctl.brake import facts_for
from bgpctl.compiler import ClusterIndex, CompileOptions, compile_node
from bgpctl.compiler.affected import affected
from bgpctl.compiler.cluster.service_routes import ServiceRules
from bgpctl.compiler.cluster.services import service_rules
from bgpctl.compiler.sessions.bgp_peers import applies_to
from bgpctl.node_plan import Assignment
from bgpctl.node_plan.assignment import OwnNode, StatusRequest
from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus
from bgpctl.resources.kinds.node import Node
from bgpctl.yaml_source.problem import Problem
from reflector.addresses import FAMILIES

INTERNAL = "InternalIP"


@dataclass(frozen=True, slots=True)
class Assigned:
    """Without a transition, and what the compiler found."""

    assignment: Assignment
    problems: tuple[Problem, ...]


def assign(index: ClusterIndex, node: str, options: CompileOptions, written: Node | None = None) -> Assigned:
    """`written` is the node's Node as it is written, where that of the index is completed. Raises CompileError."""
    compiled = compile_node(index.resources, node, options, index)
    assignment = Assignment(
        compiled.plan,
        services=_service_rules(index, node, options),
        own_node=_own_node(index, written or index.nodes[node].node),
        status_requests=_status_requests(index, node),
        facts=facts_for(index, compiled.plan),
    )
    return Assigned(assignment, compiled.problems)


def _service_rules(index: ClusterIndex, node: str, options: CompileOptions) -> ServiceRules | None:
    rules = service_rules(index.configuration, index.nodes[node].node, options)
    return None if rules.is_empty else rules


def _own_node(index: ClusterIndex, node: Node) -> OwnNode:
    return OwnNode(
        bgp_families=tuple(family for family in FAMILIES if node.address(family)),
        internal_addresses=tuple(each.address for each in node.spec.addresses if each.type == INTERNAL),
        selects_workloads=any(
            peer.spec.local_workload_selector and applies_to(index, node.name, peer)
            for peer in index.resources.bgp_peers.values()
        ),
    )


def _status_requests(index: ClusterIndex, node: str) -> tuple[StatusRequest, ...]:
    """In the order of their names."""
    return tuple(
        StatusRequest(each.name, each.spec.classes, each.spec.update_period_seconds)
        for each in index.resources.node_statuses.values()
        if each.spec.node == node
    )


def concerned(before: ClusterIndex, after: ClusterIndex, options: CompileOptions) -> frozenset[str]:
    """The nodes of `after` whose assignment may be another than it was."""
    everyone = frozenset(after.nodes)
    found = affected(before, after, options)
    if found == everyone or _reflect_otherwise(before, after):
        return everyone
    return found | (everyone & frozenset(_asked(before.resources.node_statuses, after.resources.node_statuses)))


def _reflect_otherwise(before: ClusterIndex, after: ClusterIndex) -> bool:
    """With VXLAN every node is a peer of every other, and which of its peers reflect is among the facts."""
    return any(after.vteps.values()) and _cluster_ids(before) != _cluster_ids(after)


def _cluster_ids(index: ClusterIndex) -> dict[str, str]:
    return {name: facts.cluster_id for name, facts in index.nodes.items() if facts.cluster_id}


def _asked(before: Mapping[str, CalicoNodeStatus], after: Mapping[str, CalicoNodeStatus]) -> Iterator[str]:
    if before is after:
        return
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old is None or new is None or old.spec != new.spec:
            yield from (each.spec.node for each in (old, new) if each is not None)
