"""Which of a host's addresses each method chooses, and what it says when none will do."""

import pytest
from address_makers import address, chosen, found, host, interface

from bgpctl.agent.autodetection.choice import Found, NotFound
from bgpctl.agent.autodetection.host import Host, HostAddress, Source
from bgpctl.agent.autodetection.method import MethodError, parse_method

LO = interface(1, "lo", "127.0.0.1/8", "::1/128")
ETH0 = interface(2, "eth0", "10.0.0.1/24", "fe80::1/64", "fd00::1/64")
ETH1 = interface(3, "eth1", "192.168.1.1/16", "192.168.2.2/24", "fe80::2/64", "fd01::2/64")
DOCKER = interface(9, "docker0", "172.17.0.1/16", "fd17::1/64")
HOST = host(LO, ETH0, ETH1, DOCKER)


@pytest.mark.parametrize(
    ("method", "v4", "v6"),
    [
        ("first-found", "192.168.1.1/16 eth1", "fd01::2/64 eth1"),
        ("skip-interface=eth1", "10.0.0.1/24 eth0", "fd00::1/64 eth0"),
        ("skip-interface=wlan.*, ^eth1$", "10.0.0.1/24 eth0", "fd00::1/64 eth0"),
        ("interface=eth0", "10.0.0.1/24 eth0", "fd00::1/64 eth0"),
        ("interface=bond0,eth0", "10.0.0.1/24 eth0", "fd00::1/64 eth0"),
        ("interface=docker.*", "172.17.0.1/16 docker0", "fd17::1/64 docker0"),
        ("interface=th", "192.168.1.1/16 eth1", "fd01::2/64 eth1"),
        ("cidr=10.0.0.0/8,fd00::/64", "10.0.0.1/24 eth0", "fd00::1/64 eth0"),
        ("cidr=192.168.2.0/24,fd17::/16", "192.168.2.2/24 eth1", "fd17::1/64 docker0"),
        ("cidr=172.17.3.4/16,fd01::9/32", "172.17.0.1/16 docker0", "fd01::2/64 eth1"),
    ],
)
def test_the_address_that_each_method_chooses(method: str, v4: str, v6: str) -> None:
    assert (found(method, 4, HOST), found(method, 6, HOST)) == (v4, v6)


@pytest.mark.parametrize(
    "name",
    [
        "docker0", "cbr0", "dummy0", "virbr0", "lxcbr0", "veth1a", "lo", "cali1234", "tunl0", "flannel.1", "kube-ipvs0",
        "cni0", "vxlan.calico", "vxlan-v6.calico", "wireguard.cali", "wg-v6.cali", "nodelocaldns",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["first-found", "skip-interface=eth1"])
def test_interfaces_of_containers_and_tunnels_are_left_aside(method: str, name: str) -> None:
    assert found(method, 4, host(interface(2, name, "10.0.0.1/24"))) == f"{name} is excluded by its name"


@pytest.mark.parametrize("name", ["ibmveth0", "eth0.docker", "mylo", "vxlan1"])
def test_a_name_is_left_aside_only_by_how_it_begins(name: str) -> None:
    assert found("first-found", 4, host(interface(2, name, "10.0.0.1/24"))) == f"10.0.0.1/24 {name}"


@pytest.mark.parametrize(
    ("unusable", "why"),
    [
        (address("169.254.1.1/16"), "not reachable from other hosts"),
        (address("127.0.0.2/8"), "not reachable from other hosts"),
        (address("fe80::1/64"), "not reachable from other hosts"),
        (address("fd00::1/64", tentative=True), "tentative"),
        (address("fd00::1/64", deprecated=True), "deprecated"),
        (address("fd00::1/64", secondary=True), "temporary"),
    ],
)
@pytest.mark.parametrize("method", ["first-found", "interface=eth0", "cidr=0.0.0.0/0,::/0"])
def test_an_address_that_will_not_do_is_passed_over(method: str, unusable: HostAddress, why: str) -> None:
    """RFC 4862 5.4 and 5.5.4, RFC 8981."""
    alone = host(interface(2, "eth0", unusable))
    assert found(method, unusable.family, alone) == f"{unusable.address} on eth0 is {why}"
    other = "10.9.9.9/24" if unusable.family == 4 else "fd99::9/64"
    assert found(method, unusable.family, host(interface(2, "eth0", unusable, other))) == f"{other} eth0"


def test_a_secondary_ipv4_address_comes_after_every_primary_one() -> None:
    eth0 = interface(2, "eth0", address("10.0.0.2/24", secondary=True), "10.1.0.1/24")
    assert found("first-found", 4, host(eth0)) == "10.1.0.1/24 eth0"
    assert found("cidr=10.0.0.0/24", 4, host(eth0)) == "10.0.0.2/24 eth0"


def test_an_interface_that_is_down_is_passed_over() -> None:
    down = interface(5, "eth5", "10.5.0.1/24", up=False)
    assert found("first-found", 4, host(ETH0, down)) == "10.0.0.1/24 eth0"
    assert found("interface=eth5", 4, host(ETH0, down)) == "eth5 is down, eth0 is excluded by its name"


def test_a_reason_names_the_first_interfaces_and_counts_the_others() -> None:
    pods = [interface(index, f"cali{index}", "10.9.0.1/32") for index in range(10, 30)]
    assert found("first-found", 4, host(*pods)).endswith("cali24 is excluded by its name and 14 more")
    assert found("first-found", 4, host()) == "there is no interface"


# ------------------------------------------------------------------------------------------------- keeping


@pytest.mark.parametrize("method", ["first-found", "interface=eth.*", "skip-interface=bond0", "cidr=0.0.0.0/0"])
def test_the_address_of_before_is_kept_while_the_method_could_choose_it(method: str) -> None:
    assert found(method, 4, HOST, before="10.0.0.1/24") == "10.0.0.1/24 eth0"


def test_the_address_of_before_is_kept_when_it_moves_to_another_interface() -> None:
    moved = host(interface(2, "eth0", "10.7.0.1/24"), interface(3, "eth1", "10.8.0.1/24", "10.0.0.1/24"))
    assert found("first-found", 4, moved, before="10.0.0.1/24") == "10.0.0.1/24 eth1"


def test_the_address_of_before_takes_its_new_prefix_length() -> None:
    assert found("first-found", 4, host(ETH1, interface(2, "eth0", "10.0.0.1/16")), before="10.0.0.1/24") == (
        "10.0.0.1/16 eth0"
    )


@pytest.mark.parametrize("method", ["interface=eth1", "skip-interface=eth0", "cidr=192.168.0.0/16"])
def test_the_address_of_before_is_given_up_when_the_method_rules_it_out(method: str) -> None:
    assert found(method, 4, HOST, before="10.0.0.1/24") == "192.168.1.1/16 eth1"


# ---------------------------------------------------------------------------------- addresses that others name


def reaching(destination: str, source: Source) -> Host:
    return Host((LO, ETH0, ETH1), {(4, destination): source})


def test_can_reach_is_the_address_that_the_kernel_calls_from() -> None:
    assert found("can-reach=8.8.8.8", 4, reaching("8.8.8.8", Source("10.0.0.1"))) == "10.0.0.1/24 eth0"
    assert found("can-reach=dns.test", 4, reaching("dns.test", Source("192.168.2.2"))) == "192.168.2.2/24 eth1"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Source(reason="8.8.8.8 cannot be reached"), "8.8.8.8 cannot be reached"),
        (Source("127.0.0.1"), "the way to 8.8.8.8 has the source 127.0.0.1, which other routers cannot reach"),
        (Source("10.0.0.9"), "the way to 8.8.8.8 has the source 10.0.0.9, which no interface has"),
    ],
)
def test_can_reach_without_a_usable_source_says_why(source: Source, reason: str) -> None:
    assert chosen("can-reach=8.8.8.8", 4, reaching("8.8.8.8", source)) == NotFound(reason)


def test_the_internal_address_of_kubernetes_gets_its_prefix_length_from_its_interface() -> None:
    internal = ("fd00::1", "10.0.0.1")
    assert found("kubernetes-internal-ip", 4, HOST, internal=internal) == "10.0.0.1/24 eth0"
    assert found("kubernetes-internal-ip", 6, HOST, internal=internal) == "fd00::1/64 eth0"


def test_an_internal_address_of_no_interface_stands_alone() -> None:
    assert chosen("kubernetes-internal-ip", 4, HOST, internal=("10.0.0.9",)) == Found("10.0.0.9/32", "")


def test_without_an_internal_address_of_the_family_there_is_none() -> None:
    assert found("kubernetes-internal-ip", 4, HOST, internal=("fd00::1",)) == "the Node has no InternalIP that is IPv4"
    assert "'node-1' of the Node is not an address" in found("kubernetes-internal-ip", 4, HOST, internal=("node-1",))


# ------------------------------------------------------------------------------------------------- the texts


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there are first-found, can-reach"),
        ("last-found", "not a method of address detection"),
        ("address=10.0.0.1", "not a method of address detection"),
        ("first-found=eth0", "takes no value"),
        ("kubernetes-internal-ip=", "takes no value"),
        ("can-reach", "needs a value"),
        ("interface=", "needs a value"),
        ("interface=eth[", "unterminated character set"),
        ("cidr=10.0.0.0/33", "does not appear to be"),
    ],
)
def test_what_is_no_method_is_refused_with_a_sentence(text: str, why: str) -> None:
    with pytest.raises(MethodError, match=why.replace("(", r"\(")):
        parse_method(text)
