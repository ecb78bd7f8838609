"""Annotations `bgpctl.io/...`: what is read, what is refused and where, and that the page in docs is the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bgpctl.resources import Loaded, parse_documents
from bgpctl.resources.annotations.annotations_page import render_page
from bgpctl.resources.annotations.settings import NAMES, NO_SETTINGS, AddPath, PrefixLimit, Settings
from bgpctl.resources.annotations.table import TABLE, settings_of
from bgpctl.yaml_source.problem import Severity
from reflector.plan import LimitAction, Role

ROOT = Path(__file__).parents[2]
PEER = """\
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: tor
  annotations:
    example.com/role: whatever
    {annotation}
spec:
  peerIP: 192.0.2.1
  asNumber: 64513
"""


def load(text: str) -> Loaded:
    return parse_documents([("peer.yaml", text)])


def read(name: str, value: str, kind: str = "BGPPeer") -> Any:
    """What the annotation says, or the codes of its problems."""
    metadata = {"name": "default", "annotations": {f"bgpctl.io/{name}": value}}
    loaded = load(json.dumps({"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": metadata}))
    resources = loaded.resources
    errors = [each.code for each in loaded.problems if each.severity is Severity.ERROR]
    if errors:
        return errors
    collections = {
        "BGPPeer": resources.bgp_peers,
        "BGPConfiguration": resources.bgp_configurations,
        "Node": resources.nodes,
    }
    (resource,) = collections[kind].values()
    return getattr(settings_of(resource), name.replace("-", "_"))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("maximum-prefixes", "1000", PrefixLimit(1000, LimitAction.CEASE)),
        ("maximum-prefixes", "1000 warn", PrefixLimit(1000, LimitAction.WARN)),
        ("maximum-prefixes", "1 drop", PrefixLimit(1, LimitAction.DROP)),
        ("maximum-prefixes", "off", PrefixLimit(0)),
        ("maximum-prefixes-warning", "80", 80),
        ("maximum-prefixes-restart", "5m", 300),
        ("maximum-prefixes-restart", "0s", 0),
        ("role", "rs-client", Role.RS_CLIENT),
        ("role-strict", "true", True),
        ("long-lived-stale-time", "16777215s", 0xFFFFFF),
        ("add-path", "all", AddPath(True)),
        ("add-path", "off", AddPath(False)),
        ("add-path", "2", AddPath(True, 2)),
        ("hold-time", "0s", 0),
        ("hold-time", "3s", 3),
        ("hold-time", "65535s", 65535),
        ("families", "ipv6, ipv4", (4, 6)),
        ("families", "ipv4", (4,)),
        ("cluster-id", "224.0.0.2", "224.0.0.2"),
    ],
)
def test_a_value_that_can_be_read(name: str, text: str, value: object) -> None:
    assert read(name, text) == value


def test_a_node_says_whether_it_has_a_speaker_in_both_of_its_forms() -> None:
    assert [read("speaker", text, "Node") for text in ("true", "false", "no")] == [True, False, ["bad-annotation"]]
    assert read("speaker", "true", "BGPPeer") == ["misplaced-annotation"]
    kubernetes = load("{apiVersion: v1, kind: Node, metadata: {name: a, annotations: {bgpctl.io/speaker: 'false'}}}")
    assert [settings_of(node).speaker for node in kubernetes.resources.nodes.values()] == [False]
    misspelt = load("{apiVersion: v1, kind: Node, metadata: {name: a, annotations: {bgpctl.io/speakers: 'false'}}}")
    assert [each.code for each in misspelt.problems] == ["unknown-annotation"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("maximum-prefixes", text) for text in ("", "0", "-1", "ten", "10 explode", "10 warn drop", "10  warn")),
        ("maximum-prefixes", "4294967296"),
        *(("maximum-prefixes-warning", text) for text in ("0", "101", "80%")),
        *(("maximum-prefixes-restart", text) for text in ("5", "-5m", "1d")),
        *(("role", text) for text in ("Provider", "transit", "")),
        *(("role-strict", text) for text in ("yes", "True", "1")),
        *(("long-lived-stale-time", text) for text in ("16777216s", "-1s", "forever")),
        *(("add-path", text) for text in ("0", "some", "65536", "false", "²")),
        *(("hold-time", text) for text in ("1s", "2s", "65536s", "-3s", "90")),
        *(("families", text) for text in ("", "ipv4,ipv4", "ipv4;ipv6", "IPv4", "ipv4,", "l2vpn")),
        *(("cluster-id", text) for text in ("2", "224.0.0", "0.0.0.0", "::1")),  # noqa: S104  an identifier
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_read_is_an_error(name: str, text: str) -> None:
    assert read(name, text) == ["bad-annotation"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_example_of_the_page_can_be_read(row: Any) -> None:
    for kind in row.kinds:
        assert read(row.name, row.example, kind.__name__) == row.read(row.example)


def test_every_setting_has_its_annotation() -> None:
    assert {row.field for row in TABLE} == set(NAMES)


def test_numbers_and_truth_need_no_quotes_in_files() -> None:
    peer = load(PEER.format(annotation="bgpctl.io/maximum-prefixes: 1000")).resources.bgp_peers["tor"]
    assert settings_of(peer).maximum_prefixes == PrefixLimit(1000)


@pytest.mark.parametrize(
    ("annotation", "code", "words"),
    [
        ("bgpctl.io/rolle: peer", "unknown-annotation", "did you mean 'bgpctl.io/role'?"),
        ("bgpctl.io/dampening: on", "unknown-annotation", "remove it"),
        ("bgpctl.io/role: transit", "bad-annotation", "is not one of provider, rs, rs-client, customer and peer"),
        ("bgpctl.io/always-compare-med: yes", "misplaced-annotation", "write it on a BGPConfiguration"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_path(annotation: str, code: str, words: str) -> None:
    loaded = load(PEER.format(annotation=annotation))

    (problem,) = loaded.problems

    key = annotation.partition(":")[0]
    assert (problem.file, problem.line, problem.code) == ("peer.yaml", 7, code)
    assert (problem.path, problem.severity) == (f"$.metadata.annotations['{key}']", Severity.ERROR)
    assert words in problem.message
    assert loaded.resources.bgp_peers == {}


def test_mistakes_in_annotations_and_in_fields_are_said_together() -> None:
    text = PEER.format(annotation="bgpctl.io/role: transit").replace("64513", "-1")
    assert [each.code for each in load(text).problems] == ["bad-annotation", "out-of-range"]


def test_a_role_does_not_belong_on_a_configuration_of_all_sessions() -> None:
    assert read("role", "customer", "BGPConfiguration") == ["misplaced-annotation"]


@pytest.mark.parametrize("kind", ["Node", "IPPool", "BGPFilter"])
def test_other_kinds_have_no_annotations_of_ours(kind: str) -> None:
    body = {
        "apiVersion": "projectcalico.org/v3",
        "kind": kind,
        "metadata": {"name": "x", "annotations": {"bgpctl.io/hold-time": "90s", "kubectl.kubernetes.io/x": "y"}},
        "spec": {"cidr": "10.0.0.0/16"} if kind == "IPPool" else {},
    }
    assert [each.code for each in load(json.dumps(body)).problems] == ["misplaced-annotation"]


# --------------------------------------------------------------------------------------- combinations


def test_what_stands_nearer_covers_what_stands_further_away_field_by_field() -> None:
    near, far = Settings(hold_time=0, role_strict=False), Settings(hold_time=90, role_strict=True, cluster_id="1.1.1.1")

    assert near.over(far) == Settings(hold_time=0, role_strict=False, cluster_id="1.1.1.1")
    assert NO_SETTINGS.over(far) == far
    assert near.over(NO_SETTINGS) == near


@pytest.mark.parametrize(
    ("here", "there"),
    [("provider", "customer"), ("customer", "provider"), ("rs", "rs-client"), ("rs-client", "rs"), ("peer", "peer")],
)
def test_the_other_end_has_the_other_half_of_the_pair_of_roles(here: str, there: str) -> None:
    """RFC 9234 4.2"""
    assert Settings(role=Role(here), hold_time=9).at_the_other_end() == Settings(role=Role(there), hold_time=9)


def test_the_page_in_docs_is_what_the_table_says() -> None:
    """Write it again with: python -m bgpctl.resources.annotations.annotations_page > docs/annotations.md"""
    assert (ROOT / "docs" / "annotations.md").read_text() == render_page()
