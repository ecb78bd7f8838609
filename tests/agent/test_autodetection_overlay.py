"""How detected addresses come into the resources, which problem names them, and what is kept of them."""

from pathlib import Path

import pytest
from address_makers import address, host, interface, node_document, resources

from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.autodetection.host import Host
from bgpctl.agent.autodetection.settings import DetectionSettings
from bgpctl.agent.node_resources import NodeResources
from bgpctl.agent.plan.proposal import Proposer
from bgpctl.compiler import CompileOptions
from bgpctl.configuration.read import Sources, read_options
from bgpctl.resources import Loaded
from bgpctl.yaml_source.problem import Severity
from reflector.plan import Family

HOST = host(interface(2, "eth0", "10.0.0.1/24", "fd00::1/64"))
EMPTY = host(interface(2, "eth0"))
BOTH = {"IP": "autodetect", "IP6": "autodetect"}


def detector(path: Path, **environment: str) -> Detector:
    return Detector(read_options(DetectionSettings, Sources({}, environment)), path / "addresses.json")


def addresses(seen: NodeResources) -> tuple[str, str]:
    node = seen.loaded.resources.nodes["a"]
    return node.address(4), node.address(6)


@pytest.mark.parametrize(
    ("bgp", "environment", "result"),
    [
        ("", {}, ("10.0.0.1", "")),
        ("", BOTH, ("10.0.0.1", "fd00::1")),
        ("asNumber: 65001", BOTH, ("10.0.0.1", "fd00::1")),
        ("ipv4Address: 10.9.9.9/24", BOTH, ("10.9.9.9", "fd00::1")),
        ("ipv4Address: 10.9.9.9/24, ipv6Address: fd09::9", BOTH, ("10.9.9.9", "fd09::9")),
        ("ipv6Address: fd09::9", {}, ("", "fd09::9")),
        ("ipv6Address: fd09::9", {"IP": "autodetect"}, ("10.0.0.1", "fd09::9")),
        ("", {"IP": "none"}, ("", "")),
        ("", {"IP": "192.0.2.1/30"}, ("192.0.2.1", "")),
    ],
)
def test_an_address_of_the_node_always_wins(
    tmp_path: Path, bgp: str, environment: dict[str, str], result: tuple[str, str]
) -> None:
    seen = resources(node_document("a", bgp), node_document("b"))
    assert addresses(detector(tmp_path, **environment).apply(seen, HOST)) == result


def test_everything_else_of_the_node_stays(tmp_path: Path) -> None:
    before = resources(node_document("a", "asNumber: 65001, routeReflectorClusterID: 1.0.0.1"), node_document("b"))
    node = detector(tmp_path).apply(before, HOST).loaded.resources.nodes["a"]
    assert (node.as_number, node.cluster_id, node.subnet(4)) == (65001, "1.0.0.1", "10.0.0.0/24")


def test_other_nodes_and_the_given_resources_stay_as_they_are(tmp_path: Path) -> None:
    before = resources(node_document("a"), node_document("b"))
    after = detector(tmp_path).apply(before, HOST)
    assert after.loaded.resources.nodes["b"] is before.loaded.resources.nodes["b"]
    assert addresses(before) == ("", "")


def test_a_warning_says_where_the_address_came_from(tmp_path: Path) -> None:
    (problem,) = detector(tmp_path).apply(resources(node_document("b"), node_document("a")), HOST).loaded.problems
    assert (problem.file, problem.line, problem.resource, problem.path) == (
        "cluster.yaml", 5, "Node/a", "$.spec.bgp.ipv4Address"
    )  # fmt: skip
    assert (problem.code, problem.severity) == ("detected-address", Severity.WARNING)
    assert problem.message == ("the Node has no IPv4 address; in use is 10.0.0.1/24, found on eth0 (first-found)")


def test_a_warning_says_why_there_is_no_address(tmp_path: Path) -> None:
    (problem,) = detector(tmp_path).apply(resources(node_document("a")), EMPTY).loaded.problems
    assert (problem.code, problem.severity) == ("no-address-detected", Severity.WARNING)
    assert problem.message.endswith("none was found: eth0 has no IPv4 address")


def test_a_node_that_is_not_there_is_not_made_up(tmp_path: Path) -> None:
    seen = resources(node_document("b"))
    assert detector(tmp_path).apply(seen, HOST) == seen


def test_kubernetes_internal_address_is_read_from_a_kubernetes_node(tmp_path: Path) -> None:
    kubernetes = """
apiVersion: v1
kind: Node
metadata: {name: a}
status:
  addresses:
    - {type: Hostname, address: a}
    - {type: ExternalIP, address: 192.0.2.1}
    - {type: InternalIP, address: 10.0.0.1}
"""
    settings = {"IP": "autodetect", "IP_AUTODETECTION_METHOD": "kubernetes-internal-ip"}
    two = host(interface(2, "eth0", "10.0.0.1/24"), interface(3, "eth1", "10.1.0.1/24"))
    for documents in ((kubernetes,), (kubernetes, node_document("a"))):
        assert addresses(detector(tmp_path, **settings).apply(resources(*documents), two)) == ("10.0.0.1", "")


# ------------------------------------------------------------------------------------------------ remembering


def test_an_address_that_is_gone_without_another_is_kept_with_a_warning(tmp_path: Path) -> None:
    kept = detector(tmp_path)
    kept.apply(resources(node_document("a")), HOST)
    after = kept.apply(resources(node_document("a")), EMPTY)
    assert addresses(after) == ("10.0.0.1", "")
    assert after.loaded.problems[0].message.endswith("kept although it is not found now: eth0 has no IPv4 address")


def test_an_address_that_is_gone_gives_way_to_another(tmp_path: Path) -> None:
    kept = detector(tmp_path)
    kept.apply(resources(node_document("a")), HOST)
    moved = host(interface(2, "eth0", "10.0.0.2/24"))
    assert addresses(kept.apply(resources(node_document("a")), moved)) == ("10.0.0.2", "")


YOUNGER = host(interface(2, "eth0", "10.0.0.1/24"), interface(7, "eth7", "10.7.0.1/24"))


@pytest.mark.parametrize(("then", "result"), [(YOUNGER, "10.0.0.1"), (EMPTY, "10.0.0.1")])
def test_the_next_agent_goes_on_with_the_address_of_the_one_before(tmp_path: Path, then: Host, result: str) -> None:
    detector(tmp_path).apply(resources(node_document("a")), HOST)
    assert addresses(detector(tmp_path).apply(resources(node_document("a")), then))[0] == result


def test_an_address_found_in_another_way_is_not_kept_when_it_is_gone(tmp_path: Path) -> None:
    detector(tmp_path).apply(resources(node_document("a")), HOST)
    other = detector(tmp_path, IP_AUTODETECTION_METHOD="interface=eth9")
    assert addresses(other.apply(resources(node_document("a")), HOST)) == ("", "")


def test_what_nobody_needs_any_more_is_forgotten(tmp_path: Path) -> None:
    one = detector(tmp_path)
    one.apply(resources(node_document("a")), HOST)
    assert (tmp_path / "addresses.json").stat().st_mode & 0o777 == 0o600
    one.apply(resources(node_document("a", "ipv4Address: 10.9.9.9")), HOST)
    assert (one.sentences, list(tmp_path.iterdir())) == ((), [])


def test_a_file_that_is_not_ours_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "addresses.json").write_text("{]")
    assert addresses(detector(tmp_path).apply(resources(node_document("a")), HOST)) == ("10.0.0.1", "")


# ----------------------------------------------------------------------------------------------------- plans


def plan_of(path: Path, on: Host, **environment: str) -> tuple[str, list[tuple[Family, ...]], list[str]]:
    seen = resources(node_document("a"), node_document("b", "ipv4Address: 10.0.0.2/24, ipv6Address: fd00::2/64"))
    proposal = Proposer(CompileOptions()).propose(detector(path, **environment).apply(seen, on))
    assert proposal.wanted is not None
    plan = proposal.wanted.plan
    return plan.router_id, [each.families for each in plan.sessions], [each.local_address for each in plan.sessions]


def test_the_plan_has_sessions_in_the_families_that_were_found(tmp_path: Path) -> None:
    assert plan_of(tmp_path, HOST, **BOTH) == ("10.0.0.1", [(4,), (6,)], ["10.0.0.1", "fd00::1"])


def test_a_tentative_address_joins_the_plan_when_it_has_proved_itself(tmp_path: Path) -> None:
    """RFC 4862 5.4: until then no session may use it."""
    tentative = host(interface(2, "eth0", "10.0.0.1/24", address("fd00::1/64", tentative=True)))
    assert plan_of(tmp_path, tentative, **BOTH)[1:] == ([(4,)], ["10.0.0.1"])
    assert plan_of(tmp_path, HOST, **BOTH)[1:] == ([(4,), (6,)], ["10.0.0.1", "fd00::1"])


def test_resources_without_this_node_keep_its_address(tmp_path: Path) -> None:
    """An agent cannot read them for a while, and the host has no address at the moment that they are back."""
    first = detector(tmp_path)
    first.apply(resources(node_document("a")), HOST)
    first.apply(NodeResources("a", Loaded()), EMPTY)
    assert (tmp_path / "addresses.json").exists()
    assert addresses(first.apply(resources(node_document("a")), EMPTY)) == ("10.0.0.1", "")


def test_an_address_that_cannot_be_written_is_in_use_and_written_later(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    found = detector(missing)
    assert addresses(found.apply(resources(node_document("a")), HOST)) == ("10.0.0.1", "")
    missing.mkdir()
    found.apply(resources(node_document("a")), HOST)
    assert (missing / "addresses.json").exists()
