"""Rules between resources, and warnings about what is legal but does nothing."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bgpctl.resources import Loaded, parse_documents
from bgpctl.yaml_source.problem import Severity


def resource(kind: str, name: str, **spec: Any) -> str:
    body = {"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": name}, "spec": spec}
    return yaml.safe_dump(body)


def node(name: str, address: str = "", **labels: str) -> str:
    body = yaml.safe_load(resource("Node", name, **({"bgp": {"ipv4Address": address}} if address else {})))
    body["metadata"]["labels"] = labels
    return yaml.safe_dump(body)


def load(*texts: str) -> Loaded:
    return parse_documents([(f"{index}.yaml", text) for index, text in enumerate(texts)])


def codes(loaded: Loaded, severity: Severity) -> list[str]:
    return [problem.code for problem in loaded.problems if problem.severity is severity]


def test_overlapping_pools_are_an_error_at_the_later_name() -> None:
    loaded = load(
        resource("IPPool", "b", cidr="10.0.0.0/16"),
        resource("IPPool", "a", cidr="10.0.64.0/18"),
        resource("IPPool", "c", cidr="10.1.0.0/16"),
    )
    (problem,) = loaded.problems
    assert (problem.resource, problem.path, problem.line) == ("IPPool/b", "$.spec.cidr", 6)
    assert "'a'" in problem.message
    assert len(loaded.resources.ip_pools) == 3


networks = st.tuples(st.integers(0, 255), st.integers(0, 8)).map(
    lambda pair: str(ip_network((0x0A000000 | pair[0] << 16, 16 + pair[1]), strict=False))
)


@given(st.lists(networks, max_size=6))
def test_some_pool_is_refused_exactly_if_two_overlap(cidrs: list[str]) -> None:
    found = [ip_network(cidr) for cidr in cidrs]
    overlap = any(one.overlaps(other) for index, one in enumerate(found) for other in found[:index])
    loaded = load(*(resource("IPPool", f"p{index}", cidr=cidr) for index, cidr in enumerate(cidrs)))
    assert bool(codes(loaded, Severity.ERROR)) == overlap


def test_filter_that_does_not_exist_is_an_error() -> None:
    loaded = load(
        resource("BGPFilter", "there"),
        resource("BGPPeer", "tor", peerIP="192.0.2.1", asNumber=1, filters=["there", "gone"]),
    )
    (problem,) = loaded.problems
    assert (problem.path, problem.code) == ("$.spec.filters[1]", "missing-filter")


def test_filter_that_has_errors_counts_as_existing() -> None:
    loaded = load(
        resource("BGPFilter", "bad", exportV4=[{}]),
        resource("BGPPeer", "tor", peerIP="192.0.2.1", asNumber=1, filters=["bad"]),
    )
    assert codes(loaded, Severity.ERROR) == ["required-field"]


@pytest.mark.parametrize(
    ("kind", "name", "spec"),
    [
        ("BGPPeer", "p", {"node": "gone", "peerIP": "192.0.2.1", "asNumber": 1}),
        ("BGPConfiguration", "node.gone", {"listenPort": 180}),
        ("BlockAffinity", "b", {"node": "gone", "cidr": "10.1.0.0/26"}),
        ("CalicoNodeStatus", "s", {"node": "gone", "classes": ["BGP"], "updatePeriodSeconds": 10}),
    ],
)
def test_resource_that_names_an_unknown_node_is_a_warning(kind: str, name: str, spec: dict[str, Any]) -> None:
    assert codes(load(node("here"), resource(kind, name, **spec)), Severity.WARNING) == ["unknown-node"]
    assert load(node("gone"), resource(kind, name, **spec)).problems == ()
    assert load(resource(kind, name, **spec)).problems == ()


def test_selector_that_matches_no_node_is_a_warning() -> None:
    peer = resource("BGPPeer", "rr", nodeSelector="all()", peerSelector="has(reflector)")
    assert codes(load(node("a", rack="1"), peer), Severity.WARNING) == ["selects-nothing"]
    assert load(node("a", reflector=""), peer).problems == ()


def test_felix_must_program_what_bgp_does_not() -> None:
    bgp = resource("BGPConfiguration", "default", programClusterRoutes="Enabled")
    felix = resource("FelixConfiguration", "default", programClusterRoutes="Enabled")
    assert codes(load(bgp, felix), Severity.WARNING) == ["felix-disagrees"]
    assert load(bgp, felix.replace("Enabled", "Disabled")).problems == ()
    assert load(bgp).problems == ()


@pytest.mark.parametrize(
    ("kind", "name", "spec", "code"),
    [
        ("BGPPeer", "p", {}, "no-remote"),
        ("BGPPeer", "p", {"peerIP": "192.0.2.1"}, "missing-as-number"),
        ("BGPPeer", "p", {"peerSelector": "all()", "localASNumber": 1}, "no-effect"),
        ("BGPPeer", "p", {"peerSelector": "all()", "maxRestartTime": "2h"}, "restart-time-range"),
        ("BGPPeer", "p", {"peerSelector": "all()", "keepaliveTime": "0s"}, "keepalive-range"),
        ("BGPConfiguration", "mine", {}, "ignored-name"),
        ("BGPConfiguration", "node.a", {"bindMode": "NodeIP"}, "read-from-default-only"),
    ],
)
def test_what_does_nothing_is_a_warning(kind: str, name: str, spec: dict[str, Any], code: str) -> None:
    loaded = load(resource(kind, name, **spec))
    assert [(problem.code, problem.severity) for problem in loaded.problems] == [(code, Severity.WARNING)]
    assert len(loaded.resources) == 1


def test_prefix_length_bounds_that_exclude_each_other_are_a_warning() -> None:
    rule = {"action": "Accept", "cidr": "10.0.0.0/8", "matchOperator": "In", "prefixLength": {"min": 26, "max": 24}}
    (problem,) = load(resource("BGPFilter", "f", exportV4=[rule])).problems
    assert (problem.code, problem.path) == ("impossible-length", "$.spec.exportV4[0].prefixLength")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("asNumber", 64512),
        ("nodeToNodeMeshEnabled", False),
        ("nodeMeshMaxRestartTime", "10s"),
        ("nodeMeshPassword", {"secretKeyRef": {"name": "s", "key": "k"}}),
        ("serviceClusterIPs", [{"cidr": "10.96.0.0/12"}]),
        ("serviceExternalIPs", [{"cidr": "10.96.0.0/12"}]),
        ("serviceLoadBalancerIPs", [{"cidr": "10.96.0.0/12"}]),
    ],
)
def test_field_of_the_whole_cluster_stands_in_default_only(field: str, value: Any) -> None:
    assert load(resource("BGPConfiguration", "default", **{field: value})).problems == ()
    (problem,) = load(resource("BGPConfiguration", "node.a", **{field: value})).problems
    assert (problem.code, problem.path) == ("only-in-default", f"$.spec.{field}")


def test_a_virtual_owner_of_a_block_is_no_node() -> None:
    virtual = resource(
        "BlockAffinity", "lb", node="load-balancer", cidr="10.9.0.0/26", state="confirmed", type="virtual"
    )
    host = resource("BlockAffinity", "gone", node="gone", cidr="10.9.1.0/26", state="confirmed", type="host")
    assert codes(load(node("a"), virtual), Severity.WARNING) == []
    assert codes(load(node("a"), virtual, host), Severity.WARNING) == ["unknown-node"]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ((), ["ipip-owner-unknown"]),
        ((resource("ClusterInformation", "default", calicoVersion="v3.32.1"),), []),
        ((resource("ClusterInformation", "default", calicoVersion="v3.33.0-0.dev-1-gabc"),), []),
        ((resource("ClusterInformation", "default", calicoVersion="master"),), ["ipip-owner-unknown"]),
        ((resource("ClusterInformation", "default"),), ["ipip-owner-unknown"]),
        ((resource("BGPConfiguration", "default", programClusterRoutes="Enabled"),), []),
    ],
)
def test_who_programs_ipip_pools_is_asked_where_nothing_says_it(
    resources: tuple[str, ...], expected: list[str]
) -> None:
    pool = resource("IPPool", "pods", cidr="10.9.0.0/16", ipipMode="Always")
    assert codes(load(pool, *resources), Severity.WARNING) == expected
    assert codes(load(resource("IPPool", "pods", cidr="10.9.0.0/16"), *resources), Severity.WARNING) == []
