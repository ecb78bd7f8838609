"""What is written about sessions: changes, each once, and not too many."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from reflector.plan import SessionKind, SessionPlan
from reflector.session.obstacle import Failure, Obstacle
from reflector.session.session_line import BURST, REFILL, SessionLines


def session(name: str) -> SessionPlan:
    return SessionPlan(name, SessionKind.GLOBAL, "192.0.2.9", 65001, 64512, (4,))


PEER = session("tor")
Written = list[dict[str, object]]


@pytest.fixture
def written() -> Written:
    return []


@pytest.fixture
def lines(written: Written) -> SessionLines:
    return SessionLines(lambda line: written.append(json.loads(line)))


def events(written: Written) -> list[object]:
    return [line["event"] for line in written]


def failed(at: float, obstacle: Obstacle = Obstacle.TIMED_OUT) -> Failure:
    return Failure(obstacle, f"it is {obstacle}", at)


def test_up_and_down_are_lines_with_peer_and_reason(lines: SessionLines, written: Written) -> None:
    lines.up(PEER, 1.0)
    lines.down(PEER, "hold timer expired", 2.0)
    assert events(written) == ["session up", "session down"]
    assert (written[1]["session"], written[1]["peer"], written[1]["reason"]) == (
        "tor",
        PEER.peer_address,
        "hold timer expired",
    )


def test_an_attempt_that_fails_as_the_one_before_is_no_line(lines: SessionLines, written: Written) -> None:
    for second in range(0, 86400, 5):
        lines.not_up(PEER, failed(second))
    assert [line["reason"] for line in written] == ["it is timed-out"]
    lines.not_up(PEER, failed(86400.0, Obstacle.REFUSED))
    lines.up(PEER, 86401.0)
    lines.down(PEER, "lost", 86402.0)
    lines.not_up(PEER, failed(86403.0, Obstacle.REFUSED))
    assert events(written)[1:] == ["session not up", "session up", "session down", "session not up"]


@pytest.mark.parametrize(
    "change",
    [
        lambda lines, at: lines.up(PEER, at) if at % 2 else lines.down(PEER, "lost", at),
        lambda lines, at: lines.not_up(PEER, failed(at, Obstacle.REFUSED if at % 2 else Obstacle.NO_HOST)),
    ],
    ids=["up and down", "one obstacle and another"],
)
def test_a_session_that_flaps_for_a_day_is_a_few_lines(
    lines: SessionLines, written: Written, change: Callable[[SessionLines, float], None]
) -> None:
    for second in range(86400):
        change(lines, float(second))
        lines.tick(float(second))
    most = BURST + 86400 / REFILL + 1
    assert BURST < len(written) <= most
    assert sum(int(str(line["left_out"])) for line in written) + len(written) == pytest.approx(86400, abs=REFILL + 1)


def test_the_last_change_is_written_in_the_end(lines: SessionLines, written: Written) -> None:
    for second in range(101):
        lines.up(PEER, second / 10) if second % 2 else lines.down(PEER, "lost", second / 10)
    assert len(written) == BURST
    lines.tick(100.0)
    assert len(written) == BURST
    lines.tick(REFILL + 1)
    lines.tick(2 * REFILL + 1)
    assert (len(written), written[-1]["event"], written[-1]["left_out"]) == (BURST + 1, "session down", 101 - BURST - 1)


def test_one_session_takes_no_line_from_another(lines: SessionLines, written: Written) -> None:
    for second in range(100):
        lines.down(PEER, "lost", float(second) / 100)
    lines.up(session("other"), 1.0)
    assert written[-1]["session"] == "other"


@pytest.mark.parametrize(("level", "count"), [("debug", 2), ("info", 2), ("warning", 1), ("error", 0), ("critical", 0)])
def test_the_level_of_the_plan_decides(written: Written, level: str, count: int) -> None:
    lines = SessionLines(lambda line: written.append(json.loads(line)), level)
    lines.up(PEER, 1.0)
    lines.down(PEER, "lost", 2.0)
    assert len(written) == count


def test_what_left_the_plan_is_forgotten(lines: SessionLines, written: Written) -> None:
    for second in range(100):
        lines.down(PEER, "lost", float(second) / 100)
    lines.keep(())
    lines.tick(10 * REFILL)
    assert len(written) == BURST
