"""What operators may set about a node's name and addresses, and what it means."""

import socket

import pytest

from bgpctl.agent.autodetection.settings import DetectionSettings
from bgpctl.agent.options import AgentOptions
from bgpctl.configuration.read import OptionsError, Sources, read_options
from reflector.plan import Family

OPTIONS: dict[Family, str] = {4: "ip_autodetection", 6: "ip6_autodetection"}


def method(family: Family, option: str = "", **environment: str) -> str:
    """The method, "default: " in front where no operator asks for it; "never"."""
    found = read_options(DetectionSettings, Sources({OPTIONS[family]: option}, environment))
    if family not in found.methods:
        return "never"
    return str(found.methods[family]) if found.asks_for(family) else f"default: {found.methods[family]}"


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
    assert method(4, **environment) == v4


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
    assert method(6, **environment) == v6


@pytest.mark.parametrize(("option", "result"), [("can-reach=8.8.8.8", "can-reach=8.8.8.8"), ("none", "never")])
def test_an_option_stands_above_the_environment(option: str, result: str) -> None:
    assert method(4, option, IP="10.0.0.1", IP_AUTODETECTION_METHOD="first-found") == result
    assert method(6, option, IP6="autodetect") == result


@pytest.mark.parametrize(
    ("family", "option", "environment", "sentence"),
    [
        (4, "eth0", {}, "--ip-autodetection: 'eth0' is not a method"),
        (6, "interface", {}, "--ip6-autodetection: 'interface': interface needs a value"),
        (4, "", {"IP": "yes"}, "IP: 'yes' is neither an address nor autodetect nor none"),
        (4, "", {"IP": "fd00::1"}, "IP: 'fd00::1' is not an IPv4 address"),
        (6, "", {"IP6": "10.0.0.1/24"}, "IP6: '10.0.0.1/24' is not an IPv6 address"),
        (4, "", {"IP_AUTODETECTION_METHOD": "cidr=x"}, "IP_AUTODETECTION_METHOD: 'cidr=x'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    family: Family, option: str, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(OptionsError) as refusal:
        read_options(DetectionSettings, Sources({OPTIONS[family]: option}, environment))
    assert str(refusal.value).startswith(sentence)


def test_without_any_setting_a_node_without_any_address_gets_an_ipv4_address() -> None:
    assert read_options(DetectionSettings, Sources()) == DetectionSettings()
    assert (list(DetectionSettings().methods), DetectionSettings().asks_for(4)) == ([4], False)


@pytest.mark.parametrize(
    ("option", "environment", "name"),
    [
        ("a", {"NODENAME": "b"}, "a"),
        ("", {"NODENAME": " B.example "}, "B.example"),
        ("", {"NODENAME": ""}, "host-1.example"),
        ("", {}, "host-1.example"),
    ],
)
def test_the_name_of_the_node(
    monkeypatch: pytest.MonkeyPatch, option: str, environment: dict[str, str], name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Host-1.Example\n")
    assert read_options(AgentOptions, Sources({"resources": "/r", "node": option}, environment)).node == name
