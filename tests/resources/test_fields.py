"""Single fields: what they accept, and what they become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bgpctl.resources import parse_documents
from bgpctl.resources.values.model import yaml_name


def read(kind: str, spec: dict[str, Any]) -> Any:
    """The spec as it was read, or the codes of its problems."""
    body = {"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": "default"}, "spec": spec}
    loaded = parse_documents([("x.json", json.dumps(body))])
    collections = (
        loaded.resources.bgp_peers,
        loaded.resources.bgp_configurations,
        loaded.resources.ip_pools,
        loaded.resources.nodes,
    )
    found = [resource.spec for collection in collections for resource in collection.values()]
    return found[0] if found else [problem.code for problem in loaded.problems]


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("peer_ip", "peerIP"),
        ("local_as_number", "localASNumber"),
        ("num_allowed_local_as_numbers", "numAllowedLocalASNumbers"),
        ("disable_bgp_export", "disableBGPExport"),
        ("service_load_balancer_ips", "serviceLoadBalancerIPs"),
        ("local_workload_peering_ipv4", "localWorkloadPeeringIPV4"),
        ("interface_ipv4_address", "interfaceIPv4Address"),
        ("ipv4_ipip_tunnel_addr", "ipv4IPIPTunnelAddr"),
        ("vxlan_tunnel_mac_addr_v6", "vxlanTunnelMACAddrV6"),
        ("prepend_as_path", "prependASPath"),
        ("pod_cidrs", "podCIDRs"),
    ],
)
def test_attribute_is_named_after_the_yaml_field(attribute: str, name: str) -> None:
    assert yaml_name(attribute) == name


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("2m", 120), ("1h2m3s", 3723), ("1.5s", 2), ("2500ms", 3), ("499ms", 0), ("0", 0), ("-1.5s", -2)],
)
def test_duration_becomes_whole_seconds_halves_away_from_zero(text: str, seconds: int) -> None:
    assert read("BGPPeer", {"maxRestartTime": text}).max_restart_time == seconds


@pytest.mark.parametrize("text", ["90", "", "s", "1d", "1 s", "ninety", 90, None])
def test_what_is_no_go_duration_is_refused(text: Any) -> None:
    expected = ["not-a-duration"] if text is not None else None
    found = read("BGPPeer", {"maxRestartTime": text})
    assert found == expected or found.max_restart_time is None


@pytest.mark.parametrize(
    ("peer_ip", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 0),
        ("192.0.2.1:1790", "192.0.2.1", 1790),
        ("FD00::1", "fd00::1", 0),
        ("[fd00:0::1]:1790", "fd00::1", 1790),
    ],
)
def test_peer_ip_is_an_address_with_or_without_port(peer_ip: str, address: str, port: int) -> None:
    spec = read("BGPPeer", {"peerIP": peer_ip, "asNumber": 1})
    assert (spec.peer_address, spec.peer_port) == (address, port)


NO_PEER_ADDRESSES = [
    "[192.0.2.1]:179",
    "192.0.2.1:0",
    "192.0.2.1:65536",
    "192.0.2.1:",
    ":179",
    "[]:179",
    "fe80::1%eth0",
    "tor",
    "01.2.3.4",
]


@pytest.mark.parametrize("peer_ip", NO_PEER_ADDRESSES)
def test_what_is_no_peer_address_is_refused(peer_ip: str) -> None:
    assert read("BGPPeer", {"peerIP": peer_ip}) == ["not-a-peer-address"]


@pytest.mark.parametrize(
    ("text", "number"), [(65000, 65000), ("65000", 65000), ("1.10", 65546), ("65535.65535", 4294967295)]
)
def test_as_number_of_a_node_may_be_text(text: Any, number: int) -> None:
    assert read("Node", {"bgp": {"asNumber": text}}).bgp.as_number == number


@pytest.mark.parametrize("text", ["1.65536", "65536.1", "-1", "AS1", "1.2.3", 4294967296, "4294967296", 1.5])
def test_what_is_no_as_number_is_refused(text: Any) -> None:
    assert read("Node", {"bgp": {"asNumber": text}})[0] in {"not-an-as-number", "out-of-range", "wrong-type"}


@pytest.mark.parametrize("value", [True, 65000.0, [65000]])
def test_as_number_of_a_peer_is_a_number_or_text(value: Any) -> None:
    assert read("BGPPeer", {"peerIP": "192.0.2.1", "asNumber": value}) == ["wrong-type"]


def test_networks_become_canonical() -> None:
    assert read("IPPool", {"cidr": "FD00:1234:0::/112"}).cidr == "fd00:1234::/112"


@pytest.mark.parametrize("cidr", ["10.0.0.1/24", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "x"])
def test_pool_wants_a_masked_cidr(cidr: str) -> None:
    assert read("IPPool", {"cidr": cidr}) == ["not-a-cidr"]


def test_node_address_keeps_its_host_bits_and_tells_its_subnet() -> None:
    body = {
        "apiVersion": "projectcalico.org/v3",
        "kind": "Node",
        "metadata": {"name": "a"},
        "spec": {"bgp": {"ipv4Address": "10.0.0.9/24", "ipv6Address": "FD00::9"}},
    }
    node = parse_documents([("x.json", json.dumps(body))]).resources.nodes["a"]
    assert [(node.address(family), node.subnet(family)) for family in (4, 6)] == [
        ("10.0.0.9", "10.0.0.0/24"),
        ("fd00::9", "fd00::9/128"),
    ]


@pytest.mark.parametrize("level", ["Info", "debug", "WARNING", ""])
def test_log_level_in_any_case(level: str) -> None:
    assert read("BGPConfiguration", {"logSeverityScreen": level}).log_severity_screen == level


def test_communities_lose_leading_zeros_where_these_are_allowed() -> None:
    spec = {
        "communities": [{"name": "c", "value": "0100:01"}],
        "prefixAdvertisements": [{"cidr": "10.0.0.0/8", "communities": ["c"]}],
    }
    assert read("BGPConfiguration", spec).communities[0].value == "100:1"
