"""`bgpctl status`, `peers`, `routes`: which nodes they find, what they print. Real sockets, small servers."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_world import Serve
from msgspec import structs
from typer.testing import CliRunner

from bgpctl.cli import app
from bgpctl.cli.running import find_drained, find_nodes, find_one_node
from bgpctl.cli.show import canonical_prefix
from bgpctl.cli.tables import duration
from bgpctl.errors import NotReadyError
from reflector.drain import Stage
from reflector.messages import (
    AgentStatus,
    Drain,
    Draining,
    DrainStatus,
    JournalStatus,
    Peers,
    PeerStatus,
    Reply,
    Request,
    Routes,
    RouteStatus,
    ShowAgent,
    ShowJournal,
    ShowPeers,
    ShowRoutes,
    StartJournal,
    StopJournal,
    Table,
)
from reflector.plan import RouteSource, SessionKind, SessionType

PEER = PeerStatus(
    "to-rr1",
    "10.0.0.9",
    64512,
    "10.0.0.1",
    SessionKind.NODE,
    SessionType.IBGP,
    False,
    "Established",
    75.0,
    "rr1",
    warning="8 of at most 10 IPv4 prefixes",
)
AGENT = AgentStatus("a", "0.1.0", 1, 75.0, 2, True, 0.1, speaker_state="running", fib_in_sync=True)
DRAIN = DrainStatus(Stage.MARKED, 75.0, "upgrade")
ROUTES = {
    4: tuple(
        RouteStatus(f"10.1.{n}.0/26", "10.0.0.2", RouteSource.BGP, "to-rr1", local_pref=100, communities=("64512:7",))
        for n in range(3)
    ),
    6: (RouteStatus("fd00:1::/64", "fd00::2", RouteSource.BGP, "to-rr1"),),
}


def answer(request: Request) -> Reply:
    match request:
        case ShowAgent():
            return AGENT
        case ShowPeers():
            return Peers((PEER,), DRAIN)
        case ShowRoutes(table=Table.LOC_RIB, family=family, inside=inside, after=after):
            left = [route for route in ROUTES[family] if route.prefix > after and route.prefix.startswith(inside[:5])]
            return Routes(tuple(left[:2]), left[1].prefix if len(left) > 2 else "")
        case ShowRoutes(table=Table.RECEIVED, peer="to-rr1", family=4):
            return Routes((structs.replace(ROUTES[4][0], verdict="as-loop", stale=True),))
        case ShowRoutes(table=Table.ADVERTISED, peer="to-rr1", family=4):
            return Routes((structs.replace(ROUTES[4][0], path_id=3),))
        case ShowRoutes():
            return Routes(())
        case Drain(stage=stage):
            return Draining(stage)
    return answer_about_the_journal(request)


def answer_about_the_journal(request: Request) -> Reply:
    match request:
        case StartJournal(limit=limit):
            return JournalStatus("/run/journal", is_recording=True, octets=9, limit=limit)
        case StopJournal():
            return JournalStatus("/run/journal", is_recording=False, octets=9, limit=1, ended="it was told to stop")
        case ShowJournal():
            return JournalStatus("/run/journal", is_recording=False)
    raise AssertionError(request)


ServeNode = Callable[[Path], None]


@pytest.fixture
def serve_node(serve: Serve) -> ServeNode:
    """Answers on agent.sock and speaker.sock of a run directory until the test ends."""

    def start(directory: Path) -> None:
        for name in ("agent.sock", "speaker.sock"):
            serve(directory / name, answer)

    return start


def bgpctl(*arguments: str | Path) -> tuple[int, str]:
    """Exit status and output of a command that is meant to answer."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.output


def test_one_node_is_found_without_options(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    assert [node.name for node in find_nodes("", None, tmp_path)] == ["a"]


def test_nodes_of_labs_are_found(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "lab" / "quickstart" / "a1")
    serve_node(tmp_path / "lab" / "quickstart" / "rr1")
    assert [node.name for node in find_nodes("", None, tmp_path)] == ["a1", "rr1"]


def test_nodes_of_two_labs_with_one_name_are_told_apart(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "lab" / "one" / "a1")
    serve_node(tmp_path / "lab" / "two" / "a1")
    assert find_one_node("two/a1", None, tmp_path).run_directory == tmp_path / "lab" / "two" / "a1"


def test_a_directory_without_sockets_is_no_node(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(NotReadyError, match=rf"no agent found in {tmp_path}/\* or {tmp_path}/lab/\*/\*"):
        find_nodes("", None, tmp_path)


def test_where_one_node_is_meant_several_are_named(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    serve_node(tmp_path / "b")
    with pytest.raises(NotReadyError, match="choose one with --node: a, b"):
        find_one_node("", None, tmp_path)


def test_an_unknown_node_is_answered_with_those_that_run(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    with pytest.raises(NotReadyError, match="no node c runs here; there are: a"):
        find_nodes("c", None, tmp_path)


def test_a_run_directory_without_an_agent_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="no agent runs in"):
        find_nodes("", tmp_path, tmp_path)


def test_peers_shows_the_sessions(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    _, output = bgpctl("peers", "--run-dir", tmp_path / "a")
    assert output.splitlines()[1].split()[:4] == ["10.0.0.9", "rr1", "Established", "1m15s"]


def test_peers_says_what_is_worth_a_warning(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    _, output = bgpctl("peers", "--run-dir", tmp_path / "a")
    assert "10.0.0.9 (rr1)\n  8 of at most 10 IPv4 prefixes\n" in output


def test_peers_as_json_has_every_field(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    _, output = bgpctl("peers", "--run-dir", tmp_path / "a", "-o", "json")
    (peer,) = json.loads(output)
    assert {"node", *PeerStatus.__struct_fields__} == peer.keys()


def test_routes_shows_all_pages_of_both_families(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    _, output = bgpctl("routes", "--run-dir", tmp_path / "a", "-o", "json")
    assert [route["prefix"] for route in json.loads(output)] == [
        *("10.1.0.0/26", "10.1.1.0/26", "10.1.2.0/26"),
        "fd00:1::/64",
    ]


def test_routes_of_a_prefix_shows_exactly_that_one(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    status, output = bgpctl("routes", "10.1.2.0/26", "--run-dir", tmp_path / "a", "-o", "json")
    assert (status, [route["prefix"] for route in json.loads(output)]) == (0, ["10.1.2.0/26"])


@pytest.mark.parametrize("peer", ["to-rr1", "10.0.0.9", "rr1"])
def test_what_a_peer_has_sent_is_shown_with_verdicts(tmp_path: Path, serve_node: ServeNode, peer: str) -> None:
    serve_node(tmp_path / "a")
    _, output = bgpctl("routes", "--received", peer, "--run-dir", tmp_path / "a")
    title, row = output.splitlines()
    assert (title.split()[-1], row.split("  ")[-1].strip()) == ("VERDICT", "own AS in AS_PATH, stale")


def test_what_a_peer_was_told_is_shown_with_its_path_identifiers(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    _, output = bgpctl("routes", "--advertised", "rr1", "--run-dir", tmp_path / "a")
    title, row = output.splitlines()
    assert (title.split()[-1], row.split()[-1]) == ("PATH", "3")


def test_an_unknown_peer_is_answered_with_those_there_are(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    with pytest.raises(NotReadyError, match=r"no session 'rr9' on a; there are: to-rr1"):
        bgpctl("routes", "--advertised", "rr9", "--run-dir", tmp_path / "a")


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("start", "--limit", "2"), 0, "recording into /run/journal: 9 octets of at most 2097152"),
        (("stop",), 0, "not recording; /run/journal ended with 9 octets: it was told to stop"),
        (("status",), 1, "not recording"),
    ],
)
def test_a_journal_is_started_and_stopped(
    tmp_path: Path, serve_node: ServeNode, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    serve_node(tmp_path / "a")
    assert bgpctl("journal", *arguments, "--run-dir", tmp_path / "a") == (status, f"{sentence}\n")


STEPS_OF_A_DRAIN = [
    "a: what draws traffic here is marked with GRACEFUL_SHUTDOWN; acknowledged by 1 peer",
    "a: waiting 0.01 s for them to choose other paths",
    "a is drained; bgpctl drain --undo ends that",
]


def test_a_node_is_drained_and_used_again(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    status, output = bgpctl("drain", "--wait", "0.01", "--run-dir", tmp_path / "a")
    used = bgpctl("drain", "--undo", "--run-dir", tmp_path / "a")
    assert (status, output.splitlines(), used) == (0, STEPS_OF_A_DRAIN, (0, "a is in use\n"))


def test_a_node_that_was_stopped_is_found_by_its_drain_alone(tmp_path: Path, serve_node: ServeNode) -> None:
    for name in ("stopped", "lab"):
        (tmp_path / name).mkdir()
    file = tmp_path / "stopped" / "drain.json"
    file.touch()
    for node, run_directory in (("", None), ("stopped", None), ("", file.parent)):
        assert find_drained(node, run_directory, tmp_path) == file
    assert find_drained("b", None, tmp_path) is None
    serve_node(tmp_path / "a")
    assert find_drained("", None, tmp_path) is None


def test_peers_says_that_the_node_drains(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    _, output = bgpctl("peers", "--run-dir", tmp_path / "a")
    assert output.splitlines()[-1] == (
        "a has been drained for 1m15s, its routes are marked (upgrade); bgpctl drain --undo ends that"
    )


def test_no_route_to_a_prefix_is_status_1(tmp_path: Path, serve_node: ServeNode) -> None:
    serve_node(tmp_path / "a")
    assert bgpctl("routes", "10.1.9.0/26", "--run-dir", tmp_path / "a")[0] == 1


def test_a_silent_node_is_named_and_the_others_shown(
    tmp_path: Path, serve_node: ServeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_node(tmp_path / "a")
    (tmp_path / "b").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "b" / "agent.sock"))
    monkeypatch.setattr(find_nodes, "__defaults__", (tmp_path,))
    status, output = bgpctl("fib")
    assert status == 1
    assert "bgpctl: the agent of b does not answer" in output
    assert "as desired" in output


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("", ""), ("10.1.0.0/26", "10.1.0.0/26"), ("10.1.0.1", "10.1.0.1/32"), ("FD00:0:0::/48", "fd00::/48")],
)
def test_prefixes_are_asked_for_as_routes_are_written(text: str, canonical: str) -> None:
    assert canonical_prefix(text) == canonical


@pytest.mark.parametrize("text", ["10.1.0.1/26", "here", "10.1.0.0/33"])
def test_what_is_no_prefix_is_not_ready(text: str) -> None:
    with pytest.raises(NotReadyError, match="is not a prefix"):
        canonical_prefix(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59, "59s"), (185, "3m05s"), (7620, "2h07m"), (442800, "5d03h")]
)
def test_durations_have_the_two_units_that_matter(seconds: float, text: str) -> None:
    assert duration(seconds) == text
