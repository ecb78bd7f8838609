"""What the agent's log looks like, and what is logged at which level."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bgpctl.agent.host.run_directory import PlanFiles
from bgpctl.agent.speaker.log import SpeakerLog
from bgpctl.agent.speaker.session_lines import log_line
from bgpctl.compiler.cluster.configuration import LOG_LEVELS
from bgpctl.daemon.log_format import LogFormat
from bgpctl.daemon.logs import LEVELS, configure, get_logger, pass_on
from bgpctl.resources import parse_documents
from reflector.__main__ import LOG_LEVELS as SPEAKER_LEVELS
from reflector.plan import SessionKind, SessionPlan
from reflector.session.session_line import SessionLines

ORDER = ("debug", "info", "warning", "error", "critical")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    configure(LogFormat.CONSOLE)
    structlog.reset_defaults()


def say_everything() -> None:
    for level in ORDER:
        getattr(get_logger("test"), level)("logged", at=level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("level", ORDER)
def test_what_is_below_the_level_is_not_said(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON, level)
    say_everything()
    assert [line["at"] for line in lines(capsys)] == list(ORDER[ORDER.index(level) :])


def test_every_log_severity_screen_is_a_level_of_the_agent_and_of_the_speaker() -> None:
    assert set(LOG_LEVELS.values()) <= LEVELS.keys()
    assert LEVELS.keys() == SPEAKER_LEVELS.keys()
    assert LOG_LEVELS["fatal"] == "critical"


def test_a_line_of_json_has_part_level_time_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)
    get_logger("plan").warning("something is wrong", file="a.yaml", line=3)
    (line,) = lines(capsys)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {"part": "plan", "level": "warning", "event": "something is wrong", "file": "a.yaml", "line": 3}


def test_a_line_for_people_has_no_colours_where_nobody_sees_them(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.CONSOLE)
    get_logger("plan").warning("something is wrong", file="a.yaml")
    written = capsys.readouterr().err
    assert "[warning  ] something is wrong" in written
    assert "file=a.yaml part=plan" in written
    assert "\x1b" not in written


@pytest.mark.parametrize("level", ORDER)
def test_what_the_speaker_says_is_passed_on_at_every_level(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The speaker keeps to the level itself; a line of it says no level."""
    configure(LogFormat.JSON, level)
    pass_on(get_logger("speaker"), "speaker log", line="a session is down")
    assert [line["line"] for line in lines(capsys)] == ["a session is down"]


@pytest.mark.parametrize("log_format", LogFormat)
def test_a_traceback_shows_no_variables(log_format: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_format)

    def fail(password: str) -> None:
        raise RuntimeError(f"{len(password)} octets")

    try:
        fail("p4ssw0rd")
    except RuntimeError:
        get_logger("test").error("a bug", exc_info=True)
    written = capsys.readouterr().err
    assert "8 octets" in written
    assert written.replace('fail("p4ssw0rd")', "").count("p4ssw0rd") == 0


def test_plans_and_secrets_have_no_text_form_that_tells_them() -> None:
    files = PlanFiles(b'{"password": "p4ssw0rd"}', b"md5-password p4ssw0rd")
    document = "apiVersion: v1\nkind: Secret\nmetadata: {name: bgp}\nstringData: {key: p4ssw0rd}\n"
    loaded = parse_documents([("secret.yaml", document)])
    assert "p4ssw0rd" not in f"{files!r} {files} {loaded!r}"


@pytest.mark.parametrize(
    ("line", "passed_on"),
    [
        ("configuration   . md5-password     | 'cDRzc3cwcmQ='", "configuration   . md5-password     | hidden"),
        ('syntax error near md5-password "p4ss w0rd"; md5-base64', "syntax error near md5-password hidden"),
        ("configuration   . md5-base64       | 'true'", "configuration   . md5-base64       | 'true'"),
    ],
)
def test_a_key_in_the_speaker_s_log_is_not_passed_on(tmp_path: Path, line: str, passed_on: str) -> None:
    log = SpeakerLog(tmp_path / "speaker.log")
    (tmp_path / "speaker.log").write_text(f"{line}\n")
    assert log.last_line() == passed_on
    assert log.new_lines() == [passed_on]


def test_a_log_that_cannot_be_written_ends_nobody_and_is_said_later(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(LogFormat.JSON)
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patched:
        patched.setattr("sys.stderr", full)
        get_logger("plan").warning("lost")
        # What Python has kept of it would be tried again when the file is closed.
        with Path("/dev/null").open("w") as null:
            os.dup2(null.fileno(), full.fileno())
    get_logger("plan").warning("heard")
    missing, heard = capsys.readouterr().err.splitlines()
    assert missing == "log lines before this one are missing: No space left on device"
    assert json.loads(heard)["event"] == "heard"


def test_lines_about_sessions_are_events_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)
    written: list[str] = []
    of_sessions = SessionLines(written.append)
    peer = SessionPlan("tor", SessionKind.GLOBAL, "192.0.2.9", 65001, 64512, (4,), peer_node="n9")
    of_sessions.up(peer, 1.0)
    of_sessions.down(peer, "hold timer expired", 2.0)
    for line in (*written, "a line of ExaBGP", written[0][:30]):
        log_line(get_logger("speaker"), line)
    up, down, other, half = lines(capsys)
    assert (up["event"], up["level"], up["peer"], up["peer_node"]) == ("session up", "info", "192.0.2.9", "n9")
    assert (down["event"], down["level"], down["reason"]) == ("session down", "warning", "hold timer expired")
    assert (other["event"], other["line"]) == ("speaker log", "a line of ExaBGP")
    assert (half["event"], half["line"]) == ("speaker log", written[0][:30])


def test_why_a_speaker_ended_is_no_line_about_a_session(tmp_path: Path) -> None:
    log = SpeakerLog(tmp_path / "speaker.log")
    os.write(log.open_for_writing(), b'the reason\n{"event":"session down","session":"a","peer":"192.0.2.9"}\n')
    assert log.last_line() == "the reason"
