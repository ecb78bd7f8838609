"""What people paste into resource files: it works, or one sentence says where, and what to write instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bgpctl.datastore.directory import read_directory
from bgpctl.resources import Loaded

BGPCTL = Path(sys.executable).with_name("bgpctl")
NODE = "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: a}\nspec: {bgp: {ipv4Address: 10.0.0.1/24}}\n"
OTHER = NODE.replace("name: a", "name: b").replace("0.1/", "0.2/")
PEER = """apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: p
spec:
  nodeSelector: all()
  peerIP: 192.0.2.1
  asNumber: 65001
"""
JSON = '{"apiVersion":"projectcalico.org/v3","kind":"Node","metadata":{"name":"%s"}}'
ITEM = "- " + NODE.replace("\n", "\n  ").rstrip() + "\n"


def read(path: Path, text: str | bytes, name: str = "pasted.yaml") -> Loaded:
    (path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_directory(path)


WORKS: dict[str, tuple[str | bytes, int]] = {
    "mark at the beginning": ("\ufeff" + NODE, 1),
    "mark behind a separator": (NODE + "---\n\ufeff" + OTHER, 2),
    "mark before a separator": (NODE + "\ufeff---\n" + OTHER, 2),
    "lines of Windows": ((NODE + "---\n" + OTHER).replace("\n", "\r\n"), 2),
    "UTF-16 of Windows": (NODE.encode("utf-16"), 1),
    "JSON lines": (JSON % "a" + "\n" + JSON % "b" + "\n", 2),
    "JSON objects behind each other": ((JSON % "a").replace(",", ",\n  ") + "\n\n" + JSON % "b", 2),
    "JSON array": (f"[{JSON % 'a'},\n{JSON % 'b'}]", 2),
    "kubectl get -o yaml": ("apiVersion: v1\nkind: List\nitems:\n" + ITEM + "metadata: {resourceVersion: ''}\n", 1),
    "calicoctl get -o yaml": ("apiVersion: projectcalico.org/v3\nkind: NodeList\nitems:\n" + ITEM, 1),
    "space behind a separator": (NODE + "--- \n" + OTHER, 2),
    "tab behind a colon": (NODE.replace("kind: ", "kind:\t"), 1),
}


@pytest.mark.parametrize("case", WORKS)
def test_what_is_meant_is_read(tmp_path: Path, case: str) -> None:
    text, count = WORKS[case]
    loaded = read(tmp_path, text)
    assert (loaded.problems, len(loaded.resources)) == ((), count)


@pytest.mark.parametrize("name", ["a.YAML", "a.Yml", "a.JSON"])
def test_endings_of_any_case(tmp_path: Path, name: str) -> None:
    assert len(read(tmp_path, NODE, name).resources) == 1
    assert len(read(tmp_path, NODE, "lab.CLAB.yml").resources) == 1, "a topology is none"


def selecting(text: str) -> str:
    return PEER.replace("all()", text)


TEMPLATE = "begins a template; render it first"
SAYS: dict[str, tuple[str, int, str, str]] = {
    "unquoted !has": (selecting("!has(x)"), 6, "$.spec.nodeSelector", 'write it in quotes: "!has(x)"'),
    "unquoted !has and more": (selecting("!has(x) && has(y)"), 6, "$", 'write "!has(x) && has(y)"'),
    "unquoted star": (selecting("*"), 6, "$", 'a value that begins with * must be in quotes; write "*"'),
    "tab": (PEER.replace("  peerIP", "\tpeerIP"), 7, "$", "a tab stands where YAML takes only spaces"),
    "no-break space before a field": (
        PEER.replace("  peerIP", "\u00a0\u00a0peerIP"),
        7,
        "$",
        "no-break space (U+00A0)",
    ),
    "no-break space behind a colon": (PEER.replace("kind: ", "kind:\u00a0"), 2, "$", "no-break space (U+00A0)"),
    "no-break space in a value": (
        PEER.replace("2.1\n", "2.1\u00a0\n"),
        7,
        "$.spec.peerIP",
        "character 10 is a no-break space (U+00A0); write a plain space instead",
    ),
    "zero-width space in a name": (
        PEER.replace("asN", "\u200basN"),
        8,
        "$.spec['\\u200basNumber']",
        "character 1 is a zero-width space (U+200B); remove it",
    ),
    "typographic quotes": (selecting("\u201call()\u201d"), 6, "$.spec.nodeSelector", 'write a plain " instead'),
    "typographic quotes inside": (selecting("a == \u2018b\u2019"), 6, "$.spec.nodeSelector", "write a plain ' instead"),
    "dash": (PEER.replace("name: p", "name: p\u20131"), 4, "$.metadata.name", "write a plain - instead"),
    "template for a value": (selecting("{{ .Values.x }}"), 6, "$.spec.nodeSelector", "{{ begins a template"),
    "template in quotes": (selecting("'{{ x }}'"), 6, "$.spec.nodeSelector", TEMPLATE),
    "template around": ("{{- if .x }}\n" + NODE, 1, "$", TEMPLATE),
    "variable": (PEER.replace("65001", "${ASN}"), 8, "$.spec.asNumber", TEMPLATE),
    "forgotten separator": (NODE + OTHER, 5, "$", "a second resource begins here, without a line --- before it"),
    "end of a document": (
        NODE + "...\n" + OTHER,
        6,
        "$",
        "a second document begins here, without a line --- before it",
    ),
    "duplicate key": (PEER + "  peerIP: 192.0.2.2\n", 9, "$.spec.peerIP", "this key is here twice; remove one"),
    "Markdown": ("```yaml\n" + NODE + "```\n", 1, "$", "``` is Markdown"),
    "no space behind a colon": (PEER.replace("kind: ", "kind:"), 2, "$", "write kind: BGPPeer"),
    "open quotation mark": (selecting('"all()'), 6, "$", "opened on this line is not closed"),
    "indentation": (PEER.replace("  peerIP", "   peerIP"), 7, "$", "indented like those around it"),
}


@pytest.mark.parametrize("case", SAYS)
def test_one_sentence_says_where_and_what_to_write(tmp_path: Path, case: str) -> None:
    text, line, path, sentence = SAYS[case]
    (problem,) = read(tmp_path, text).problems
    assert (problem.file, problem.line, problem.path) == (str(tmp_path / "pasted.yaml"), line, path)
    assert sentence in problem.message


def test_octets_of_windows_are_named_with_their_line(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, PEER.replace("name: p", "name: p # B\u00fcro").encode("cp1252")).problems
    assert (problem.line, problem.code) == (4, "unreadable-file")
    assert "octet 0xfc" in problem.message
    assert "'\u00fc' in Windows-1252; save the file as UTF-8" in problem.message


@pytest.mark.parametrize("command", ["validate", "proof"])
def test_a_dash_is_standard_input(command: str) -> None:
    def run(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([BGPCTL, command, "-"], input=text, capture_output=True, text=True, check=False)

    assert run(NODE + "---\n" + OTHER).returncode == 0
    wrong = run(NODE.replace("10.0.0.1", "10.0.0"))
    assert wrong.returncode != 0
    assert "-:4: error: Node/a $.spec.bgp.ipv4Address:" in wrong.stdout + wrong.stderr
