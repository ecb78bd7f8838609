"""`bgpctl journal replay`: a file becomes the text of `bgpctl routes` and `bgpctl explain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from speaker_makers import a_client, a_plan, an_origination, announce
from test_journal import RecordedRouter
from typer.testing import CliRunner

from bgpctl.cli import app
from bgpctl.errors import NotReadyError

POD = "10.1.0.0/26"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A client comes up and sends one route, and another one after a minute; there is an own route."""
    plan = a_plan(a_client("a", "10.0.0.1", peer_node="node-a"), originations=(an_origination("10.7.0.0/26"),))
    router = RecordedRouter(plan)
    router.up("a")
    router.receive("a", announce(POD, communities=(64512 << 16 | 7,)))
    router.wait(60)
    router.receive("a", announce("10.2.0.0/26"))
    path = tmp_path / "journal"
    path.write_bytes(router.journal.octets)
    return path


def bgpctl(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["journal", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output


def test_the_loc_rib_is_printed_as_bgpctl_routes_does(journal: Path) -> None:
    status, output = bgpctl("replay", journal)
    assert status == 0
    assert [line.split() for line in output.splitlines()] == [
        ["PREFIX", "NEXT", "HOP", "SOURCE", "PEER", "LOCAL", "PREF", "AS", "PATH", "COMMUNITIES", "PATHS"],
        [POD, "10.0.0.1", "bgp", "a", "100", "-", "64512:7", "1"],
        ["10.2.0.0/26", "10.0.0.1", "bgp", "a", "100", "-", "-", "1"],
        ["10.7.0.0/26", "-", "block", "-", "2147482623", "-", "-", "1"],
    ]


def test_what_it_was_like_earlier(journal: Path) -> None:
    _, output = bgpctl("replay", journal, "--until", "30", "-o", "json")
    assert [route["prefix"] for route in json.loads(output)] == [POD, "10.7.0.0/26"]


def test_a_prefix_is_explained(journal: Path) -> None:
    status, output = bgpctl("replay", journal, "10.1.0.5")
    assert (status, output.splitlines()[:2]) == (0, [f"{POD} on rr", "  from a (node-a): best"])
    assert bgpctl("replay", journal, "10.9.0.0/26")[0] == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"not one", "this is not a journal"), (None, "cannot read .*: No such file or directory")],
)
def test_what_is_no_journal_is_said(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "journal").write_bytes(content)
    with pytest.raises(NotReadyError, match=sentence):
        bgpctl("replay", tmp_path / "journal")
