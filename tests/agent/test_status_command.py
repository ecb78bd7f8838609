"""`bgpctl status`: a line for each node, everything that is wrong once, and an exit status that can be trusted."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_world import BGPCTL, Serve, World, until, wired_world
from msgspec import structs
from typer.testing import CliRunner

from bgpctl.cli import app
from bgpctl.cli.running import find_nodes, find_nodes_and_stopped
from reflector.drain import Stage
from reflector.messages import (
    AgentStatus,
    DownSession,
    DrainStatus,
    FlappingSession,
    HeldStatus,
    ProblemStatus,
)

WELL = AgentStatus(
    "a",
    "0.1.0",
    1,
    75.0,
    2,
    True,
    0.1,
    speaker_pid=7,
    speaker_state="running",
    fib_in_sync=True,
    fib_desired=12,
    fib_installed=12,
    sessions_known=True,
    sessions_expected=3,
    sessions_established=3,
)
DOWN = DownSession("tor", "192.0.2.9", 65001, "", "Active", 305.0, True, "connection refused", 4.0)
INVALID = ProblemStatus("error", "nodes.yaml", 7, "$.spec.bgp.ipv4Address", "'nonsense' is no address")
HELD = HeldStatus("last-session", "no session is left", ("Node n1: it is missing",))

Serving = Callable[[Path, AgentStatus], None]


@pytest.fixture
def serve_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> Serving:
    """Answers with a status on the agent.sock of a run directory; all are below tmp_path, where commands look."""
    monkeypatch.setattr(find_nodes, "__defaults__", (tmp_path,))
    monkeypatch.setattr(find_nodes_and_stopped, "__defaults__", (tmp_path,))
    return lambda directory, status: serve(directory / "agent.sock", lambda _: status)


def status(*arguments: str | Path) -> tuple[int, list[str]]:
    """Exit status and lines."""
    result = CliRunner().invoke(app, ["status", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output.splitlines()


def test_a_node_that_is_well_is_one_line_and_status_zero(tmp_path: Path, serve_status: Serving) -> None:
    serve_status(tmp_path / "a", WELL)
    code, (title, row) = status()
    assert (code, title.split()) == (0, ["NODE", "UP", "PLAN", "SPEAKER", "SESSIONS", "ROUTES", "PROBLEMS"])
    assert row.split() == ["a", "1m15s", "2", "running", "3/3", "12/12", "-"]


WRONG = {
    "a session is down": (
        {"sessions_established": 2, "sessions_overdue": 1, "sessions_down": (DOWN,)},
        "a: error: the session with 192.0.2.9 has been down for 5m05s: connection refused (4s ago)",
    ),
    "a session flaps": (
        {"sessions_flapping": (FlappingSession("tor", "192.0.2.9", "", "hold timer expired"),)},
        "a: error: the session with 192.0.2.9 went down three times in ten minutes: hold timer expired",
    ),
    "all sessions are down": (
        {"sessions_established": 0, "sessions_expected": 602, "sessions_overdue": 602, "sessions_down": (DOWN,) * 100},
        "a: error: 597 more sessions are down: bgpctl peers --down --node a",
    ),
    "the speaker does not answer": (
        {"sessions_known": False},
        "a: error: the speaker does not answer how its sessions stand",
    ),
    "the speaker is away": ({"speaker_state": "backing off"}, "a: error: the speaker is not running: backing off"),
    "no plan": ({"plan_generation": 0}, "a: error: there is no plan yet: no session is set up"),
    "an old plan": (
        {"plan_is_current": False},
        "a: error: the plan that runs is not that of the newest resources",
    ),
    "an invalid resource": (
        {"problems": (INVALID,)},
        "a: error: nodes.yaml:7: $.spec.bgp.ipv4Address: 'nonsense' is no address",
    ),
    "a change is held": ({"held": (HELD,), "held_digest": "c0ffee"}, "a: error: held: no session is left"),
    "a session that is not set up": (
        {"suppressed": ("192.0.2.9: no password",), "missing": ("192.0.2.9: no password",)},
        "a: error: suppressed session 192.0.2.9: no password",
    ),
    "a route is not in the kernel": (
        {"fib_installed": 11, "fib_failures": ("10.1.0.0/26: the kernel refused it",)},
        "a: error: kernel: 10.1.0.0/26: the kernel refused it",
    ),
    "routes without a sentence": ({"fib_installed": 10}, "a: error: kernel: 2 of 12 routes are not in the kernel"),
    "the kernel is not known": (
        {"fib_in_sync": False},
        "a: error: kernel: the kernel has not been compared with all routes yet",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_whatever_is_wrong_has_a_sentence_and_status_1(tmp_path: Path, serve_status: Serving, what: str) -> None:
    changes, sentence = WRONG[what]
    serve_status(tmp_path / "a", structs.replace(WELL, **changes))
    code, lines = status()
    assert code == 1
    assert sentence in lines


LOOK_AT = {
    "a warning of a resource": (
        {"problems": (structs.replace(INVALID, severity="warning"),)},
        "a: warning: nodes.yaml:7: $.spec.bgp.ipv4Address: 'nonsense' is no address",
    ),
    "two sessions to one peer": (
        {"suppressed": ("192.0.2.9 port 1790 (BGPPeer/b): BGPPeer/a has the session",)},
        "a: warning: suppressed session 192.0.2.9 port 1790 (BGPPeer/b): BGPPeer/a has the session",
    ),
    "a fault of ours": (
        {"internal_errors": 2},
        "a: warning: 2 internal errors since the agent started, a fault of bgpctl: its log has the traceback",
    ),
    "a route that loses to another program's": (
        {"fib_shadowed": 1, "fib_notes": ("0.0.0.0/0: another program's route wins",)},
        "a: warning: kernel: 0.0.0.0/0: another program's route wins",
    ),
    "retained routes": ({"retention": "node b is away; 3 routes retained"}, "a: warning: node b is away; 3 routes"),
}


@pytest.mark.parametrize("what", LOOK_AT)
def test_what_works_all_the_same_is_a_warning_and_status_0(tmp_path: Path, serve_status: Serving, what: str) -> None:
    changes, sentence = LOOK_AT[what]
    serve_status(tmp_path / "a", structs.replace(WELL, **changes))
    code, lines = status()
    assert code == 0
    assert any(line.startswith(sentence) for line in lines)
    assert lines[1].endswith("1 warning")


def test_a_session_that_is_being_set_up_is_counted_and_not_yet_wrong(tmp_path: Path, serve_status: Serving) -> None:
    coming = structs.replace(DOWN, down=4.0, is_overdue=False)
    serve_status(tmp_path / "a", structs.replace(WELL, sessions_established=2, sessions_down=(coming,)))
    code, (_, row) = status()
    assert (code, row.split()[4]) == (0, "2/3")


def test_what_concerns_the_cluster_is_one_line_with_the_nodes(tmp_path: Path, serve_status: Serving) -> None:
    serve_status(tmp_path / "a", structs.replace(WELL, problems=(INVALID,)))
    serve_status(tmp_path / "b", structs.replace(WELL, node="b", problems=(INVALID,)))
    _, lines = status()
    assert lines[3:] == ["all nodes: error: nodes.yaml:7: $.spec.bgp.ipv4Address: 'nonsense' is no address"]
    for name in ("c", "d", "e"):
        serve_status(tmp_path / name, structs.replace(WELL, node=name, problems=(INVALID,) if name < "e" else ()))
    _, lines = status()
    assert lines[6].startswith("a, b, c and 1 more: error: nodes.yaml:7")


def test_what_is_held_has_its_causes_and_how_it_is_confirmed(tmp_path: Path, serve_status: Serving) -> None:
    serve_status(tmp_path / "a", structs.replace(WELL, held=(HELD,), held_digest="c0ffee"))
    _, lines = status()
    assert lines[-3:] == [
        "a: error: held: no session is left",
        "a:   by Node n1: it is missing",
        "a:   held: digest c0ffee; put the resources right, or bgpctl confirm a",
    ]


def test_an_agent_that_is_gone_is_a_line_and_status_1(tmp_path: Path, serve_status: Serving) -> None:
    serve_status(tmp_path / "a", WELL)
    (tmp_path / "killed").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "killed" / "agent.sock"))
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "plan.json").touch()
    code, lines = status()
    assert code == 1
    for name, line in zip(("killed", "stopped"), lines[2:4], strict=True):
        assert line.split() == [name, "-", "-", "agent", "gone", "-", "-", "1", "error"]
        assert any(line.startswith(f"{name}: error: the agent of {name} does not answer") for line in lines)
    assert status("--node", "stopped")[0] == status("--run-dir", tmp_path / "stopped")[0] == 1


def test_a_directory_that_never_was_a_node_is_none(tmp_path: Path, serve_status: Serving) -> None:
    serve_status(tmp_path / "a", WELL)
    (tmp_path / "lab" / "quickstart" / "_resources").mkdir(parents=True)
    assert status()[0] == 0


def test_a_drained_node_is_well(tmp_path: Path, serve_status: Serving) -> None:
    serve_status(tmp_path / "a", structs.replace(WELL, drain=DrainStatus(Stage.MARKED, 75.0, "upgrade")))
    code, lines = status()
    assert code == 0
    assert lines[2] == "a has been drained for 1m15s, its routes are marked (upgrade); bgpctl drain --undo ends that"


def test_json_has_every_field_and_the_problems(tmp_path: Path, serve_status: Serving) -> None:
    serve_status(tmp_path / "a", structs.replace(WELL, sessions_overdue=1, sessions_down=(DOWN,)))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "plan.json").touch()
    result = CliRunner().invoke(app, ["status", "-o", "json"], catch_exceptions=False)
    a, b = json.loads(result.output)
    assert result.exit_code == 1
    assert {"name", "answers", "node_problems", *AgentStatus.__struct_fields__} == a.keys()
    assert a["node_problems"][0].keys() == {"severity", "sentence", "details"}
    assert (b["name"], b["answers"], b["node_problems"][0]["severity"]) == ("b", False, "error")


# ----------------------------------------------------------------------------------- agents that run

BEYOND_THE_WIRE = """
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: tor}
spec: {peerIP: 10.0.0.9, asNumber: 65001, node: a}
"""


@pytest.fixture
def world(netns: str, tmp_path: Path) -> Iterator[World]:
    with wired_world(netns, tmp_path) as world:
        until(lambda: all((at := world.status(node)) and at.fib_in_sync for node in "ab"), 60)
        yield world


def shown(world: World, node: str) -> subprocess.CompletedProcess[str]:
    command = [BGPCTL, "status", "--run-dir", str(world.run_directory(node))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.netns
def test_a_peer_that_never_answers_and_one_that_died_make_status_1(world: World) -> None:
    assert shown(world, "a").returncode == shown(world, "b").returncode == 0
    world.write("tor.yaml", BEYOND_THE_WIRE)
    until(lambda: world.known_status("a").sessions_overdue == 1, 30)
    lines = shown(world, "a")
    assert lines.returncode == 1
    assert re.search(r"^a +\S+ +\S+ +running +1/2 +1/1 +1 error", lines.stdout, re.MULTILINE)
    assert "a: error: the session with 10.0.0.9 has been down for " in lines.stdout
    assert shown(world, "b").returncode == 0

    for pid in (world.agents[0].pid, world.known_status("a").speaker_pid):
        subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(pid)], check=True)
    world.agents[0].wait(15)
    assert shown(world, "a").returncode == 1
    assert "the agent of a does not answer" in shown(world, "a").stdout
    until(lambda: world.known_status("b").sessions_overdue == 1, 30)
    dead = shown(world, "b")
    assert dead.returncode == 1
    assert re.search(r"session up .*peer=10\.0\.0\.1 ", world.log("b"))
    until(lambda: re.search(r"session down .*peer=10\.0\.0\.1 .*reason=", world.log("b")), 10)
    assert "closing connection" not in world.log("b")
    assert re.search(r"b: error: the session with 10\.0\.0\.1 \(a\) has been down for \d+s", dead.stdout)
