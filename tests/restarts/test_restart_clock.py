"""The wall clock jumps on a node and on a reflector, in whose processes libfaketime stands between them and the clock.

All timers count on clocks that do not jump; what people read says the new time. The reflector r2 and the other nodes
keep the true time, and the other ends of the sessions are there.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from faked_clock import DAY, HOUR, FakedClock, faked_clock
from restart_world import HOLD_TIME, Cluster, Member, ask
from segment import eventually
from traffic import Record, go_on_for, pings, undisturbed_sessions

from reflector.events import Started
from reflector.journal.journal_format import read_journal
from reflector.messages import StartJournal, StopJournal

pytestmark = pytest.mark.netns

FAKED = ("n1", "r1")


@pytest.fixture(scope="module")
def clock() -> Iterator[FakedClock]:
    """Of FAKED."""
    with faked_clock() as clock:
        yield clock


@pytest.fixture(scope="module")
def started_cluster(tmp_path_factory: pytest.TempPathFactory, clock: FakedClock) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), dict.fromkeys(FAKED, clock.environment))
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def faked(cluster: Cluster) -> list[Member]:
    return [cluster[name] for name in FAKED]


def believed_by_speaker(member: Member) -> float:
    """What its wall clock says."""
    ask(member.run_directory / "speaker.sock", StartJournal())
    ask(member.run_directory / "speaker.sock", StopJournal())
    started = next(read_journal([(member.run_directory / "journal").read_bytes()]))
    (member.run_directory / "journal").unlink()
    assert isinstance(started, Started)
    return started.began


# A hold time that is counted in wall clock is over at once when the clock jumps forward; when it jumps back no
# KEEPALIVE is due for a day, and the other end notices.
@pytest.mark.parametrize(
    ("seconds", "watched"), [(HOUR, HOLD_TIME / 2), (-DAY, HOLD_TIME + 1.0)], ids=["an hour forward", "a day back"]
)
def test_a_clock_that_jumps_changes_nothing(
    cluster: Cluster,
    faked: list[Member],
    clock: FakedClock,
    record: Record,
    request: pytest.FixtureRequest,
    seconds: int,
    watched: float,
) -> None:
    what = f"the clocks of a node and a reflector jump {request.node.callspec.id}"
    with undisturbed_sessions(cluster), pings(cluster, what, record):
        clock.jump(seconds)
        for member in faked:
            assert abs(believed_by_speaker(member) - time.time() - seconds) < HOUR / 2
        go_on_for(watched)
        cluster.write("broken.yaml", "{")
        today = time.strftime("%Y-%m-%dT", time.gmtime(time.time() + seconds))
        for member in faked:
            eventually(lambda member=member: not member.known_status().plan_is_current, "resources are followed")
            assert today in member.log.splitlines()[-1]
        (cluster.resources / "broken.yaml").unlink()


def test_a_session_comes_up_while_the_clock_jumps_to_and_fro(
    cluster: Cluster, faked: list[Member], clock: FakedClock, record: Record
) -> None:
    """A session that is not Established yet has its timers, too (RFC 4271 8); so has a restart of the speaker."""
    node = cluster["n1"]
    with pings(cluster, "a speaker restarts while the clock jumps", record):
        killed = node.signal_speaker(signal.SIGKILL)
        far = [False]

        def is_back() -> bool:
            far[0] = not far[0]
            clock.jump(DAY if far[0] else -DAY)
            return node.speaker_pid not in (0, killed) and not cluster.missing()

        eventually(is_back, "its sessions are back")
