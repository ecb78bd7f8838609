"""A plan without services, completed with them, is the plan that compiling with them gives."""

from __future__ import annotations

from typing import Any

import pytest
from compiler_makers import block, compiled, configuration, endpoint_slice, node, pool, service
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bgpctl.compiler import with_services
from bgpctl.compiler.cluster.configuration import Configuration
from bgpctl.compiler.cluster.service_routes import ServiceRules
from bgpctl.compiler.cluster.services import service_facts, service_rules
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.resources.kinds.kubernetes import EndpointSlice, Service
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.plan import NodePlan, RouteSource, encode_plan

OPTIONS = CompileOptions(without_felix=True)
EXCLUDE = {"node.kubernetes.io/exclude-from-external-load-balancers": "true"}
CLUSTER = [[], ["10.96.0.0/12"], ["10.96.0.0/12", "fd96::/112"], ["fd96::/112"]]
EXTERNAL = [[], ["203.0.113.0/24"], ["203.0.113.7/32"], ["203.0.113.0/24", "203.0.113.7/32"]]
WITHOUT_SPEAKER = node("w", "10.0.0.3/24", labels={"kubernetes.io/os": "windows"}, ipv4VXLANTunnelAddr="198.51.100.1")
BALANCED = [[], ["198.51.100.0/24"], ["198.51.100.7/32"]]


def cidrs(prefixes: list[str]) -> list[dict[str, str]]:
    return [{"cidr": each} for each in prefixes]


@st.composite
def clusters(draw: st.DrawFn) -> list[Resource]:
    """Two nodes, one of them a reflector or kept out perhaps, one more without a speaker perhaps, and services of every
    policy and type."""
    labels = draw(st.sampled_from([{}, EXCLUDE]))
    cluster_id = draw(st.sampled_from(["", "224.0.0.1"]))
    found: list[Resource] = [
        node(
            "a",
            "10.0.0.1/24",
            draw(st.sampled_from(["", "fd00::1/64"])),
            labels=labels,
            cluster_id=cluster_id,
            ipv4VXLANTunnelAddr="10.244.1.1",
        ),
        node("b", "10.0.0.2/24", "fd00::2/64"),
        pool("balanced", "198.51.100.0/24", vxlanMode="Always"),
        pool("pods", "10.244.0.0/16", disableBGPExport=draw(st.booleans())),
        pool("more", "fd44::/48"),
        block("a", "10.244.1.0/26"),
        *draw(st.sampled_from([[], [block("a", "203.0.113.7/32")], [block("a", "198.51.100.0/24")]])),
        *draw(st.sampled_from([[], [WITHOUT_SPEAKER, block("w", "198.51.100.0/24")]])),
        configuration(
            serviceClusterIPs=cidrs(draw(st.sampled_from(CLUSTER))),
            serviceExternalIPs=cidrs(draw(st.sampled_from(EXTERNAL))),
            serviceLoadBalancerIPs=cidrs(draw(st.sampled_from(BALANCED))),
            serviceLoadBalancerAggregation=draw(st.sampled_from(["Enabled", "Disabled"])),
            ipv4NormalRoutePriority=draw(st.sampled_from([None, 2000])),
        ),
    ]
    for number in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]))
        status: dict[str, Any] = {"loadBalancer": {"ingress": [{"ip": f"198.51.100.{7 + number}"}]}}
        found.append(
            service(
                f"web-{number}",
                type=kind,
                clusterIP=f"10.96.0.{7 + number}",
                clusterIPs=[f"10.96.0.{7 + number}", f"fd96::{7 + number}"],
                externalIPs=[f"203.0.113.{7 + number}"],
                ipFamilies=["IPv4", "IPv6"],
                externalTrafficPolicy=draw(st.sampled_from(["Local", "Cluster"])),
                status=status if draw(st.booleans()) else {},
            )
        )
        for family in draw(st.sampled_from([(), ("IPv4",), ("IPv4", "IPv6")])):
            nodes = draw(st.sampled_from([(), ("a",), ("a", "b")]))
            name = f"web-{number}"
            found.append(
                endpoint_slice(f"{name}-{family}".lower(), name, *nodes, family=family, ready=draw(st.booleans()))
            )
    return found


def completed(resources: list[Resource]) -> NodePlan:
    without = [each for each in resources if not isinstance(each, Service | EndpointSlice)]
    found = ResourceSet.of(*resources)
    rules = service_rules(Configuration(found), found.nodes["a"], OPTIONS)
    return with_services(compiled("a", *without, without_felix=True), rules, service_facts(found))


@given(clusters())
@settings(max_examples=300, deadline=None)
def test_it_is_the_plan_that_compiling_with_services_gives(resources: list[Resource]) -> None:
    assert encode_plan(completed(resources)) == encode_plan(compiled("a", *resources, without_felix=True))


def test_the_address_of_a_local_endpoint_is_announced_and_accepted() -> None:
    """The law above would hold for a cluster without any service as well."""
    resources = [
        node("a", "10.0.0.1/24"),
        node("b", "10.0.0.2/24"),
        configuration(serviceExternalIPs=cidrs(["203.0.113.0/24"])),
        service(
            "web",
            type="LoadBalancer",
            clusterIP="10.96.0.7",
            externalIPs=["203.0.113.7"],
            ipFamilies=["IPv4"],
            externalTrafficPolicy="Local",
        ),
        endpoint_slice("web-1", "web", "a"),
    ]
    announced = [each.prefix for each in completed(resources).originations if each.source is RouteSource.SERVICE]
    assert announced == ["203.0.113.0/24", "203.0.113.7/32"]


def test_a_policy_with_other_rules_for_services_is_refused() -> None:
    plan = compiled("a", node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24"))
    edited = replace(plan, policies=tuple(replace(each, rules=each.rules[:1]) for each in plan.policies))
    rules = ServiceRules(cluster=("10.96.0.0/12",), kubernetes_node="a")
    found = ResourceSet.of(
        service("web", type="ClusterIP", clusterIP="10.96.0.7", ipFamilies=["IPv4"], externalTrafficPolicy="Local"),
        endpoint_slice("web-1", "web", "a"),
    )
    with pytest.raises(ValueError, match="export-v4 has other rules for services"):
        with_services(edited, rules, service_facts(found))
