"""What of a lab's expectations is not met, as sentences; and mistakes in the file, with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from bgpctl.lab.daemons import BgpRoute, Session
from bgpctl.lab.expect.expectations import Expectations, ExpectedBgpRoute, ExpectedRoute
from bgpctl.lab.expect.failures import bgp_failures, ping_failures, route_failures, session_failures
from bgpctl.lab.netns.kernel import KernelRoute
from bgpctl.lab.rehearse.expectations_file import read_expectations
from bgpctl.lab.topology.document import DocumentError
from bgpctl.lab.topology.roles import Role
from bgpctl.lab.topology.topology import Node, Topology
from bgpctl.lab.traffic.ping import Ping

QUICKSTART = Path(__file__).parents[2] / "labs/quickstart"
TOPOLOGY = Topology(
    "x",
    Path("x.clab.yml"),
    (
        Node("a1", 1, Role.NODE),
        Node("rr1", 2, Role.REFLECTOR),
        Node("pod", 3, Role.POD),
        Node("tor", 4, Role.BIRD),
        Node("fabric", 5),
    ),
    (),
)
ROUTE = ExpectedRoute("10.244.11.0/26", ("10.1.0.11",), "eth1", ("a2",))
OURS = {"a2": 179}
BOTH = frozenset({("a1", "rr1"), ("rr1", "a1")})


def read(tmp_path: Path, text: str) -> Expectations:
    file = tmp_path / "expectations.yml"
    file.write_text(text)
    return read_expectations(file, TOPOLOGY).expectations


def test_sessions_are_expected_at_both_ends(tmp_path) -> None:
    assert read(tmp_path, "sessions: [{between: [a1], and: [rr1]}]").sessions == BOTH


def test_between_alone_is_a_full_mesh_without_sessions_to_oneself(tmp_path) -> None:
    assert read(tmp_path, "sessions: [{between: [a1, rr1]}]").sessions == BOTH


def test_a_set_stands_for_its_nodes_and_may_have_another_one_in_it(tmp_path) -> None:
    text = "sets: {ours: [a1, rr1], all: [ours, tor]}\nsessions: [{between: all, and: tor}]"
    assert read(tmp_path, text).sessions == {("a1", "tor"), ("tor", "a1"), ("rr1", "tor"), ("tor", "rr1")}


def test_a_route_has_one_gateway_or_several_or_none(tmp_path) -> None:
    text = """
routes:
  - {to: 10.0.0.0/8, via: 10.1.0.2, dev: eth1, on: [a1]}
  - {to: "2001:db8::/32", via: ["fe80::2", "fe80::1"], on: [fabric]}
  - {to: 10.2.0.0/16, blackhole: true, on: [a1]}
  - {to: 10.3.0.0/16, absent: true, on: [a1]}
"""
    assert list(map(str, read(tmp_path, text).routes)) == [
        "10.0.0.0/8 via 10.1.0.2 dev eth1",
        "2001:db8::/32 via fe80::1 and fe80::2",
        "10.2.0.0/16 blackhole",
        "no route to 10.3.0.0/16",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sessions: [{between: [fabric]}]", "no agent and no BGP daemon on a node 'fabric'"),
        ("sessions: [{and: [a1]}]", "$.sessions[0]: `between` is missing"),
        ("sessions: [{between: [a1], down: [rr1]}]", "$.sessions[0]: only one of between, down is possible"),
        ("sessions: [{between: [a1, rr1]}, {never: [a1, rr1]}]", "a1 and rr1 is expected both Established and not"),
        ("routes: [{to: 10.0.0.0/26, on: [a1]}]", "$.routes[0]: `via` is missing"),
        ("routes: [{to: 10.0.0.0/26, absent: true}]", "$.routes[0]: `on` is missing"),
        ("routes: [{to: 10.0.0.1/26, dev: eth1, on: [a1]}]", "$.routes[0].to: 10.0.0.1/26 has host bits set"),
        ("routes: [{to: 10.0.0.0/26, absent: yes, on: [a1]}]", "$.routes[0].absent: 'yes' is not true or false"),
        ("bgp: [{prefix: 10.0.0.0/26, on: [pod]}]", "$.bgp[0].on[0]: no agent and no BGP daemon on a node 'pod'"),
        ("bgp: [{prefix: 10.0.0.0/26, nexthop: x, on: [a1]}]", "did you mean 'next_hop'?"),
        ("bgp: [{prefix: 10.0.0.0/26, local_pref: low, on: [a1]}]", "'low' is not a whole number"),
        ("sets: {a1: [rr1]}", "$.sets.a1: 'a1' is a node already"),
        ("sets: {racks: [rr2]}", "$.sets.racks[0]: the topology has no node 'rr2'; did you mean 'rr1'?"),
        ("pings: {pot: 10.0.0.1}", "$.pings.pot: the topology has no node 'pot'; did you mean 'pod'?"),
        ("pings: {pod: here}", "$.pings.pod: 'here' does not appear to be an IPv4 or IPv6 address"),
        ("unreachable: [[pod, a1]]", "$.unreachable[0]: a mapping is expected here"),
        ("within: soon", "$.within: 'soon' is not a whole number"),
        ("session: []", "$.session: unknown field 'session'; did you mean 'sessions'?"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_path(tmp_path, text: str, problem: str) -> None:
    with pytest.raises(DocumentError) as result:
        read(tmp_path, text)
    assert problem in str(result.value)
    assert str(result.value).startswith(f"{tmp_path}/expectations.yml:1: ")


@pytest.mark.parametrize("state", ["established", "Established", "ESTABLISHED"])
def test_an_established_session_is_met(state: str) -> None:
    expected = Expectations(sessions=frozenset({("a1", "rr1")}))
    assert list(session_failures(expected, {"a1": (Session("rr1", state),)})) == []


@pytest.mark.parametrize(
    ("seen", "failure"),
    [
        ({"a1": (Session("rr1", "Active"),)}, "a1 -> rr1: Active, not Established"),
        ({"a1": ()}, "a1 -> rr1: no such session"),
        ({}, "a1 -> rr1: the speaker of a1 does not answer"),
        ({"a1": (Session("rr1", "Established"), Session("rr1", "Idle"))}, "a1 -> rr1: Idle, not Established"),
        (
            {"a1": (Session("rr1", "Established"), Session("b1", "Established"))},
            "a1 -> b1: a session that is not expected",
        ),
    ],
)
def test_a_session_that_is_not_as_expected(seen, failure: str) -> None:
    expected = Expectations(sessions=frozenset({("a1", "rr1")}))
    assert list(session_failures(expected, seen)) == [failure]


def test_a_session_that_should_be_down_may_be_there_in_any_other_state() -> None:
    expected = Expectations(down=frozenset({("a1", "rr1")}))
    for seen in ({"a1": (Session("rr1", "Connect"),)}, {"a1": ()}, {}):
        assert list(session_failures(expected, seen)) == []
    up = {"a1": (Session("rr1", "Established"),)}
    assert list(session_failures(expected, up)) == ["a1 -> rr1: Established, and must not be"]


def test_a_session_that_must_never_be_must_not_even_be_tried() -> None:
    expected = Expectations(never=frozenset({("a1", "rr1")}))
    assert list(session_failures(expected, {"a1": ()})) == []
    tried = {"a1": (Session("rr1", "Connect"),)}
    assert list(session_failures(expected, tried)) == ["a1 -> rr1: a session that must not exist"]


def test_a_route_with_our_protocol_gateway_and_device_is_met() -> None:
    seen = {"a2": (KernelRoute("10.244.11.0/26", "10.1.0.11", "eth1", 179),)}
    assert list(route_failures([ROUTE], seen, OURS)) == []


@pytest.mark.parametrize(
    ("via", "dev", "protocol", "instead"),
    [
        ("10.1.0.11", "eth1", 3, "10.244.11.0/26 via 10.1.0.11 dev eth1 protocol 3"),
        ("10.1.0.12", "eth1", 179, "10.244.11.0/26 via 10.1.0.12 dev eth1 protocol 179"),
        ("", "", 179, "10.244.11.0/26 blackhole protocol 179"),
    ],
)
def test_a_route_that_is_not_as_expected(via: str, dev: str, protocol: int, instead: str) -> None:
    seen = {"a2": (KernelRoute(ROUTE.to, via, dev, protocol),)}
    assert list(route_failures([ROUTE], seen, OURS)) == [
        f"a2: expected 10.244.11.0/26 via 10.1.0.11 dev eth1 protocol 179; seen: {instead}"
    ]


def test_a_route_that_is_missing() -> None:
    seen = {"a2": (KernelRoute("10.244.12.0/26", "10.1.0.11", "eth1", 179),)}
    assert list(route_failures([ROUTE], seen, OURS)) == [
        "a2: expected 10.244.11.0/26 via 10.1.0.11 dev eth1 protocol 179; seen: no route"
    ]


def test_on_a_node_without_an_agent_a_route_may_have_any_protocol() -> None:
    seen = {"a2": (KernelRoute(ROUTE.to, "10.1.0.11", "eth1", 12),)}
    assert list(route_failures([ROUTE], seen, {})) == []


def test_an_ecmp_route_has_exactly_its_gateways() -> None:
    expected = [ExpectedRoute("10.0.0.0/8", ("10.1.0.1", "10.1.0.2"), on=("a2",))]
    one, two = (KernelRoute("10.0.0.0/8", f"10.1.0.{n}", "eth1", 179) for n in (1, 2))
    assert list(route_failures(expected, {"a2": (two, one)}, OURS)) == []
    assert len(list(route_failures(expected, {"a2": (one,)}, OURS))) == 1
    assert len(list(route_failures([ROUTE], {"a2": (KernelRoute(ROUTE.to, "10.1.0.11", "eth1", 179), two)}, OURS))) == 0
    other = KernelRoute(ROUTE.to, "10.1.0.12", "eth1", 179)
    assert (
        len(list(route_failures([ROUTE], {"a2": (KernelRoute(ROUTE.to, "10.1.0.11", "eth1", 179), other)}, OURS))) == 1
    )


def test_a_route_that_should_be_absent_is_reported() -> None:
    expected = [ExpectedRoute("10.0.0.0/8", on=("a2",), absent=True)]
    assert list(route_failures(expected, {"a2": ()}, OURS)) == []
    seen = {"a2": (KernelRoute("10.0.0.0/8", "10.1.0.1", "eth1", 3),)}
    assert list(route_failures(expected, seen, OURS)) == [
        "a2: expected no route to 10.0.0.0/8; seen: 10.0.0.0/8 via 10.1.0.1 dev eth1 protocol 3"
    ]


BGP_ROUTE = BgpRoute("10.0.0.0/8", "10.1.0.1", "65001 65002", 100, ("64512:1", "64512:2"))


@pytest.mark.parametrize(
    ("wanted", "sentences"),
    [
        ({}, []),
        ({"next_hop": "10.1.0.1", "as_path": "65001 65002", "local_pref": 100, "communities": ("64512:2",)}, []),
        ({"next_hop": "10.1.0.2"}, ["a1: 10.0.0.0/8 has next_hop '10.1.0.1', not '10.1.0.2'"]),
        ({"as_path": ""}, ["a1: 10.0.0.0/8 has as_path '65001 65002', not ''"]),
        ({"stale": True}, ["a1: 10.0.0.0/8 has stale False, not True"]),
        ({"communities": ("no-export",)}, ["a1: 10.0.0.0/8 has communities 64512:1 64512:2, and lacks no-export"]),
        ({"absent": True}, ["a1: 10.0.0.0/8 is in its RIB, with next hop 10.1.0.1"]),
    ],
)
def test_a_route_of_the_rib_is_compared_in_what_is_expected_of_it(wanted, sentences: list[str]) -> None:
    expected = [ExpectedBgpRoute("10.0.0.0/8", ("a1",), **wanted)]
    assert list(bgp_failures(expected, {"a1": (BGP_ROUTE,)})) == sentences


def test_a_route_that_is_in_no_rib() -> None:
    expected = [ExpectedBgpRoute("10.0.0.0/8", ("a1", "rr1"))]
    assert list(bgp_failures(expected, {"a1": (), "rr1": None})) == [
        "a1: 10.0.0.0/8 is not in its RIB",
        "rr1: 10.0.0.0/8: its speaker does not answer",
    ]


PODS = Expectations(pods={"a": ("10.0.0.1", "fd00::1"), "b": ("10.0.0.2", "fd00::2"), "c": ("10.0.0.3",)})


def test_a_pair_without_an_answer() -> None:
    answered = set(PODS.all_pings) - {Ping("a", "b", "fd00::2"), Ping("b", "c", "10.0.0.3")}
    assert list(ping_failures(PODS, answered)) == ["a -> b (fd00::2): no answer", "b -> c: no answer"]


def test_a_pair_that_must_not_reach_each_other() -> None:
    expected = PODS.then(Expectations(unreachable=frozenset({("a", "c"), ("c", "a")})))
    assert list(ping_failures(expected, PODS.all_pings)) == [
        "a -> c: answered, and must not be",
        "c -> a: answered, and must not be",
    ]
    assert len(expected.pings) == len(PODS.pings) - 2


def test_what_an_event_expects_differently_replaces_what_was_expected(tmp_path) -> None:
    base = read(
        tmp_path,
        "sessions: [{between: [a1], and: [rr1, tor]}]\nroutes: [{to: 10.0.0.0/8, dev: eth1, on: [a1, rr1]}]\n"
        "bgp: [{prefix: 10.0.0.0/8, on: [a1, rr1]}]",
    )
    difference = read(
        tmp_path,
        "sessions: [{down: [a1], and: [rr1]}]\nroutes: [{to: 10.0.0.0/8, absent: true, on: [a1]}]\n"
        "bgp: [{prefix: 10.0.0.0/8, absent: true, on: [rr1]}]",
    )
    then = base.then(difference)
    assert then.sessions == {("a1", "tor"), ("tor", "a1")}
    assert then.down == BOTH
    assert [(route.on, route.absent) for route in then.routes] == [(("rr1",), False), (("a1",), True)]
    assert [(route.on, route.absent) for route in then.bgp] == [(("a1",), False), (("rr1",), True)]


def test_at_a_node_that_is_ignored_nothing_is_looked_at(tmp_path) -> None:
    base = read(
        tmp_path,
        "sessions: [{between: [a1, rr1]}]\nroutes: [{to: 10.0.0.0/8, dev: eth1, on: [a1, rr1]}]\n"
        "bgp: [{prefix: 10.0.0.0/8, on: [a1]}]",
    )
    then = base.then(read(tmp_path, "ignore: a1"))
    assert (then.sessions, then.bgp, [route.on for route in then.routes]) == ({("rr1", "a1")}, (), [("rr1",)])
    seen = {"a1": (Session("tor", "Active"),), "rr1": (Session("a1", "Established"),)}
    assert list(session_failures(then, seen)) == []


def test_the_quickstart_expects_every_block_on_every_other_node() -> None:
    from bgpctl.lab.topology.topology_file import read_topology

    topology = read_topology(QUICKSTART / "quickstart.clab.yml")
    expected = read_expectations(QUICKSTART / "expectations.yml", topology).expectations
    nodes = {"a1", "a2", "a3", "b1", "b2", "b3"}
    owner = {f"10.244.{rack}{n}.0/26": f"{name}{n}" for rack, name in ((1, "a"), (2, "b")) for n in (1, 2, 3)}
    for block, home in owner.items():
        assert {node for route in expected.routes if route.to == block for node in route.on} == nodes - {home}
    assert len(expected.sessions) == 2 * (6 * 2 + 1)
    assert len(expected.pings) == 30
