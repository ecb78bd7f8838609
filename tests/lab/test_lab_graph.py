"""`bgpctl lab graph`: nodes, links, and the sessions that the resources make, in three languages. Nothing runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest
from conftest import bgpctl

from bgpctl.lab.topology.drawing import DrawnSession, draw
from bgpctl.lab.topology.drawing_format import DrawingFormat
from bgpctl.lab.topology.drawing_formats import render
from bgpctl.lab.topology.topology_file import read_topology

QUICKSTART = Path(__file__).parents[2] / "labs/quickstart"
NODES, REFLECTORS = ["a1", "a2", "a3", "b1", "b2", "b3"], ["rr1", "rr2"]
SESSIONS = [*product(NODES, REFLECTORS), ("rr1", "rr2")]

TWO = """
name: two
topology:
  defaults: {kind: linux}
  nodes:
    a: {labels: {bgpctl-role: node}, binds: ["resources:/etc/bgpctl/resources"]}
    b: {labels: {bgpctl-role: LABEL}, binds: ["resources:/etc/bgpctl/resources"], startup-config: b.conf}
  links:
    - {endpoints: ["a:eth1", "b:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}
    - {type: dummy, endpoint: {node: a, interface: d0}}
"""
RESOURCES = """
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {nodeToNodeMeshEnabled: false, asNumber: 64512}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec: {bgp: {ipv4Address: 10.0.0.1/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b}
spec: {bgp: {ipv4Address: 10.0.0.2/24}}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: to-b}
spec: {node: a, peerIP: 10.0.0.2, asNumber: 65001}
"""


def two(tmp_path: Path, label: str, resources: str = RESOURCES) -> Path:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources/all.yaml").write_text(resources)
    (tmp_path / "b.conf").touch()
    file = tmp_path / "two.clab.yml"
    file.write_text(TWO.replace("LABEL", label))
    return file


def test_the_sessions_are_those_that_the_resources_make() -> None:
    drawing = draw(read_topology(QUICKSTART / "quickstart.clab.yml"))
    assert drawing.notes == ()
    assert sorted((session.one, session.other) for session in drawing.sessions) == sorted(SESSIONS)
    assert {session.kind for session in drawing.sessions} == {"iBGP"}
    assert not any(map(drawing.one_sided, drawing.sessions))


def test_a_session_with_another_daemon_is_known_by_the_address_of_its_node(tmp_path) -> None:
    drawing = draw(read_topology(two(tmp_path, "bird")))
    assert drawing.sessions == (DrawnSession("a", "b", "eBGP", ("a",)),)
    assert not drawing.one_sided(drawing.sessions[0])


def test_a_session_that_only_one_of_two_agents_has_says_so(tmp_path) -> None:
    drawing = draw(read_topology(two(tmp_path, "node")))
    assert drawing.one_sided(drawing.sessions[0])
    assert "  eBGP, only at a == b\n" in render(drawing, DrawingFormat.TEXT)


def test_resources_that_do_not_compile_leave_a_drawing_without_their_sessions(tmp_path) -> None:
    file = two(tmp_path, "node", RESOURCES.replace("kind: Node\nmetadata: {name: a}", "kind: Nod\nmetadata: {name: a}"))
    done = bgpctl("lab", "graph", file)
    assert done.returncode == 0
    assert done.stdout.startswith("lab two: 2 nodes, 2 links, 0 sessions\n")
    assert "note: no sessions of a: there is no Node resource named 'a'" in done.stderr


def test_text_has_of_every_node_its_interfaces_and_peers(tmp_path) -> None:
    done = bgpctl("lab", "graph", two(tmp_path, "bird"))
    assert done.stdout.splitlines() == [
        "lab two: 2 nodes, 2 links, 1 sessions",
        "a (node)",
        "  eth1 10.0.0.1/24 -- b:eth1 10.0.0.2/24",
        "  d0",
        "  eBGP == b",
        "b (bird)",
        "  eth1 10.0.0.2/24 -- a:eth1 10.0.0.1/24",
        "  eBGP == a",
    ]


def test_dot_has_links_drawn_through_and_sessions_dashed(tmp_path) -> None:
    text = render(draw(read_topology(two(tmp_path, "bird"))), DrawingFormat.DOT)
    assert text.startswith('graph "two" {\n')
    assert '  "a" [label="a\\nnode", shape=box];\n' in text
    assert '  "a" -- "b" [taillabel="eth1 10.0.0.1/24", headlabel="eth1 10.0.0.2/24"];\n' in text
    assert re.search(r'^  "a" -- "b" \[style=dashed, .*label="eBGP"\];$', text, re.MULTILINE)
    assert text.count("--") == 2


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed (Debian package graphviz)")
def test_graphviz_takes_the_drawing_of_the_quickstart() -> None:
    done = bgpctl("lab", "graph", QUICKSTART / "quickstart.clab.yml", "--format", "dot")
    drawn = subprocess.run(["dot", "-Tsvg"], input=done.stdout, capture_output=True, text=True, check=False)
    assert (drawn.returncode, drawn.stderr) == (0, "")


def test_mermaid_has_links_drawn_through_and_sessions_dotted(tmp_path) -> None:
    assert render(draw(read_topology(two(tmp_path, "bird"))), DrawingFormat.MERMAID).splitlines() == [
        "flowchart LR",
        '  n0["a<br/>node"]',
        '  n1[/"b<br/>bird"/]',
        '  n0 ---|"eth1 10.0.0.1/24 · eth1 10.0.0.2/24"| n1',
        '  n0 -.-|"eBGP"| n1',
    ]
