"""`bgpctl peers`: what fits 80 columns, only those that are down, one in full. A real socket, a small server."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_world import Serve
from msgspec import structs
from typer.testing import CliRunner

from bgpctl.cli import app
from bgpctl.cli.running import find_nodes
from bgpctl.errors import NotReadyError
from reflector.messages import Peers, PeerStatus, UnknownPeerStatus
from reflector.plan import SessionKind, SessionType

UP = PeerStatus(
    "to-rr1", "10.0.0.9", 64512, "10.0.0.1", SessionKind.NODE, SessionType.IBGP, False, "Established", 75.0, "rr1",
    last_heard=12.0, received=200, accepted=190, best=180, advertised=7, last_error="hold timer expired",
    last_error_age=400.0, ended="hold timer expired", ended_age=400.0, families=(4,), hold_time=90,
)  # fmt: skip
DOWN = PeerStatus(
    "to-tor", "2001:db8:1234:5678:9abc:def0:1234:5678", 4200000000, "10.0.0.1", SessionKind.GLOBAL, SessionType.EBGP,
    False, "Active", 7620.0, last_error="no answer: the host is down, a firewall drops the packets on the way, or the "
    "peer has another TCP-MD5 key", last_error_age=3.0, ended="hold timer expired", ended_age=7620.0,
    attempts_failed={"timed-out": 700},
)  # fmt: skip
UNKNOWN = UnknownPeerStatus("10.0.0.77", "10.0.0.1", 14, 3.0)

Show = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> Show:
    """`bgpctl peers` of the nodes `names` that have these sessions: exit status and lines."""
    monkeypatch.setattr(find_nodes, "__defaults__", (tmp_path,))

    def run(*arguments: str, names: tuple[str, ...] = ("a",)) -> tuple[int, list[str]]:
        for name in names:
            serve(tmp_path / name / "speaker.sock", lambda _: Peers((UP, DOWN), unknown=(UNKNOWN,)))
        result = CliRunner().invoke(app, ["peers", *arguments], catch_exceptions=False)
        return result.exit_code, result.output.splitlines()

    return run


def test_everything_about_sessions_fits_80_columns(show: Show) -> None:
    code, shown = show(names=("a", "node-with-a-long-name"))
    assert code == 0
    assert [line for line in shown if len(line) > 80 and "unknown peer" not in line] == []
    assert shown[0].split() == ["NODE", "PEER", "STATE"]


def test_short_addresses_leave_room_for_what_passes(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    _, shown = show("--peer", "to-rr1")
    assert shown[0].split() == ["PEER", "PEER", "NODE", "STATE", "SINCE", "HEARD", "RECEIVED", "ACCEPTED", "ADVERTISED"]
    assert shown[1].split() == ["10.0.0.9", "rr1", "Established", "1m15s", "12s", "200", "190", "7"]


def test_wide_has_every_column(show: Show) -> None:
    _, shown = show("-o", "wide")
    assert {"TYPE", "AS", "BEST", "FLAPS", "ACCEPTED", "HEARD"} <= set(shown[0].split())


def test_a_session_that_is_down_has_its_last_error_with_its_time_and_why_it_ended(show: Show) -> None:
    _, shown = show()
    start = shown.index(DOWN.peer_address)
    assert " ".join(line.strip() for line in shown[start + 1 :]).startswith(
        "last error, 3s ago: no answer: the host is down, a firewall drops the packets on the way, or the peer has "
        "another TCP-MD5 key the last session ended 2h07m ago: hold timer expired"
    )


def test_one_that_is_up_has_no_old_errors_below_the_table(show: Show) -> None:
    _, shown = show()
    assert not any("6m40s" in line for line in shown)
    _, shown = show("--peer", "rr1", names=())
    assert "  the last session ended 6m40s ago: hold timer expired" in shown


def test_only_those_that_are_down(show: Show) -> None:
    _, shown = show("--down")
    assert [line.split()[0] for line in shown[1:2]] == [DOWN.peer_address]
    assert not any("10.0.0.9" in line for line in shown)
    _, shown = show("--down", "--peer", "rr1", names=())
    assert len(shown) == 1


@pytest.mark.parametrize("peer", ["to-tor", DOWN.peer_address])
def test_one_session_in_full(show: Show, peer: str) -> None:
    _, shown = show("--peer", peer)
    assert "  attempts that failed: 700 timed-out" in shown
    assert any(line.startswith("  session to-tor: ebgp ") for line in shown)
    assert not any("10.0.0.9" in line for line in shown)


def test_a_session_that_there_is_not(show: Show) -> None:
    with pytest.raises(NotReadyError, match=r"no session 'rr9'; there are: to-rr1, to-tor"):
        show("--peer", "rr9")


def test_unknown_peers_are_below(show: Show) -> None:
    _, shown = show()
    assert shown[-1] == "a: unknown peer: 10.0.0.77 connected to 10.0.0.1 14 times, 3s ago, and is in no plan"


def test_json_has_what_was_asked_for(show: Show) -> None:
    _, shown = show("--down", "-o", "json")
    (session,) = json.loads("\n".join(shown))
    assert session == {"node": "a", **json.loads(json.dumps(structs.asdict(DOWN)))} | {"families": []}
