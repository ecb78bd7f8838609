"""RUN_DIRECTORY/journal: what is kept, how it ends, and that routing goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from control_world import ControlWorld
from speaker_makers import a_client, a_plan, an_origination, announce
from test_journal import routes
from test_routing_table import a_route, a_table, put, via

from reflector.engine import Engine
from reflector.journal.journal_file import JournalFile
from reflector.journal.journal_format import HEADER, read_journal
from reflector.journal.replay import replay
from reflector.messages import JournalStatus, Originate, Refused, ShowCounters, ShowJournal, StartJournal, StopJournal
from reflector.plan import Password
from reflector.wire.message import MessageType

POD = "10.1.0.0/26"


class Ends:
    """Counts how often a journal says that it has ended by itself."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


# ------------------------------------------------------------------------------------------ the file


def test_what_is_committed_is_in_the_file_which_is_the_owners_alone(tmp_path: Path) -> None:
    journal = JournalFile.begin(tmp_path / "journal", 1000, Ends())
    journal.write(b"one")
    journal.commit()
    assert (tmp_path / "journal").read_bytes() == HEADER + b"one"
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600


def test_the_journal_before_is_kept(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        journal = JournalFile.begin(tmp_path / "journal", 1000, Ends())
        journal.write(name.encode())
        journal.close()
    kept = {path.name: path.read_bytes().removeprefix(HEADER) for path in tmp_path.iterdir()}
    assert kept == {"journal": b"three", "journal.old": b"two"}


def test_a_full_disk_ends_the_journal_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    """/dev/full, full(4)."""
    ends = Ends()
    journal = JournalFile(os.open("/dev/full", os.O_WRONLY), 1000, ends)
    journal.write(b"one")
    journal.commit()
    journal.write(b"two")
    journal.commit()
    journal.close()
    assert (journal.ended, journal.has_failed, ends.count) == ("it cannot be written: No space left on device", True, 1)
    assert capfd.readouterr().err == "speaker: the journal ends: it cannot be written: No space left on device\n"


def test_the_limit_ends_the_journal_between_two_events(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ends = Ends()
    journal = JournalFile.begin(tmp_path / "journal", len(HEADER) + 10, ends)
    for frame in (b"four", b"five!", b"more", b"x"):
        journal.write(frame)
    assert (tmp_path / "journal").read_bytes() == HEADER + b"fourfive!"
    assert (journal.has_failed, ends.count, journal.octets) == (False, 1, len(HEADER) + 9)
    assert "its limit of 27 octets is reached" in capfd.readouterr().err


def test_a_large_turn_does_not_wait_in_memory(tmp_path: Path) -> None:
    journal = JournalFile.begin(tmp_path / "journal", 10_000_000, Ends())
    for _ in range(3000):
        journal.write(bytes(1000))
    assert (tmp_path / "journal").stat().st_size > 2_500_000


# ------------------------------------------------------------------------------------- the recording


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ControlWorld]:
    secret = a_client("a", "10.0.0.1", password=Password("do-not-tell"))
    with ControlWorld(a_plan(secret, a_client("b", "10.0.0.2")), tmp_path) as world:
        world.up("a")
        world.up("b")
        yield world


def receive(world: ControlWorld, *bodies: bytes, peer: str = "a") -> None:
    """As the transport hands them over."""
    for body in bodies:
        world.events.receive(peer, MessageType.UPDATE, body, world.now)
    world.turn()


def replayed(path: Path) -> Engine:
    return replay(read_journal([path.read_bytes()]))


def test_a_recording_begun_later_replays_to_what_the_speaker_has(world: ControlWorld, tmp_path: Path) -> None:
    receive(world, announce(POD))
    client = world.client()
    client.ask(Originate("services", (an_origination("10.96.0.0/16"),)))
    started = client.ask(StartJournal())
    receive(world, announce("10.2.0.0/26"), peer="b")
    client.ask(Originate("more", (an_origination("10.97.0.0/16"),)))
    stopped = client.ask(StopJournal())
    assert isinstance(started, JournalStatus)
    assert isinstance(stopped, JournalStatus)
    assert (started.is_recording, stopped.is_recording, stopped.ended) == (True, False, "it was stopped on request")
    assert stopped.octets == (tmp_path / "journal").stat().st_size > started.octets
    assert routes(replayed(tmp_path / "journal")) == routes(world.engine)
    assert b"do-not-tell" not in (tmp_path / "journal").read_bytes()


def test_a_recording_knows_the_kernel_and_leaves_it_as_it_was(world: ControlWorld, tmp_path: Path) -> None:
    table = a_table()
    put(table, a_route("10.0.0.0/24", via("10.9.9.9", metric=7)))
    world.events.kernel_changed(table)
    receive(world, announce(POD), announce("10.2.0.0/26", next_hop="192.0.2.1"))
    client = world.client()
    client.ask(StartJournal())
    client.ask(StartJournal())
    put(table, a_route("192.0.2.0/24", via("10.9.9.9")))
    world.events.kernel_changed(table)
    receive(world, announce("10.3.0.0/26", next_hop="192.0.3.1"), peer="b")
    client.ask(StopJournal())
    assert routes(replayed(tmp_path / "journal")) == routes(world.engine)
    assert set(world.selected()) == {POD, "10.2.0.0/26"}
    assert world.engine.next_hops.table is table


def test_after_the_end_nothing_is_recorded(world: ControlWorld, tmp_path: Path) -> None:
    client = world.client()
    client.ask(StartJournal())
    assert world.events is not world.engine
    client.ask(StopJournal())
    assert world.events is world.engine


def test_a_limit_that_is_reached_is_sent_and_routing_goes_on(world: ControlWorld, tmp_path: Path) -> None:
    client = world.client()
    client.ask(StartJournal(limit=1500))
    for number in range(30):
        receive(world, announce(f"10.2.{number}.0/24"))
    status = client.ask(ShowJournal())
    assert isinstance(status, JournalStatus)
    assert (status.is_recording, status.ended) == (False, "its limit of 1500 octets is reached")
    assert len(world.advertised("b")) == 30
    assert 0 < len(replayed(tmp_path / "journal").ribs[4].table) < 30


def test_a_limit_below_the_beginning_records_nothing(world: ControlWorld) -> None:
    status = world.client().ask(StartJournal(limit=100))
    assert isinstance(status, JournalStatus)
    assert (status.is_recording, world.events is world.engine) == (False, True)


def test_where_no_file_can_be_made_the_request_is_refused(world: ControlWorld, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal.old").mkdir()
    (tmp_path / "journal.old" / "something").touch()
    answer = world.client().ask(StartJournal())
    assert isinstance(answer, Refused)
    assert "journal" in answer.reason
    assert world.events is world.engine


def test_a_journal_that_cannot_be_written_is_counted(world: ControlWorld) -> None:
    client = world.client()
    client.ask(StartJournal())
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, world.recording._file._descriptor)  # type: ignore[union-attr]
    os.close(full)
    receive(world, announce(POD))
    assert (world.recording.failures, world.events is world.engine) == (1, True)
    assert POD in world.advertised("b")
    assert client.ask(ShowCounters()) is not None
