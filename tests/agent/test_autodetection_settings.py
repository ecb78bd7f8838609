"""What operators may say about a node's name and addresses, and what it means."""

import pytest

from bgpctl.agent.autodetection.settings import DetectionSettings, Wish, detection_settings
from bgpctl.agent.plan.node_name import node_name
from bgpctl.errors import NotReadyError
from reflector.plan import Family


def wish(family: Family, option: str = "", **environment: str) -> str:
    """The method, "default: " in front when nobody asked for it; "never"."""
    found = detection_settings({family: option}, environment).wishes.get(family)
    if found is None:
        return "never"
    return str(found.method) if found.asked else f"default: {found.method}"


@pytest.mark.parametrize(
    ("environment", "v4"),
    [
        ({}, "default: first-found"),
        ({"IP": ""}, "default: first-found"),
        ({"IP": "autodetect"}, "first-found"),
        ({"IP": "none"}, "never"),
        ({"IP": "none", "IP_AUTODETECTION_METHOD": "first-found"}, "never"),
        ({"IP": "autodetect", "IP_AUTODETECTION_METHOD": "interface=eth0"}, "interface=eth0"),
        ({"IP_AUTODETECTION_METHOD": "interface=eth0"}, "interface=eth0"),
        ({"IP": "10.0.0.1"}, "IP=10.0.0.1"),
        ({"IP": "10.0.0.1/24", "IP_AUTODETECTION_METHOD": "first-found"}, "IP=10.0.0.1/24"),
    ],
)
def test_the_environment_of_calico_node_for_ipv4(environment: dict[str, str], v4: str) -> None:
    assert wish(4, **environment) == v4


@pytest.mark.parametrize(
    ("environment", "v6"),
    [
        ({}, "never"),
        ({"IP6": "none"}, "never"),
        ({"IP6_AUTODETECTION_METHOD": "interface=eth0"}, "never"),
        ({"IP6": "autodetect"}, "first-found"),
        ({"IP6": "autodetect", "IP6_AUTODETECTION_METHOD": "cidr=fd00::/8"}, "cidr=fd00::/8"),
        ({"IP6": "fd00::1/64"}, "IP6=fd00::1/64"),
    ],
)
def test_the_environment_of_calico_node_for_ipv6(environment: dict[str, str], v6: str) -> None:
    assert wish(6, **environment) == v6


@pytest.mark.parametrize(("option", "said"), [("can-reach=8.8.8.8", "can-reach=8.8.8.8"), ("none", "never")])
def test_an_option_stands_above_the_environment(option: str, said: str) -> None:
    assert wish(4, option, IP="10.0.0.1", IP_AUTODETECTION_METHOD="first-found") == said
    assert wish(6, option, IP6="autodetect") == said


@pytest.mark.parametrize(
    ("family", "option", "environment", "sentence"),
    [
        (4, "eth0", {}, "--ip-autodetection: 'eth0' is no way"),
        (6, "interface", {}, "--ip6-autodetection: 'interface': interface wants a value"),
        (4, "", {"IP": "yes"}, "IP: 'yes' is neither an address nor autodetect nor none"),
        (4, "", {"IP": "fd00::1"}, "IP: 'fd00::1' is no IPv4 address"),
        (6, "", {"IP6": "10.0.0.1/24"}, "IP6: '10.0.0.1/24' is no IPv6 address"),
        (4, "", {"IP_AUTODETECTION_METHOD": "cidr=x"}, "IP_AUTODETECTION_METHOD: 'cidr=x'"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_was_said(
    family: Family, option: str, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(NotReadyError) as refusal:
        detection_settings({family: option}, environment)
    assert str(refusal.value).startswith(sentence)


def test_who_says_nothing_gets_an_ipv4_address_for_a_node_without_any() -> None:
    assert detection_settings({}, {}) == DetectionSettings()
    assert DetectionSettings().wishes.keys() == {4}
    assert DetectionSettings().wishes[4] == Wish(DetectionSettings().wishes[4].method, asked=False)


@pytest.mark.parametrize(
    ("option", "environment", "name"),
    [
        ("a", {"NODENAME": "b"}, "a"),
        ("", {"NODENAME": " B.example "}, "B.example"),
        ("", {"NODENAME": ""}, "host-1.example"),
        ("", {}, "host-1.example"),
    ],
)
def test_the_name_of_the_node(option: str, environment: dict[str, str], name: str) -> None:
    assert node_name(option, environment, "Host-1.Example\n") == name
