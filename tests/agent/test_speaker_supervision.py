"""There is always one speaker, and never two. Stand-ins play the speakers that misbehave."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bgpctl.agent.host.listener import listener_pid
from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.speaker.crash_loop import Failures
from bgpctl.agent.speaker.heartbeat import EVERY_FIVE_SECONDS, Rhythm
from bgpctl.agent.speaker.link import SpeakerLink
from bgpctl.agent.speaker.process import SpeakerProcess, runs_for
from bgpctl.agent.speaker.state import SpeakerState
from bgpctl.agent.speaker.supervisor import SpeakerSupervisor
from bgpctl.daemon.backoff import Backoff
from bgpctl.errors import NotReadyError

WaitUntil = Callable[..., None]
STAND_IN = Path(__file__).with_name("stand_in_speaker.py")


def command(how: str) -> tuple[str, ...]:
    return (sys.executable, str(STAND_IN), how)


async def nothing_to_confirm() -> None:
    """The plan is not the subject here."""


async def within(seconds: float, condition: Callable[[], object]) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def supervise(
    path: Path, how: str, story: Callable[[SpeakerSupervisor], Awaitable[None]], rhythm: Rhythm = EVERY_FIVE_SECONDS
) -> None:
    """Runs `story` beside the supervision of stand-ins that behave as `how` says; then stops them."""

    async def main() -> None:
        with RunDirectory.claim(path) as directory:
            link = SpeakerLink(directory.speaker_socket)
            speaker = SpeakerSupervisor(directory, link, nothing_to_confirm, command(how), rhythm)
            supervision = asyncio.create_task(speaker.run())
            telling = asyncio.create_task(story(speaker))
            try:
                await asyncio.wait({supervision, telling}, return_when=asyncio.FIRST_COMPLETED)
                if telling.done():
                    telling.result()
                else:
                    supervision.result()
            finally:
                telling.cancel()
                supervision.cancel()
                await asyncio.wait({supervision})
                await speaker.stop()

    asyncio.run(main())


@contextmanager
def left_behind(path: Path, how: str, wait_until: WaitUntil) -> Iterator[subprocess.Popen[bytes]]:
    """A stand-in that an earlier agent left running for `path`; only a late one does not listen yet."""
    path.mkdir()
    process = subprocess.Popen([*command(how), str(path)], stdout=subprocess.DEVNULL)
    (path / "speaker.pid").write_text(f"{process.pid}\n")
    try:
        wait_until(lambda: runs_for(process.pid, path))
        if how != "late":
            wait_until(lambda: listener_pid(path / "speaker.sock"))
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_speaker_is_started_and_is_ready_when_it_answers(run_path: Path) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        assert (speaker.state, speaker.restarts) == (SpeakerState.RUNNING, 0)
        assert (run_path / "speaker.pid").read_text() == f"{speaker.pid}\n"

    supervise(run_path, "serve", story)


def test_a_killed_speaker_is_started_again(run_path: Path) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        first = speaker.pid
        os.kill(first, signal.SIGKILL)
        await within(30, lambda: speaker.answering.is_set() and speaker.pid not in (0, first))
        assert speaker.restarts == 1

    supervise(run_path, "serve", story)


def test_a_speaker_whose_world_is_not_ready_ends_the_start_with_its_sentence(run_path: Path) -> None:
    async def story(_: SpeakerSupervisor) -> None:
        await asyncio.Event().wait()

    with pytest.raises(BaseExceptionGroup) as failure:
        supervise(run_path, "not-ready", story)
    assert failure.group_contains(NotReadyError, match=r"^port 179 is taken by process 1; stop it$")


def test_a_speaker_that_cannot_be_started_ends_the_start_with_one_sentence(run_path: Path) -> None:
    with pytest.raises(NotReadyError, match="the speaker cannot be started: /nowhere/python: No such file"):
        SpeakerProcess.start(run_path, subprocess.DEVNULL, ("/nowhere/python",))


def test_a_speaker_that_crashes_is_tried_again_and_again_and_reported(run_path: Path) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await within(30, lambda: speaker.restarts >= 3)
        assert not speaker.answering.is_set()

    supervise(run_path, "crash", story)


def test_the_last_line_of_a_crashed_speaker_is_known(run_path: Path) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await within(30, lambda: speaker.state is SpeakerState.BACKING_OFF)
        assert (run_path / "speaker.log").read_text().splitlines()[-1] == "RuntimeError: a bug of the speaker"

    supervise(run_path, "crash", story)


@pytest.mark.slow
def test_a_speaker_that_keeps_crashing_is_in_a_crash_loop(run_path: Path) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await within(30, lambda: speaker.failures.in_a_row == 2)
        assert not speaker.failures.is_crash_loop
        await within(30, lambda: speaker.failures.is_crash_loop and speaker.pause)
        assert speaker.failures.last_line == "RuntimeError: a bug of the speaker"
        assert speaker.pause == 0.8
        await within(30, lambda: speaker.failures.in_a_row == 4)

    with capture_logs() as logged:
        supervise(run_path, "crash", story)
    (line,) = [line for line in logged if line["event"] == "speaker is in a crash loop"]
    assert (line["log_level"], line["failures"], line["last_line"]) == (
        "error",
        3,
        "RuntimeError: a bug of the speaker",
    )


@pytest.mark.slow
def test_a_run_that_lasts_ends_a_crash_loop(run_path: Path) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        speaker._backoff = Backoff(good_run=1.0)
        await speaker.answering.wait()
        assert (speaker.failures.is_crash_loop, speaker.pause) == (True, 0.0)
        await within(30, lambda: not speaker.failures.is_crash_loop)
        assert (speaker.failures, speaker.restarts) == (Failures(), 3)
        assert speaker.answering.is_set()

    with capture_logs() as logged:
        supervise(run_path, "crash-at-first", story)
    assert "speaker has run for long enough, the crash loop is over" in [line["event"] for line in logged]


def test_a_speaker_that_is_replaced_has_not_failed(run_path: Path) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        first = speaker.pid
        await speaker.replace("for the test")
        await within(30, lambda: speaker.answering.is_set() and speaker.pid not in (0, first))
        assert speaker.failures == Failures()

    supervise(run_path, "serve", story)


def test_a_running_speaker_is_adopted_and_no_second_one_started(run_path: Path, wait_until: WaitUntil) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        assert speaker.pid == process.pid

    with left_behind(run_path, "serve", wait_until) as process:
        supervise(run_path, "serve", story)


def test_a_speaker_that_is_about_to_listen_is_adopted(run_path: Path, wait_until: WaitUntil) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        assert speaker.pid == process.pid

    with left_behind(run_path, "late", wait_until) as process:
        supervise(run_path, "serve", story)


def test_an_adopted_speaker_that_ends_is_replaced(run_path: Path, wait_until: WaitUntil) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        process.kill()
        await within(30, lambda: speaker.answering.is_set() and speaker.pid not in (0, process.pid))

    with left_behind(run_path, "serve", wait_until) as process:
        supervise(run_path, "serve", story)


def test_a_speaker_of_another_version_is_replaced(run_path: Path, wait_until: WaitUntil) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        assert speaker.pid != process.pid
        assert process.wait(5) == -signal.SIGTERM

    with left_behind(run_path, "other-version", wait_until) as process:
        supervise(run_path, "serve", story)


def test_a_number_in_speaker_pid_that_is_another_process_now_is_not_adopted(run_path: Path) -> None:
    run_path.mkdir()
    (run_path / "speaker.pid").write_text(f"{os.getpid()}\n")

    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        assert speaker.pid != os.getpid()

    supervise(run_path, "serve", story)


def test_a_speaker_that_ignores_sigterm_is_killed(run_path: Path) -> None:
    async def main() -> None:
        process = SpeakerProcess.start(run_path, subprocess.DEVNULL, command("stubborn"))
        await within(30, (run_path / "speaker.sock").exists)
        await process.stop(patience=0.3)
        assert await process.ended() == -signal.SIGKILL

    run_path.mkdir()
    asyncio.run(main())


def test_a_speaker_that_stands_still_is_reported_until_it_answers(run_path: Path) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        os.kill(speaker.pid, signal.SIGSTOP)
        await within(30, lambda: speaker.state is SpeakerState.SILENT)
        os.kill(speaker.pid, signal.SIGCONT)
        await within(30, lambda: speaker.state is SpeakerState.RUNNING)
        assert speaker.restarts == 0

    supervise(run_path, "serve", story, Rhythm(period=0.02, patience=0.1, silent_after=2, given_up_after=1_000_000))


@pytest.mark.slow
def test_a_speaker_that_stands_still_for_long_is_replaced(run_path: Path) -> None:
    async def story(speaker: SpeakerSupervisor) -> None:
        await speaker.answering.wait()
        still = speaker.pid
        os.kill(still, signal.SIGSTOP)
        await within(30, lambda: speaker.pid not in (0, still) and speaker.state is SpeakerState.RUNNING)
        assert speaker.restarts == 1

    supervise(run_path, "serve", story, Rhythm(period=0.02, patience=0.5, silent_after=1, given_up_after=3))
