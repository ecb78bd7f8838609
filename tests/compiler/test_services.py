"""Service addresses: who announces which."""

from __future__ import annotations

import pytest
from compiler_makers import (
    Route,
    bgp_peer,
    compiled,
    configuration,
    endpoint_slice,
    exports,
    learned,
    node,
    pool,
    service,
)

from bgpctl.resources.values.model import Resource
from reflector.plan import KernelVerdict, RouteSource

A, B = node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24")
EXCLUDE = {"node.kubernetes.io/exclude-from-external-load-balancers": "true"}
CLUSTER = {"serviceClusterIPs": [{"cidr": "10.96.0.0/12"}]}
EXTERNAL = {"serviceExternalIPs": [{"cidr": "203.0.113.0/24"}]}
BALANCED = {"serviceLoadBalancerIPs": [{"cidr": "198.51.100.0/24"}]}


def announced(name: str, *resources: Resource, cluster_ip_range: str = "") -> list[str]:
    """The service prefixes that a node originates."""
    plan = compiled(name, A, B, *resources, cluster_ip_range=cluster_ip_range)
    return [each.prefix for each in plan.originations if each.source is RouteSource.SERVICE]


def balanced(policy: str = "Local", ingress: str = "198.51.100.7", **fields: object) -> Resource:
    """A service of type LoadBalancer."""
    return service(
        "web",
        type="LoadBalancer",
        clusterIP="10.96.0.7",
        ipFamilies=["IPv4"],
        externalTrafficPolicy=policy,
        status={"loadBalancer": {"ingress": [{"ip": ingress}]}},
        **fields,
    )


# ------------------------------------------------------------------------------------------- networks


def test_every_node_announces_the_service_networks() -> None:
    lists = configuration(**CLUSTER, **EXTERNAL, **BALANCED)

    for name in "ab":
        assert announced(name, lists) == ["10.96.0.0/12", "198.51.100.0/24", "203.0.113.0/24"]


def test_entries_without_a_network_are_skipped() -> None:
    assert announced("a", configuration(serviceClusterIPs=[{}, {"cidr": "10.96.0.0/12"}])) == ["10.96.0.0/12"]


def test_single_addresses_are_no_networks_for_external_and_load_balancer_addresses() -> None:
    lists = configuration(
        serviceExternalIPs=[{"cidr": "203.0.113.5/32"}], serviceLoadBalancerIPs=[{"cidr": "198.51.100.7/32"}]
    )

    assert announced("a", lists) == []


def test_load_balancer_networks_are_not_announced_without_aggregation() -> None:
    assert announced("a", configuration(**BALANCED, serviceLoadBalancerAggregation="Disabled")) == []


def test_an_excluded_node_announces_nothing_and_still_keeps_the_networks_out_of_its_kernel() -> None:
    excluded = node("a", "10.0.0.1/24", labels=EXCLUDE)

    plan = compiled("a", excluded, configuration(**CLUSTER))

    assert plan.originations == ()
    assert [(each.network, each.verdict) for each in plan.kernel.rules] == [("10.96.0.0/12", KernelVerdict.LEAVE)]


def test_the_cluster_addresses_can_be_given_from_outside() -> None:
    assert announced("a", configuration(**CLUSTER), cluster_ip_range="10.200.0.0/16") == ["10.200.0.0/16"]


# ------------------------------------------------------------------------------------------- services


def test_a_local_service_is_announced_where_an_endpoint_is_ready() -> None:
    resources = (configuration(**CLUSTER), balanced(), endpoint_slice("web-1", "web", "a"))

    assert announced("a", *resources) == ["10.96.0.0/12", "10.96.0.7/32"]
    assert announced("b", *resources) == ["10.96.0.0/12"]


def test_an_endpoint_that_is_not_ready_announces_nothing() -> None:
    slices = endpoint_slice("web-1", "web", "a", ready=False)

    assert announced("a", configuration(**CLUSTER), balanced(), slices) == ["10.96.0.0/12"]


def test_all_addresses_of_a_service_go_together() -> None:
    resources = (
        configuration(**CLUSTER, **EXTERNAL, **BALANCED),
        balanced(externalIPs=["203.0.113.9", "192.0.2.99"]),
        endpoint_slice("web-1", "web", "a"),
    )

    assert announced("a", *resources)[1::2] == ["10.96.0.7/32", "198.51.100.7/32", "203.0.113.9/32"]


def test_a_cluster_wide_service_needs_no_address_of_its_own() -> None:
    resources = (configuration(**BALANCED), balanced("Cluster"), endpoint_slice("web-1", "web", "a"))

    assert announced("a", *resources) == ["198.51.100.0/24"]


def test_a_cluster_wide_service_at_a_listed_single_address_is_announced_by_every_node() -> None:
    resources = (
        configuration(serviceLoadBalancerIPs=[{"cidr": "198.51.100.7/32"}]),
        balanced("Cluster"),
        endpoint_slice("web-1", "web", "a"),
    )

    assert announced("a", *resources) == announced("b", *resources) == ["198.51.100.7/32"]


def test_without_aggregation_every_node_announces_the_load_balancer_addresses_once_an_endpoint_is_ready() -> None:
    lists = configuration(**BALANCED, serviceLoadBalancerAggregation="Disabled")
    ready, waiting = endpoint_slice("web-1", "web", "a"), endpoint_slice("web-1", "web", "a", ready=False)

    assert announced("b", lists, balanced("Cluster"), ready) == ["198.51.100.7/32"]
    assert announced("b", lists, balanced("Cluster"), waiting) == []


def test_aggregation_of_load_balancer_addresses_does_not_concern_services_that_have_none() -> None:
    lists = configuration(**CLUSTER, serviceLoadBalancerAggregation="Disabled")
    plain = service("web", clusterIP="10.96.0.7", ipFamilies=["IPv4"])

    assert announced("a", lists, plain, endpoint_slice("web-1", "web", "a")) == ["10.96.0.0/12"]


@pytest.mark.parametrize(("kind", "address"), [("ExternalName", "10.96.0.7"), ("ClusterIP", "None"), ("ClusterIP", "")])
def test_services_without_a_cluster_address_are_nobodys(kind: str, address: str) -> None:
    plain = service("web", type=kind, clusterIP=address, ipFamilies=["IPv4"], externalTrafficPolicy="Local")

    assert announced("a", configuration(**CLUSTER), plain, endpoint_slice("web-1", "web", "a")) == ["10.96.0.0/12"]


def test_an_address_is_announced_only_where_an_endpoint_of_its_family_is_ready() -> None:
    dual = service(
        "web",
        type="LoadBalancer",
        clusterIP="10.96.0.7",
        clusterIPs=["10.96.0.7", "fd00:96::7"],
        ipFamilies=["IPv4", "IPv6"],
        externalTrafficPolicy="Local",
    )
    lists = configuration(serviceClusterIPs=[{"cidr": "10.96.0.0/12"}, {"cidr": "fd00:96::/112"}])

    assert announced("a", lists, dual, endpoint_slice("web-4", "web", "a")) == [
        "10.96.0.0/12",
        "10.96.0.7/32",
        "fd00:96::/112",
    ]
    assert "fd00:96::7/128" in announced("a", lists, dual, endpoint_slice("web-6", "web", "a", family="IPv6"))


def test_several_slices_of_one_service_count_together() -> None:
    slices = (endpoint_slice("web-1", "web", "b"), endpoint_slice("web-2", "web", "a"))

    assert "10.96.0.7/32" in announced("a", configuration(**CLUSTER), balanced(), *slices)


def test_endpoints_name_the_node_as_kubernetes_does() -> None:
    known = node("a", "10.0.0.1/24", orchRefs=[{"orchestrator": "k8s", "nodeName": "a.example"}])

    plan = compiled("a", known, configuration(**CLUSTER), balanced(), endpoint_slice("web-1", "web", "a.example"))

    assert [each.prefix for each in plan.originations] == ["10.96.0.0/12", "10.96.0.7/32"]


# ----------------------------------------------------------------------------------- export and kernel


def test_what_is_announced_is_told_to_peers() -> None:
    plan = compiled("a", A, B, configuration(**CLUSTER, **BALANCED))

    assert exports(plan, "10.0.0.2", "10.96.0.0/12", "198.51.100.0/24", "203.0.113.0/24") == [
        "10.96.0.0/12",
        "198.51.100.0/24",
    ]


def test_a_reflector_passes_on_service_addresses_that_others_announce() -> None:
    rr = node("rr", "10.0.0.9/24", cluster_id="224.0.0.1", labels=EXCLUDE)
    join = bgp_peer("join", node="a", peerIP="10.0.0.9", asNumber=64512)

    plan = compiled("rr", rr, A, join, configuration(**CLUSTER, **EXTERNAL, **BALANCED))

    assert exports(
        plan, "10.0.0.1", learned("198.51.100.7/32"), learned("203.0.113.9/32"), learned("10.96.0.7/32")
    ) == ["198.51.100.7/32", "203.0.113.9/32"]


def test_a_node_that_is_no_reflector_does_not_pass_them_on() -> None:
    lists = configuration(**EXTERNAL, **BALANCED, serviceLoadBalancerAggregation="Disabled")

    assert exports(compiled("a", A, B, lists), "10.0.0.2", learned("198.51.100.7/32"), learned("203.0.113.9/32")) == [
        "203.0.113.9/32"
    ]


TOR = "192.0.2.1"
TO_TOR = bgp_peer("tor", peerIP=TOR, asNumber=65001)
LOCAL = "198.51.100.7/32"


@pytest.mark.parametrize(
    "lists",
    [
        configuration(**BALANCED),
        configuration(**BALANCED, serviceLoadBalancerAggregation="Disabled"),
        configuration(serviceLoadBalancerIPs=[{"cidr": LOCAL}]),
        configuration(serviceExternalIPs=[{"cidr": "198.51.100.0/24"}]),
        configuration(serviceClusterIPs=[{"cidr": "198.51.100.0/24"}]),
    ],
    ids=["load balancer", "not aggregated", "a single address", "external", "cluster"],
)
@pytest.mark.parametrize("labels", [{}, EXCLUDE], ids=["announces", "is excluded"])
def test_a_router_outside_is_not_sent_to_a_node_without_an_endpoint(lists: Resource, labels: dict[str, str]) -> None:
    """Only b has an endpoint of the service, whose policy is Local: what a learned of b's route stays in the cluster,
    also where a pool gives out the services' addresses."""
    balancers = pool("balancers", "198.51.100.0/24", allowedUses=["LoadBalancer"])
    plan = compiled("a", node("a", "10.0.0.1/24", labels=labels), B, TO_TOR, lists, balancers)

    assert exports(plan, TOR, learned(LOCAL)) == []


def test_what_a_node_announces_itself_is_told_to_routers_outside() -> None:
    ready = endpoint_slice("web-1", "web", "a")
    plan = compiled("a", A, B, TO_TOR, configuration(**BALANCED), balanced(), ready)
    own = [Route(prefix, RouteSource.SERVICE) for prefix in ("198.51.100.0/24", LOCAL)]
    of_the_kernel = Route("198.51.100.9/32", RouteSource.KERNEL, "dummy0")

    assert exports(plan, TOR, *own, of_the_kernel) == ["198.51.100.0/24", LOCAL, "198.51.100.9/32"]


def test_a_reflector_passes_them_on_to_routers_outside() -> None:
    """It is their way into the cluster."""
    rr = node("rr", "10.0.0.9/24", cluster_id="224.0.0.1", labels=EXCLUDE)

    assert exports(compiled("rr", rr, A, TO_TOR, configuration(**BALANCED)), TOR, learned(LOCAL)) == [LOCAL]


def test_pods_and_blocks_of_other_nodes_are_passed_on_as_before() -> None:
    plan = compiled("a", A, B, TO_TOR, configuration(**BALANCED), pool("pods", "192.168.0.0/16"))

    assert exports(plan, TOR, learned("192.168.2.0/26"), learned("192.168.3.7/32")) == [
        "192.168.2.0/26",
        "192.168.3.7/32",
    ]


def test_service_networks_stay_out_of_the_kernel_and_single_addresses_do_not() -> None:
    lists = configuration(serviceClusterIPs=[{"cidr": "10.96.0.0/12"}, {"cidr": "10.200.0.1/32"}], **BALANCED)

    plan = compiled("a", A, lists)

    assert [each.network for each in plan.kernel.rules] == ["10.96.0.0/12", "198.51.100.0/24"]


@pytest.mark.parametrize(("asked", "announces"), [("198.51.100.7", True), ("lb.example.com", False), ("", False)])
def test_the_address_that_a_service_asks_for_counts_and_a_text_asks_for_nothing(asked: str, announces: bool) -> None:
    lists = configuration(**CLUSTER, serviceLoadBalancerIPs=[{"cidr": "198.51.100.7/32"}])
    web = service(
        "web",
        type="LoadBalancer",
        clusterIP="10.96.0.7",
        ipFamilies=["IPv4"],
        externalTrafficPolicy="Cluster",
        loadBalancerIP=asked,
    )
    addresses = ["10.96.0.7/32"] if announces else []
    assert announced("a", lists, web, endpoint_slice("web-1", "web", "b")) == ["10.96.0.0/12", *addresses]


# ------------------------------------------------------------------------------ what an API server fills in


@pytest.mark.parametrize("missing", ["ipFamilies", "clusterIP", "clusterIPs"])
def test_a_service_out_of_a_file_is_announced_as_the_stored_one(missing: str) -> None:
    stored = {"type": "LoadBalancer", "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ipFamilies": ["IPv4"]}
    written = {name: value for name, value in stored.items() if name != missing}
    status = {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}
    slices = endpoint_slice("web-1", "web", "a")
    for fields in (stored, written):
        web = service("web", externalTrafficPolicy="Local", status=status, **fields)
        assert announced("a", configuration(**CLUSTER, **BALANCED), web, slices) == [
            "10.96.0.0/12",
            "10.96.0.7/32",
            "198.51.100.0/24",
            "198.51.100.7/32",
        ]


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ({"type": "LoadBalancer", "clusterIP": "10.96.0.7"}, "Cluster"),
        ({"type": "NodePort", "clusterIP": "10.96.0.7"}, "Cluster"),
        ({"clusterIP": "10.96.0.7", "externalIPs": ["203.0.113.7"]}, "Cluster"),
        ({"clusterIP": "10.96.0.7"}, ""),
        ({"type": "ExternalName", "externalIPs": ["203.0.113.7"]}, ""),
        ({"type": "LoadBalancer", "clusterIP": "10.96.0.7", "externalTrafficPolicy": "Local"}, "Local"),
    ],
)
def test_what_is_reached_from_outside_has_a_policy(fields: dict[str, object], policy: str) -> None:
    assert service("web", **fields).spec.external_traffic_policy == policy


@pytest.mark.parametrize(
    ("addresses", "families"),
    [
        (["10.96.0.7"], ("IPv4",)),
        (["fd00::7", "10.96.0.7"], ("IPv6", "IPv4")),
        (["None"], ()),
        ([], ()),
    ],
)
def test_the_families_are_those_of_the_addresses(addresses: list[str], families: tuple[str, ...]) -> None:
    assert service("web", clusterIPs=addresses).spec.ip_families == families


def test_a_service_without_a_policy_at_a_listed_single_address_is_announced_by_every_node() -> None:
    single = {"serviceExternalIPs": [{"cidr": "203.0.113.7/32"}]}
    web = service("web", clusterIP="10.96.0.7", externalIPs=["203.0.113.7"])
    for name in ("a", "b"):
        assert announced(name, configuration(**single), web, endpoint_slice("web-1", "web", "a")) == ["203.0.113.7/32"]
