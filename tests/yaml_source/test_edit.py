"""Edits of a document: what is wanted stands in it afterwards, and every line of what did not change is as before."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.dump import plain, yaml_line, yaml_text
from bgpctl.yaml_source.edit import edited, same

PEER = """\
---
# Größe: the first ToR 🛠
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: tor-1   # its name
  labels: {rack: a}
spec:
  # the address
  peerIP: "10.0.0.1"  # of eth0
  asNumber: 64513
  nextHopMode:
  filters:
    - one   # first
    # a comment
    - two

  password:
    secretKeyRef:
      name: x
      key: y
# the end
"""

Edit = Callable[[Any], Any]
# What is changed, the lines that go, and the lines that come.
EDITS: dict[str, tuple[Edit, list[str], list[str]]] = {
    "nothing": (lambda data: None, [], []),
    "a scalar": (
        lambda data: data["spec"].update(peerIP="10.0.0.2"),
        ['  peerIP: "10.0.0.1"  # of eth0'],
        ["  peerIP: 10.0.0.2  # of eth0"],
    ),
    "a field that is null": (
        lambda data: data["spec"].update(nextHopMode="Self"), ["  nextHopMode:"], ["  nextHopMode: Self"],
    ),
    "a field that goes": (lambda data: data["spec"].pop("asNumber"), ["  asNumber: 64513"], []),
    "one that comes": (lambda data: data["spec"].update(reachableBy="::1"), [], ["  reachableBy: ::1"]),
    "a mapping that comes": (
        lambda data: data["metadata"].update(annotations={"bgpctl.io/drain": "1e3"}),
        [],
        ["  annotations:", "    bgpctl.io/drain: '1e3'"],
    ),
    "in braces": (
        lambda data: data["metadata"]["labels"].update(rack="b"), ["  labels: {rack: a}"], ["  labels: {rack: b}"],
    ),
    "one more in braces": (
        lambda data: data["metadata"]["labels"].update(row="1"),
        ["  labels: {rack: a}"],
        ["  labels: {rack: a, row: '1'}"],
    ),
    "an item that comes": (lambda data: data["spec"]["filters"].append("three"), [], ["    - three"]),
    "an item that comes first": (lambda data: data["spec"]["filters"].insert(0, "zero"), [], ["    - zero"]),
    "an item that goes": (lambda data: data["spec"]["filters"].remove("one"), ["    - one   # first"], []),
    "an item that changes": (
        lambda data: data["spec"].update(filters=["three", "two"]), ["    - one   # first"], ["    - three   # first"],
    ),
    "a list that is empty": (
        lambda data: data["spec"].update(filters=[]),
        ["  filters:", "    - one   # first", "    # a comment", "    - two"],
        ["  filters: []"],
    ),
    "a whole mapping": (
        lambda data: data["spec"].pop("password"),
        ["  password:", "    secretKeyRef:", "      name: x", "      key: y"],
        [],
    ),
    "a mapping that becomes a text": (
        lambda data: data["spec"]["password"].update(secretKeyRef="z"),
        ["    secretKeyRef:", "      name: x", "      key: y"],
        ["    secretKeyRef: z"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_only_the_lines_of_what_changes_are_other_ones(name: str) -> None:
    change, gone, come = EDITS[name]
    wanted = plain(read_document(PEER).data)
    change(wanted)
    lines = edited(PEER, (), wanted).splitlines()
    before = PEER.splitlines()
    assert [line for line in before if line not in lines] == gone
    assert [line for line in lines if line not in before] == come
    assert [line for line in lines if line in before] == [line for line in before if line in lines]
    assert same(read_document("\n".join(lines)).data, wanted)


def test_an_item_of_a_list_is_edited_where_it_stands() -> None:
    text = "kind: List\nitems:\n- a: 1 # one\n  b: 2\n# between\n- a: 3\n"
    assert edited(text, ("items", 0), {"a": 1, "b": 3}) == text.replace("b: 2", "b: 3")
    assert edited(text, ("items", 1), {"a": 3, "c": {"d": 4}}) == text + "  c:\n    d: 4\n"
    assert edited(text, ("items", 0), {"b": 2}) == "kind: List\nitems:\n- b: 2\n# between\n- a: 3\n"


OTHERS = {
    "an anchor that others use": ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 2}, "c": {"b": 1}}),
    "a merge": ("base: &x {b: 1}\na:\n  <<: *x\n  c: 2\n", {"base": {"b": 1}, "a": {"b": 3, "c": 2}}),
    "a text of several lines": ("a: |\n  one\n  two\nb: 1\n", {"a": "one\nthree\n", "b": 1}),
    "no line break at the end": ("a: 1", {"a": 1, "b": 2}),
    "a document behind its separator": ("--- {a: 1}\n", {"a": 1, "b": [1]}),
    "a key that stands twice": ("a: 1\na: 2\n", {"a": 3}),
    "tabs and blanks": ("a:   \t1   \nb:\n\n\n  c: 2\n", {"a": 2, "b": {"c": 3}}),
    "true is not one": ("a: 1\n", {"a": True}),
    "a null label": ("labels:\n  a:\n", {"labels": {"a": None, "b": "1"}}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_can_only_be_written_anew_is_right_nevertheless(name: str) -> None:
    text, wanted = OTHERS[name]
    assert same(read_document(edited(text, (), wanted)).data, wanted)


def test_json_stays_json() -> None:
    assert edited('{"a": 1}\n', (), {"a": "x"}) == '{"a": "x"}\n'
    assert json.loads(edited('{\n    "a": 1\n}', (), {"a": 1, "b": [2]})) == {"a": 1, "b": [2]}
    assert edited('{\n    "a": 1\n}', (), {"a": 2}) == '{\n    "a": 2\n}'


TEXTS = st.text(st.sampled_from("ab1:#-e.é🛠 '\"{}[],&*!|>%@`~=\n\t"), max_size=6)
SCALARS = st.one_of(st.integers(-5, 99), st.booleans(), TEXTS, st.sampled_from(["yes", "1e3", "012", "2001-01-01"]))
KEYS = st.sampled_from(["a", "b", "c d", "x/y", "é", "1", "yes"])
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
DOCUMENTS = st.dictionaries(KEYS, DATA, min_size=1, max_size=4)


@given(DOCUMENTS)
def test_what_is_dumped_reads_back_here_and_elsewhere(data: dict[str, Any]) -> None:
    assert same(read_document(yaml_text(data)).data, data)
    assert same(yaml.safe_load(yaml_text(data)), data)
    assert same(read_document(yaml_line(data)).data, data)
    assert "\n" not in yaml_line(data)


def commented(text: str) -> str:
    """With a comment above each line that begins a key or an item, numbered."""
    lines = []
    for number, line in enumerate(text.splitlines()):
        if re.match(r" *(- )?[a-z]+:", line):
            lines.append(f"{' ' * (len(line) - len(line.lstrip()))}# {number}")
        lines.append(line)
    return "\n".join(lines) + "\n"


@given(DOCUMENTS, DOCUMENTS, st.sampled_from([yaml_text, yaml_line]))
def test_any_document_becomes_any_other(
    old: dict[str, Any], new: dict[str, Any], style: Callable[[object], str]
) -> None:
    assert same(read_document(edited(style(old), (), new)).data, new)


@given(st.lists(DOCUMENTS, min_size=1, max_size=3), st.data())
def test_comments_stay_where_nothing_changes(items: list[dict[str, Any]], data: st.DataObject) -> None:
    """One scalar of one item becomes another one; every comment stays."""
    for item in items:
        item["name"] = "a"
    text = commented(yaml_text({"kind": "List", "items": items}))
    if not same(read_document(text).data, {"kind": "List", "items": items}):
        return  # a text of several lines has got a comment in it
    index = data.draw(st.integers(0, len(items) - 1))
    wanted = copy.deepcopy(items[index])
    wanted["name"] = "b"
    new = edited(text, ("items", index), wanted)
    changed = [pair for pair in zip(text.splitlines(), new.splitlines(), strict=True) if pair[0] != pair[1]]
    assert [(old.strip("- "), new.strip("- ")) for old, new in changed] == [("name: a", "name: b")]
