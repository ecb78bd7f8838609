"""The drawing of clusters that a person can draw by hand: who is where, which sessions, and how they are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from commands import here
from compiler_makers import bgp_peer, block, configuration, node, pool

from bgpctl.compiler import CompileOptions
from bgpctl.guardrails.proof.prove import prove
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from bgpctl.topology.design import Design, Labels, Role, Session, design_of
from bgpctl.topology.dot import render_dot
from bgpctl.topology.layout import HIGH, WIDE, lay_out
from bgpctl.topology.page import render_page
from bgpctl.topology.picture import MESH, Picture, picture_of
from bgpctl.topology.states import States
from bgpctl.topology.svg import render_svg

OPTIONS = CompileOptions()
NO_MESH = configuration(nodeToNodeMeshEnabled=False)
TO_REFLECTORS = bgp_peer("to-reflectors", nodeSelector="!has(rr)", peerSelector="has(rr)")
TOR = bgp_peer("tor", nodeSelector="rack == 'a'", peerIP="192.0.2.1", asNumber=65001)


def leaf(number: int, rack: str = "a", zone: str = "") -> Resource:
    labels = {"rack": rack} | ({"topology.kubernetes.io/zone": zone} if zone else {})
    return node(f"n{number}", f"10.0.{number // 200}.{number % 200 + 1}", labels=labels)


def reflector(number: int) -> Resource:
    return node(f"rr{number}", f"10.1.0.{number}", cluster_id="1.0.0.1", labels={"rr": ""})


def designed(*resources: Resource) -> Design:
    found = ResourceSet.of(*resources)
    return design_of(found, OPTIONS, prove(found, OPTIONS, failures=1), Labels())


def pictured(*resources: Resource, states: States | None = None, most: int = 60) -> Picture:
    return picture_of(designed(*resources), states or States(), most)


def lines(picture: Picture) -> dict[tuple[str, str], int]:
    return {(line.one, line.other): line.sessions for line in picture.lines}


def test_sessions_of_bgp_peers_are_drawn_once_with_routers_outside() -> None:
    design = designed(NO_MESH, TO_REFLECTORS, TOR, leaf(1), leaf(2, "b"), reflector(1), reflector(2))
    assert {name: router.role for name, router in design.routers.items()} == {
        "n1": Role.NODE, "n2": Role.NODE, "rr1": Role.REFLECTOR, "rr2": Role.REFLECTOR, "192.0.2.1": Role.OUTSIDE,
    }  # fmt: skip
    assert set(design.sessions) == {
        Session("n1", "rr1"),
        Session("n1", "rr2"),
        Session("n2", "rr1"),
        Session("n2", "rr2"),
        Session("n1", "192.0.2.1"),
    }
    assert design.routers["192.0.2.1"].as_number == 65001


@pytest.mark.parametrize(
    ("fields", "obstacle"),
    [
        ({"asNumber": 65009}, "an end expects another AS number than the other end has"),
        ({"peerIP": "10.0.0.3:1790", "asNumber": 64512, "reversePeering": "Manual"}, "only one end has it"),
        ({"asNumber": 64512}, ""),
    ],
)
def test_a_session_that_cannot_come_up_is_marked_with_why(fields: dict[str, Any], obstacle: str) -> None:
    one = bgp_peer("one", **{"node": "n1", "peerIP": "10.0.0.3"} | fields)
    picture = pictured(NO_MESH, one, leaf(1), leaf(2))
    assert picture.design.sessions == (Session("n1", "n2", obstacle),)
    assert (">cannot come up<" in render_svg(picture)) is bool(obstacle)
    assert (obstacle in render_page(picture)) or not obstacle


def test_a_mesh_is_one_place_whatever_its_size() -> None:
    picture = pictured(*map(leaf, range(1000)))
    assert picture.design.mesh_sessions == 499_500
    assert lines(picture) == {("n0", MESH): 1000 * 999}
    drawing = render_svg(picture)
    assert "499,500 sessions" in drawing
    assert len(drawing) < 10_000


def test_nodes_alike_are_drawn_together_only_beyond_the_limit() -> None:
    leaves = (leaf(number, "ab"[number % 2]) for number in range(20))
    resources = (NO_MESH, TO_REFLECTORS, *leaves, reflector(1), reflector(2))
    assert len(pictured(*resources, most=22).places) == 22
    together = pictured(*resources, most=21)
    assert {key: len(place.routers) for key, place in together.places.items()} == {
        "n0": 10,
        "n1": 10,
        "rr1": 1,
        "rr2": 1,
    }
    assert lines(together) == {("n0", "rr1"): 10, ("n0", "rr2"): 10, ("n1", "rr1"): 10, ("n1", "rr2"): 10}


def test_a_node_with_other_sessions_is_not_drawn_with_the_rest() -> None:
    other = bgp_peer("tor", node="n3", peerIP="192.0.2.1", asNumber=65001)
    picture = pictured(NO_MESH, TO_REFLECTORS, other, *map(leaf, range(9)), reflector(1), reflector(2), most=0)
    assert {len(place.routers) for place in picture.places.values() if place.first.role is Role.NODE} == {8, 1}


@pytest.mark.parametrize(("reflectors", "expected"), [((1,), {"rr1"}), ((1, 2), set())])
def test_what_the_proof_finds_to_be_decisive_is_marked(reflectors: tuple[int, ...], expected: set[str]) -> None:
    blocks = [pool("pods", "10.244.0.0/16"), block("n1", "10.244.1.0/26"), block("n2", "10.244.2.0/26")]
    picture = pictured(NO_MESH, TO_REFLECTORS, leaf(1), leaf(2), *map(reflector, reflectors), *blocks)
    assert {place.key for place in picture.places.values() if place.is_single_point} == expected


def test_every_node_whose_failure_cuts_off_others_is_marked() -> None:
    """Not only the one of several alike that the proof lets fail."""
    chain = [
        bgp_peer("left", nodeSelector="side == 'left'", peerSelector="rr == 'left'"),
        bgp_peer("right", nodeSelector="side == 'right'", peerSelector="rr == 'right'"),
        bgp_peer("between", nodeSelector="has(rr)", peerSelector="has(rr)"),
    ]
    sides = [
        node("rr1", "10.1.0.1", cluster_id="1.0.0.1", labels={"rr": "left"}),
        node("rr2", "10.1.0.2", cluster_id="1.0.0.2", labels={"rr": "right"}),
        *(node(f"l{number}", f"10.0.1.{number}", labels={"side": "left"}) for number in (1, 2)),
        *(node(f"r{number}", f"10.0.2.{number}", labels={"side": "right"}) for number in (1, 2)),
    ]
    owners = ("l1", "l2", "r1", "r2")
    blocks = [pool("pods", "10.244.0.0/16"), *(block(name, f"10.244.{at}.0/26") for at, name in enumerate(owners))]
    design = designed(NO_MESH, *chain, *sides, *blocks)
    assert {router.name for router in design.routers.values() if router.is_single_point} == {"rr1", "rr2"}


# ----------------------------------------------------------------------------------------- how it is now


def live(**fields: Any) -> States:
    return States(asked={"n1", "n2", "rr1"}, **fields)


CLUSTER = (NO_MESH, TO_REFLECTORS, leaf(1), leaf(2), reflector(1), reflector(2))


@pytest.mark.parametrize("end", [("n1", "10.1.0.1"), ("rr1", "10.0.0.2")])
def test_a_session_is_down_when_either_end_finds_it_down(end: tuple[str, str]) -> None:
    picture = pictured(*CLUSTER, states=live(down={end: "the hold timer expired"}))
    (line,) = [line for line in picture.lines if line.down]
    assert (line.one, line.other, line.reasons) == ("n1", "rr1", ("n1 - rr1: the hold timer expired",))
    assert {key for key, place in picture.places.items() if place.down} == {"n1", "rr1"}
    page = render_page(picture)
    assert "the hold timer expired" in page
    assert "1 of them down" in page


def test_what_is_held_drained_or_silent_is_marked() -> None:
    picture = pictured(*CLUSTER, states=live(held={"n1"}, draining={"n2"}))
    counts = {key: (place.held, place.draining, place.not_asked) for key, place in picture.places.items()}
    assert counts == {"n1": (1, 0, 0), "n2": (0, 1, 0), "rr1": (0, 0, 0), "rr2": (0, 0, 1)}
    drawing = render_svg(picture)
    assert all(f">{word}<" in drawing for word in ("held", "draining", "no answer"))


def test_sessions_of_the_mesh_that_are_down_are_counted() -> None:
    states = States(asked={"n1", "n2", "n3"}, down={("n1", "10.0.0.3"): "refused", ("n2", "10.0.0.2"): "refused"})
    picture = pictured(leaf(1), leaf(2), leaf(3), states=states)
    assert {(line.one, line.down) for line in picture.lines} == {("n1", 1), ("n2", 1), ("n3", 0)}


# --------------------------------------------------------------------------------------------- the forms


def test_no_two_places_overlap_and_all_are_on_the_page() -> None:
    zones = [leaf(number, f"{'xyz'[number % 3]}{number % 7}", "xyz"[number % 3]) for number in range(120)]
    between = bgp_peer("up", peerIP="192.0.2.9", asNumber=65009)
    picture = pictured(NO_MESH, TO_REFLECTORS, TOR, between, *zones, *map(reflector, range(1, 5)), most=200)
    layout = lay_out(picture)
    centres = sorted(layout.centres.items())
    assert len(centres) == len(picture.places)
    for number, (_, (x, y)) in enumerate(centres):
        assert WIDE / 2 <= x <= layout.width - WIDE / 2
        assert HIGH / 2 <= y <= layout.height - HIGH / 2
        assert all(abs(x - left) >= WIDE or abs(y - top) >= HIGH for _, (left, top) in centres[number + 1 :])


def test_what_a_peer_sends_is_text_in_every_form() -> None:
    """A NOTIFICATION may carry any sentence (RFC 9003)."""
    sentence = '</title><script>alert("1")</script> \\'
    picture = pictured(*CLUSTER, states=live(down={("n1", "10.1.0.1"): sentence}))
    drawing = ElementTree.fromstring(render_svg(picture))  # noqa: S314  our own
    titles = [each.text or "" for each in drawing.iter("{http://www.w3.org/2000/svg}title")]
    assert any(sentence in title for title in titles)
    assert "<script" not in render_page(picture)
    assert r'<script>alert(\"1\")</script> \\"' in render_dot(picture)


def test_the_page_asks_for_nothing_else() -> None:
    page = render_page(pictured(*CLUSTER))
    assert not re.search(r"<script|src=|href=|url\(|@import", page)


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    head = "---\napiVersion: projectcalico.org/v3\nkind: Node\n"
    nodes = (("a", "10.0.0.1/24"), ("b", "10.0.0.2/24"))
    texts = (f"{head}metadata: {{name: {name}}}\nspec: {{bgp: {{ipv4Address: {at}}}}}\n" for name, at in nodes)
    file.write_text("".join(texts))
    done = here("topology", file, "-o", "json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert [router["name"] for router in found["routers"]] == ["a", "b"]
    assert found["mesh"] == {"members": ["a", "b"], "sessions": 1, "down": None}
    assert here("topology", file).stdout.startswith("<svg ")
    file.write_text(file.read_text().replace("10.0.0.2/24", "nowhere"))
    wrong = here("topology", file, "-o", "dot")
    assert wrong.returncode == 1
    assert "ipv4Address" in wrong.stderr
    assert here("topology", tmp_path / "absent").returncode == 2
