"""Services and their endpoints, read out of the resources: what decides about them on a node, and what each of them is.

What a node announces of them follows in service_routes.py, which an agent asks without having any resources.
"""

from __future__ import annotations

from collections.abc import Iterable

from bgpctl.compiler.cluster.configuration import Configuration, service_prefixes
from bgpctl.compiler.cluster.service_routes import ServiceFacts, ServiceRules
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.resources.kinds.kubernetes import EndpointSlice, Service
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.fields import HEADLESS
from reflector.addresses import canonical_address, canonical_prefix
from reflector.plan import Family

EXCLUDED_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
ADVERTISED_TYPES = frozenset({"ClusterIP", "NodePort", "LoadBalancer"})
SLICE_FAMILY: dict[str, Family] = {"IPv4": 4, "IPv6": 6}
KUBERNETES = "k8s"


def service_facts(resources: ResourceSet) -> tuple[ServiceFacts, ...]:
    """The services of a cluster that have a cluster address and a type that is announced."""
    slices: dict[tuple[str, str], list[EndpointSlice]] = {}
    for each in resources.endpoint_slices.values():
        slices.setdefault(each.service_key, []).append(each)
    return tuple(
        _facts(service, slices.get(key, []))
        for key, service in resources.services.items()
        if service.spec.type in ADVERTISED_TYPES and service.spec.cluster_ip not in ("", HEADLESS)
    )


def service_rules(configuration: Configuration, node: Node, options: CompileOptions) -> ServiceRules:
    spec = configuration.cluster
    return ServiceRules(
        cluster=(canonical_prefix(options.cluster_ip_range),)
        if options.cluster_ip_range
        else service_prefixes(spec.service_cluster_ips),
        external=service_prefixes(spec.service_external_ips),
        load_balancer=service_prefixes(spec.service_load_balancer_ips),
        aggregates_load_balancers=configuration.aggregates_load_balancers,
        excluded=node.metadata.labels.get(EXCLUDED_LABEL) == "true",
        reflects=bool(node.cluster_id),
        kubernetes_node=_kubernetes_name(node),
    )


def _facts(service: Service, slices: list[EndpointSlice]) -> ServiceFacts:
    spec = service.spec
    families = {SLICE_FAMILY[name] for name in spec.ip_families}
    ready: dict[Family, set[str]] = {4: set(), 6: set()}
    for each in slices:
        family = SLICE_FAMILY.get(each.address_type)
        if family in families and family is not None:
            ready[family].update(endpoint.node_name for endpoint in each.endpoints if endpoint.ready)
    return ServiceFacts(
        name="/".join(service.key),
        policy=spec.external_traffic_policy,
        cluster=_addresses(spec.cluster_ips or (spec.cluster_ip,)),
        external=_addresses(spec.external_ips),
        ingress=_addresses(each.ip for each in service.status.load_balancer.ingress)
        if spec.type == "LoadBalancer"
        else (),
        asked_address=spec.asked_address,
        has_slice=bool(slices),
        ready={family: frozenset(nodes) for family, nodes in ready.items()},
    )


def _addresses(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(canonical_address(text) for text in texts if text not in ("", HEADLESS)))


def _kubernetes_name(node: Node) -> str:
    """What EndpointSlices call this node."""
    named = (each.node_name for each in node.spec.orch_refs if each.orchestrator == KUBERNETES)
    return next(named, "") or node.name
