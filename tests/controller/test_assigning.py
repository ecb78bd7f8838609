"""What nodes are assigned, for every lab: completed with its services and keys it is what a directory compiles to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from compiler_makers import bgp_peer, configuration, node

from bgpctl.compiler import ClusterIndex, CompileOptions, compile_cluster, with_services
from bgpctl.compiler.cluster.service_routes import ServiceRules
from bgpctl.compiler.cluster.services import service_facts
from bgpctl.controller.assigning import assign
from bgpctl.datastore import read_directory
from bgpctl.node_plan import Assignment, assignment_of, spec_of, with_keys
from bgpctl.node_plan.assignment import OwnNode
from bgpctl.resources.resource_set import ResourceSet
from reflector.plan import encode_plan

LABS = sorted(Path(__file__).parents[2].glob("labs/*/resources"))
BY_REFERENCE = CompileOptions(keys_by_reference=True)
EXCLUDED = {"node.kubernetes.io/exclude-from-external-load-balancers": "true"}


def assigned(resources: ResourceSet, name: str) -> Assignment:
    """As the agent reads it."""
    return assignment_of(spec_of(assign(ClusterIndex(resources), name, BY_REFERENCE).assignment))


@pytest.mark.parametrize("lab", LABS, ids=[each.parent.name for each in LABS])
def test_completed_it_is_the_plan_of_the_directory(lab: Path) -> None:
    resources = read_directory(lab).resources
    index, services = ClusterIndex(replace(resources, services={}, endpoint_slices={})), service_facts(resources)
    for compiled in compile_cluster(resources):
        found = assignment_of(spec_of(assign(index, compiled.plan.node, BY_REFERENCE).assignment))
        plan = with_services(found.plan, found.services, services) if found.services else found.plan
        assert encode_plan(with_keys(plan, resources.secrets)) == encode_plan(compiled.plan)


def test_some_lab_has_services_of_local_endpoints() -> None:
    """Otherwise the law above would say nothing about them."""
    found = [read_directory(each).resources for each in LABS]
    assert any(each.services and each.endpoint_slices for each in found)


def test_a_node_that_announces_no_services_has_no_rules_for_them() -> None:
    """So its agent need not follow any."""
    services = configuration(serviceClusterIPs=[{"cidr": "10.96.0.0/12"}])
    nodes = node("a", "10.0.0.1"), node("b", "10.0.0.2", labels=EXCLUDED)
    expected = ServiceRules(cluster=("10.96.0.0/12",), aggregates_load_balancers=True, kubernetes_node="a")
    assert assigned(ResourceSet.of(services, *nodes), "a").services == expected
    assert assigned(ResourceSet.of(services, *nodes), "b").services is None
    assert assigned(ResourceSet.of(*nodes), "a").services is None


def test_what_the_machine_is_looked_at_for_is_assigned() -> None:
    internal = [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "ExternalIP", "address": "192.0.2.1"}]
    workloads = bgp_peer(
        "workloads", nodeSelector="has(racked)", localWorkloadSelector="role == 'router'", asNumber=65001
    )
    nodes = node("a", ipv6="fd00::1", labels={"racked": ""}, addresses=internal), node("b", "10.0.0.2")
    resources = ResourceSet.of(workloads, *nodes)
    assert assigned(resources, "a").own_node == OwnNode((6,), ("10.0.0.1",), selects_workloads=True)
    assert assigned(resources, "b").own_node == OwnNode((4,))
