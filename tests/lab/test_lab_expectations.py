"""What of a lab's expectations is not met, as sentences; and mistakes in the file, with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from bgpctl.lab.document import DocumentError
from bgpctl.lab.expectations import (
    ExpectedRoute,
    ping_failures,
    read_expectations,
    route_failures,
    session_failures,
)
from bgpctl.lab.observation import KernelRoute, Session
from bgpctl.lab.topology import Node, Role, Topology

QUICKSTART = Path(__file__).parents[2] / "labs/quickstart"
TOPOLOGY = Topology(
    "x",
    Path("x.clab.yml"),
    (Node("a1", 1, Role.NODE), Node("rr1", 2, Role.REFLECTOR), Node("pod", 3, Role.POD), Node("fabric", 4)),
    (),
)
ROUTE = ExpectedRoute("10.244.11.0/26", "10.1.0.11", "eth1", ("a2",))


def read(tmp_path: Path, text: str):
    file = tmp_path / "expectations.yml"
    file.write_text(text)
    return read_expectations(file, TOPOLOGY)


def test_sessions_are_expected_at_both_ends(tmp_path) -> None:
    expected = read(tmp_path, "sessions: [{between: [a1], and: [rr1]}]")
    assert expected.sessions == {("a1", "rr1"), ("rr1", "a1")}


def test_between_alone_is_a_full_mesh_without_sessions_to_oneself(tmp_path) -> None:
    assert read(tmp_path, "sessions: [{between: [a1, rr1]}]").sessions == {("a1", "rr1"), ("rr1", "a1")}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sessions: [{between: [fabric]}]", "no agent on a node 'fabric'"),
        ("sessions: [{and: [a1]}]", "$.sessions[0]: `between` is missing"),
        ("routes: [{to: 10.0.0.0/26, via: 10.1.0.1, on: [a1]}]", "$.routes[0]: `dev` is missing"),
        ("pings: {pot: 10.0.0.1}", "$.pings.pot: the topology has no pod 'pot'; did you mean 'pod'?"),
        ("pings: {pod: here}", "$.pings.pod: Expected 4 octets in 'here'"),
        ("within: soon", "$.within: 'soon' is not a whole number"),
        ("session: []", "$.session: unknown field 'session'; did you mean 'sessions'?"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_path(tmp_path, text: str, problem: str) -> None:
    with pytest.raises(DocumentError) as raised:
        read(tmp_path, text)
    assert problem in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path}/expectations.yml:1: ")


@pytest.mark.parametrize("state", ["established", "Established", "ESTABLISHED"])
def test_an_established_session_is_met(state: str) -> None:
    assert list(session_failures([("a1", "rr1")], {"a1": (Session("rr1", state),)})) == []


@pytest.mark.parametrize(
    ("seen", "failure"),
    [
        ({"a1": (Session("rr1", "Active"),)}, "a1 -> rr1: Active, not Established"),
        ({"a1": ()}, "a1 -> rr1: no such session"),
        ({}, "a1 -> rr1: the speaker of a1 does not answer"),
        (
            {"a1": (Session("rr1", "Established"), Session("b1", "Established"))},
            "a1 -> b1: a session that nobody expects",
        ),
    ],
)
def test_a_session_that_is_not_as_expected(seen, failure: str) -> None:
    assert list(session_failures([("a1", "rr1")], seen)) == [failure]


def test_a_route_with_our_protocol_gateway_and_device_is_met() -> None:
    seen = {"a2": (KernelRoute("10.244.11.0/26", "10.1.0.11", "eth1", 179),)}
    assert list(route_failures([ROUTE], seen)) == []


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
    assert list(route_failures([ROUTE], seen)) == [
        f"a2: expected 10.244.11.0/26 via 10.1.0.11 dev eth1 protocol 179; seen: {instead}"
    ]


def test_a_route_that_is_missing() -> None:
    seen = {"a2": (KernelRoute("10.244.12.0/26", "10.1.0.11", "eth1", 179),)}
    assert list(route_failures([ROUTE], seen)) == [
        "a2: expected 10.244.11.0/26 via 10.1.0.11 dev eth1 protocol 179; seen: no route"
    ]


def test_a_pair_without_an_answer() -> None:
    assert list(ping_failures([("a", "b"), ("b", "a")], {("a", "b"): 0.001})) == ["b -> a: no answer"]


def test_the_quickstart_expects_every_block_on_every_other_node() -> None:
    from bgpctl.lab.topology import read_topology

    expected = read_expectations(QUICKSTART / "expectations.yml", read_topology(QUICKSTART / "quickstart.clab.yml"))
    nodes = {"a1", "a2", "a3", "b1", "b2", "b3"}
    owner = {f"10.244.{rack}{n}.0/26": f"{name}{n}" for rack, name in ((1, "a"), (2, "b")) for n in (1, 2, 3)}
    for block, home in owner.items():
        assert {node for route in expected.routes if route.to == block for node in route.on} == nodes - {home}
    assert len(expected.sessions) == 2 * (6 * 2 + 1)
    assert len(expected.pings) == 30
