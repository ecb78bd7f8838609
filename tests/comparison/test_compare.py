"""What BIRD has on a node beside what the resources would make of it: each outcome, and real output as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from compiler_makers import bgp_filter, bgp_peer, block, configuration, node, pool, service
from test_calicoctl_node_status import STATUS

from bgpctl.comparison.compare import compare, read_pasted
from bgpctl.comparison.outcome import Outcome, Row
from bgpctl.comparison.text import Comparison, render
from bgpctl.compiler import CompileOptions
from bgpctl.datastore.directory import read_directories
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource

HERE = Path(__file__).parent
PASTED, CLUSTER = HERE / "pasted", HERE / "cluster"
MIXED = HERE.parents[1] / "labs" / "mixed-cluster" / "resources"
OPTIONS = CompileOptions()
NODES = [node(f"n{each}", f"10.0.0.{each}/24") for each in (1, 2, 3)]
PODS = pool("pods", "10.244.0.0/16")
BLOCKS = [block(f"n{each}", f"10.244.{each}.0/26") for each in (1, 2, 3)]
MESHED: list[Resource] = [*NODES, PODS, *BLOCKS]


def learned(prefix: str, peer: str, via: str = "", name: str = "Mesh") -> str:
    """A line of `show route` about a route from this peer."""
    protocol = f"{name}_{peer.replace('.', '_')}"
    sender = f" from {peer}" if via and via != peer else ""
    return f"{prefix} via {via or peer} on eth0 [{protocol} 20:10:57{sender}] * (100/0) [i]"


OWN = "10.244.1.0/26 blackhole [static1 20:10:57] * (200)"
SECOND, THIRD = learned("10.244.2.0/26", "10.0.0.2"), learned("10.244.3.0/26", "10.0.0.3")


def compared(*resources: Resource, lines: tuple[str, ...], name: str = "n1") -> dict[str, Row]:
    found = compare(ResourceSet.of(*resources), name, OPTIONS, [read_pasted("\n".join(lines))])
    return {row.what: row for row in (*found.routes, *found.sessions)}


def outcomes(rows: dict[str, Row]) -> dict[str, str]:
    return {what: row.outcome.value for what, row in rows.items()}


def differing(*resources: Resource, lines: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Outcome and note of what is not the same."""
    rows = compared(*resources, lines=lines)
    return {what: (row.outcome.value, row.note) for what, row in rows.items() if row.outcome is not Outcome.SAME}


# ------------------------------------------------------------------------------------------ real output


@pytest.mark.parametrize("which", ["", "-all"])
def test_bird_1_with_calicos_rules_has_what_we_would_have(which: str) -> None:
    resources = read_directories([CLUSTER]).resources
    text = (PASTED / f"bird1-n2-show-route{which}.txt").read_text()
    found = compare(resources, "n2", OPTIONS, [read_pasted(text)])
    same = {row.what for row in found.routes if row.outcome is Outcome.SAME}
    assert same == {
        "10.96.0.0/12",
        "10.244.1.0/26",
        "10.244.2.0/26",
        "10.244.3.0/26",
        "10.244.3.64/26",
        "10.244.9.0/26",
    }
    assert {row.outcome for row in found.routes} == {Outcome.SAME, Outcome.LEFT_OUT}
    left_out = {row.what for row in found.routes if row.outcome is Outcome.LEFT_OUT}
    assert {"0.0.0.0/0", "192.0.2.0/24", "10.244.3.9/32", "10.4.0.0/24", "10.3.0.0/24"} < left_out


@pytest.mark.parametrize("which", ["", "-all"])
def test_bird_2_in_the_mixed_cluster_has_what_we_would_have(which: str) -> None:
    text = (PASTED / f"bird2-n2-show-route{which}.txt").read_text()
    found = compare(read_directories([MIXED]).resources, "n2", OPTIONS, [read_pasted(text)])
    assert sorted(row.outcome.value for row in found.routes) == ["left out"] * 2 + ["same"] * 4


@pytest.mark.parametrize("wrong", ["n1", "n3", "n4"])
def test_the_output_of_another_node_is_noticed(wrong: str) -> None:
    text = (PASTED / "bird2-n2-show-route-all.txt").read_text()
    found = compare(read_directories([MIXED]).resources, wrong, OPTIONS, [read_pasted(text)])
    assert {row.what for row in found.routes if row.outcome is Outcome.OTHER} >= {"10.244.2.0/26"}


# ------------------------------------------------------------------------------------------ each outcome


def test_a_mesh_that_is_alike_is_the_same() -> None:
    assert differing(*MESHED, lines=(OWN, SECOND, THIRD)) == {}


def test_what_bird_lacks_is_extra_and_what_we_lack_is_missing() -> None:
    assert differing(*MESHED, block("n1", "10.244.1.64/26"), lines=(OWN, SECOND)) == {
        "10.244.1.64/26": ("extra", ""),
        "10.244.3.0/26": ("extra", ""),
    }
    other = "10.244.9.0/26 blackhole [static1 20:10:57] * (200)"
    assert differing(*MESHED, lines=(OWN, SECOND, THIRD, other)) == {
        "10.244.9.0/26": ("missing", "no block, service network or reachableBy of the resources gives it to this node")
    }


def test_a_session_that_the_resources_do_not_have_takes_its_routes_with_it() -> None:
    off = configuration(nodeToNodeMeshEnabled=False)
    two = bgp_peer("p", node="n1", peerIP="10.0.0.2")
    found = differing(*MESHED, off, two, lines=(OWN, SECOND, THIRD))
    assert found == {"10.244.3.0/26": ("missing", "stopped: no session leads there")}
    outside = learned("0.0.0.0/0", "10.0.0.254", name="Global")
    found = differing(*MESHED, lines=(OWN, SECOND, THIRD, outside))
    assert found == {"0.0.0.0/0": ("missing", "no session with 10.0.0.254 is in the plan")}


def test_a_suppressed_session_says_why() -> None:
    peer = bgp_peer("tor", peerIP="10.0.0.254", asNumber=65001, password={"secretKeyRef": {"name": "x", "key": "y"}})
    found = differing(*MESHED, peer, lines=(OWN, SECOND, THIRD, learned("0.0.0.0/0", "10.0.0.254", name="Global")))
    outcome, note = found["0.0.0.0/0"]
    assert outcome == "missing"
    assert note.startswith("the session with 10.0.0.254 is suppressed: BGPPeer tor: ")


def test_another_next_hop_is_seen_in_the_gateway_or_in_the_attribute() -> None:
    elsewhere = learned("10.244.2.0/26", "10.0.0.9")
    rows = compared(*MESHED, lines=(OWN, elsewhere, THIRD))
    assert (rows["10.244.2.0/26"].outcome, rows["10.244.2.0/26"].note) == (
        Outcome.OTHER,
        "another next hop; from 10.0.0.9, ours from 10.0.0.2",
    )
    attribute = f"{SECOND}\n\tBGP.next_hop: 10.0.0.77\n\tBGP.local_pref: 100"
    others = [f"{line}\n\tType: x" for line in (OWN, THIRD)]
    rows = compared(*MESHED, lines=(others[0], attribute, others[1]))
    assert rows["10.244.2.0/26"].note == "another next hop; LOCAL_PREF 100, ours 2147482623"


def test_a_gateway_of_the_underlay_is_no_difference() -> None:
    """Without `all` BIRD shows the way to the next hop, here over a router."""
    assert differing(*MESHED, lines=(OWN, learned("10.244.2.0/26", "10.0.0.2", "10.0.0.100"), THIRD)) == {}


def test_routes_of_a_reflector_have_its_clients_next_hops() -> None:
    reflector = node("rr", "10.0.0.8/24", cluster_id="224.0.0.1", labels={"rr": ""})
    cluster = [
        configuration(nodeToNodeMeshEnabled=False),
        reflector,
        bgp_peer("rr", nodeSelector="!has(rr)", peerSelector="has(rr)"),
        *MESHED,
    ]
    reflected = (
        OWN,
        learned("10.244.2.0/26", "10.0.0.8", "10.0.0.2", "Node"),
        learned("10.244.3.0/26", "10.0.0.8", "10.0.0.3", "Node"),
    )
    rows = compared(*cluster, lines=reflected)
    assert set(outcomes(rows).values()) == {"same"}
    assert rows["10.244.3.0/26"].ours == "10.0.0.3 (n3)"
    rows = compared(*cluster, lines=(OWN, SECOND, THIRD))
    assert {row.note for row in rows.values()} == {
        "",
        "from 10.0.0.2, ours from 10.0.0.8",
        "from 10.0.0.3, ours from 10.0.0.8",
    }


def test_a_filter_on_the_way_is_named() -> None:
    hides = bgp_filter("hide", importV4=[{"action": "Reject", "matchOperator": "In", "cidr": "10.244.3.0/24"}])
    peers = bgp_peer("all", nodeSelector="all()", peerSelector="all()", filters=["hide"])
    cluster = [configuration(nodeToNodeMeshEnabled=False), *MESHED, hides, peers]
    outcome, note = differing(*cluster, lines=(OWN, SECOND, THIRD))["10.244.3.0/26"]
    assert outcome == "missing"
    assert note.startswith("stopped between n3 and n1: the receiver's import policy rejects it (BGPFilter hide")


def test_what_routers_outside_send_is_left_out_unless_a_filter_decides() -> None:
    tor, default = (
        bgp_peer("tor", peerIP="10.0.0.254", asNumber=65001),
        learned("0.0.0.0/0", "10.0.0.254", name="Global"),
    )
    lines = (OWN, SECOND, THIRD, default)
    assert differing(*MESHED, tor, lines=lines)["0.0.0.0/0"][0] == "left out"
    some = bgp_filter("some", importV4=[{"action": "Reject", "matchOperator": "In", "cidr": "0.0.0.0/0"}])
    filtered = bgp_peer("tor", peerIP="10.0.0.254", asNumber=65001, filters=["some"])
    outcome, note = differing(*MESHED, filtered, some, lines=lines)["0.0.0.0/0"]
    assert (outcome, note.partition(":")[0]) == ("not known", "the import policies of the session decide about it")


def test_what_comes_only_through_routers_outside_is_not_known() -> None:
    tor = [bgp_peer("tor", peerIP="10.0.0.254", asNumber=65001, numAllowedLocalASNumbers=1)]
    cluster = [configuration(nodeToNodeMeshEnabled=False), *MESHED, *tor]
    lines = (OWN, *(learned(f"10.244.{each}.0/26", "10.0.0.254", name="Global") for each in (2, 3)))
    assert set(differing(*cluster, lines=lines).values()) == {
        ("not known", "it comes only if routers that are no nodes pass it on")
    }


def test_routes_of_workloads_and_services_follow_their_node() -> None:
    services = configuration(serviceExternalIPs=[{"cidr": "203.0.113.0/24"}])
    local = service("web", type="LoadBalancer", clusterIP="10.96.0.1", externalIPs=["203.0.113.7"])
    lines = (
        OWN,
        SECOND,
        THIRD,
        "203.0.113.0/24 blackhole [static2 20:10:57] * (200)",
        learned("10.244.1.9/32", "10.0.0.2"),
        learned("203.0.113.7/32", "10.0.0.3"),
        learned("198.51.100.0/24", "10.0.0.3"),
    )
    found = {what: outcome for what, (outcome, _) in differing(*MESHED, services, local, lines=lines).items()}
    assert found == {"10.244.1.9/32": "left out", "203.0.113.7/32": "left out", "198.51.100.0/24": "not known"}


def test_a_host_route_of_reachable_by_is_one_in_the_kernel() -> None:
    peer = bgp_peer("tor", peerIP="192.0.2.1", asNumber=65001, reachableBy="10.0.0.254")
    host = "192.0.2.1/32 via {} on eth0 [static1 20:10:57] * (200)"
    assert differing(*MESHED, peer, lines=(OWN, SECOND, THIRD, host.format("10.0.0.254"))) == {}
    found = differing(*MESHED, peer, lines=(OWN, SECOND, THIRD, host.format("10.0.0.9")))
    assert found == {"192.0.2.1/32": ("other", "a host route of reachableBy")}


def test_what_bird_cannot_use_or_install_is_noted() -> None:
    failed = SECOND.replace(" * ", " ! ")
    rows = compared(*MESHED, lines=(OWN, failed, THIRD))
    assert (rows["10.244.2.0/26"].outcome, rows["10.244.2.0/26"].note) == (
        Outcome.SAME,
        "BIRD could not put it into the kernel",
    )
    lost = "10.244.2.0/26 unreachable [Mesh_10_0_0_2 20:10:57 from 10.0.0.2] * (100/-) [i]"
    found = differing(*MESHED, lines=(OWN, lost, THIRD))
    assert found["10.244.2.0/26"] == ("other", "BIRD has no way to its next hop (unreachable)")


def test_only_the_families_of_the_output_are_compared_and_the_others_are_named() -> None:
    dual = [node(f"n{each}", f"10.0.0.{each}/24", f"fd00::{each}/64") for each in (1, 2, 3)]
    cluster = [*dual, PODS, pool("six", "fd00:9::/64"), *BLOCKS, block("n2", "fd00:9::/122")]
    found = compare(ResourceSet.of(*cluster), "n1", OPTIONS, [read_pasted("\n".join((OWN, SECOND, THIRD)))])
    assert ({row.outcome for row in found.routes}, found.absent) == ({Outcome.SAME}, {6})
    assert "routes of IPv6 were not compared: no output has any" in render(found)
    six = "fd00:9::/122 via fe80::2 on eth0 [Mesh_fd00__2 20:10:57 from fd00::2] * (100/0) [i]"
    both = [read_pasted("\n".join((OWN, SECOND, THIRD))), read_pasted(six)]
    found = compare(ResourceSet.of(*cluster), "n1", OPTIONS, both)
    assert ({row.outcome for row in found.routes}, found.absent) == ({Outcome.SAME}, set())


def test_five_hundred_nodes_of_a_mesh_are_compared_one_by_one() -> None:
    many = [node(f"n{each}", f"10.0.{each // 250}.{each % 250 + 1}/16") for each in range(500)]
    blocks = [block(f"n{each}", f"10.{64 + each // 256}.{each % 256}.0/26") for each in range(500)]
    lines = [
        learned(f"10.{64 + each // 256}.{each % 256}.0/26", f"10.0.{each // 250}.{each % 250 + 1}")
        for each in range(1, 500)
        if each != 77
    ]
    rows = compared(pool("p", "10.64.0.0/10"), *many, *blocks, lines=tuple(lines), name="n0")
    assert {what: each for what, each in outcomes(rows).items() if each != "same"} == {
        "10.64.0.0/26": "extra",
        "10.64.77.0/26": "extra",
    }


# ------------------------------------------------------------------------------------------ sessions


def sessions(*resources: Resource) -> dict[str, tuple[str, str]]:
    found = compare(ResourceSet.of(*resources), "n2", OPTIONS, [read_pasted(STATUS)])
    return {row.what: (row.outcome.value, row.note) for row in found.sessions}


def test_sessions_are_compared_by_the_peers_address() -> None:
    windows = node("w1", "10.3.0.31/24", labels={"kubernetes.io/os": "windows"}, ipv4VXLANTunnelAddr="10.244.9.1")
    members = [node(f"n{each}", f"10.3.0.{each}/24") for each in (1, 2, 7)]
    tor = bgp_peer("tor", peerIP="10.3.0.254", asNumber=65001)
    assert sessions(*members, windows, tor) == {
        "10.3.0.1": ("same", ""),
        "10.3.0.7": ("extra", "by node-to-node mesh"),
        "10.3.0.9": ("missing", "no BGPPeer and no mesh of the resources defines it"),
        "10.3.0.31": ("missing", "w1 has no BGP speaker: its blocks are reached through the VXLAN"),
        "10.3.0.254": ("same", ""),
    }


def test_a_session_that_is_down_today_and_another_definition_are_noted() -> None:
    members = [node(f"n{each}", f"10.3.0.{each}/24") for each in (1, 2, 31, 9)]
    other = bgp_peer("nine", node="n2", peerIP="10.3.0.9:180", asNumber=64512)
    found = sessions(*members, other)
    assert found["10.3.0.31"] == ("same", "not established today")
    assert found["10.3.0.254"][0] == "missing"


# ------------------------------------------------------------------------------------------ the command


def run(*arguments: str, text: str = "") -> tuple[int, str, str]:
    """Status, standard output and standard error."""
    command = [Path(sys.executable).with_name("bgpctl"), "compare", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, input=text)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def pasted(tmp_path: Path) -> Path:
    return tmp_path / "pasted.txt"


def test_the_command_says_what_differs_and_its_status_whether_anything_does(pasted: Path) -> None:
    text = (PASTED / "bird2-n2-show-route-all.txt").read_text()
    pasted.write_text(text)
    status, output, _ = run(str(MIXED), "--node", "n2", "--birdc", str(pasted))
    assert (status, output) == (
        0,
        "n2: routes: 4 same, 2 left out\n  left out  10.3.0.0/24, 169.254.1.1/32: networks of this node's interfaces\n",
    )
    begin, end = text.index("10.244.3.0/26"), text.index("10.244.2.0/26")
    pasted.write_text(text[:begin] + text[end:])
    status, output, _ = run(str(MIXED), "--node", "n2", "--birdc", str(pasted))
    assert status == 1
    assert "  extra  10.244.3.0/26: ours 10.3.0.3 (n3)\n" in output


def test_programs_read_it_as_json(pasted: Path) -> None:
    pasted.write_text((PASTED / "bird2-n2-show-route.txt").read_text())
    status, output, _ = run(str(MIXED), "--node", "n2", "--birdc", "-", "-o", "json", text=pasted.read_text())
    data: dict[str, Any] = json.loads(output)
    assert (status, data["node"], data["families"], data["sessions"]) == (0, "n2", [4], [])
    assert data["routes"][1] == {
        "prefix": "10.244.1.0/26",
        "outcome": "same",
        "bird": "10.3.0.1 (Mesh_10_3_0_1)",
        "ours": "10.3.0.1 (n1)",
        "note": "",
        "line": 3,
    }


def test_what_is_not_known_has_a_status_of_its_own(pasted: Path) -> None:
    text = (PASTED / "bird2-n2-show-route.txt").read_text()
    pasted.write_text(f"{text}{learned('198.51.100.0/24', '10.3.0.3')}\n")
    assert run(str(MIXED), "--node", "n2", "--birdc", str(pasted))[0] == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"10.1.0.0/26 via 10.0.0.1 on", "pasted.txt:1: '10.1.0.0/26 via 10.0.0.1 on' is no line of"),
        (b"", "pasted.txt: no route and no session is in it"),
        (b"10.1.0.0/26 blackhole [s 1]\n\xff\xfe", "pasted.txt:2: not UTF-8 text: octet 0xff"),
    ],
)
def test_a_file_that_is_not_understood_ends_with_status_2_and_its_line(
    pasted: Path, content: bytes, message: str
) -> None:
    pasted.write_bytes(content)
    status, output, error = run(str(MIXED), "--node", "n2", "--birdc", str(pasted))
    assert (status, output) == (2, "")
    assert message in error


def test_node_resources_and_file_have_to_be_there(tmp_path: Path, pasted: Path) -> None:
    pasted.write_text(OWN)
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n2}\nspec: {bgp: {ipv4Address: 1}}\n"
    )
    missing = str(tmp_path / "missing")
    for arguments, message in (
        ((str(MIXED), "--node", "n9", "--birdc", str(pasted)), "there is no Node resource named 'n9' among 4 nodes"),
        ((missing, "--node", "n2", "--birdc", str(pasted)), "missing"),
        ((str(MIXED), "--node", "n2", "--birdc", missing), "missing: No such file or directory"),
        ((str(broken), "--node", "n2", "--birdc", str(pasted)), "the resources have errors: what is wrong in them"),
        ((str(CLUSTER), "--node", "w1", "--birdc", str(pasted)), "w1 has no BGP speaker by its Node"),
    ):
        status, output, error = run(*arguments)
        assert (status, output) == (2, ""), message
        assert message in error


def test_a_long_list_is_cut_and_wide_has_it_all() -> None:
    rows = tuple(Row(f"10.0.{each}.0/24", Outcome.MISSING) for each in range(100))
    found = Comparison("n1", rows)
    assert "  and 60 more; -o wide has them all" in render(found)
    assert len(render(found, wide=True).splitlines()) == 101
