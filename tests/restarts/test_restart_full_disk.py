"""The disk with the run directory and the log of n1 is full to the last octet: routing goes on.

What a process has to write then is refused in one sentence, or is lost, and is made good when there is room.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from restart_world import BLOCKS, Cluster, Member, ask
from segment import eventually
from traffic import Record, about, pings, routes_of_nodes, undisturbed_sessions

from bgpctl.agent.host.run_directory import SPEAKER_LOG
from reflector.drain import Stage
from reflector.messages import Drain, JournalStatus, Refused, StartJournal

pytestmark = pytest.mark.netns

OURS, THEIRS = "10.64.20.0/26", "10.64.21.0/26"


@contextmanager
def full_disk(member: Member) -> Iterator[None]:
    filler = member.run_directory / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            fill(file.fileno(), bytes(size))
    # What is left of a block belongs to its file.
    for log in (member.log_file, member.run_directory / SPEAKER_LOG):
        with log.open("ab", buffering=0) as file:
            fill(file.fileno(), b"\n")
    try:
        yield
    finally:
        filler.unlink()


def fill(descriptor: int, part: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, part)
    assert os.fstatvfs(descriptor).f_bavail * os.fstatvfs(descriptor).f_bsize < len(part)


def test_a_plan_that_cannot_be_written_is_refused_until_there_is_room(cluster: Cluster, record: Record) -> None:
    node = cluster["n1"]
    with undisturbed_sessions(cluster), pings(cluster, "a plan for which the disk has no room", record):
        with full_disk(node):
            plan = (node.run_directory / "plan.json").read_bytes()
            cluster.has_block("n1", OURS)
            eventually(lambda: not node.known_status().plan_is_current, "n1 says so")
            assert node.known_status().problems[0].message == "the plan cannot be written: No space left on device"
            assert node.page("readyz") == (200, "OK\n")
            assert (node.run_directory / "plan.json").read_bytes() == plan
            assert not list(node.run_directory.glob(".*.new"))
            cluster.has_block("n2", THEIRS)
            eventually(lambda: THEIRS in node.routes(), "n1's kernel gets what is advertised meanwhile")
        eventually(lambda: node.known_status().plan_is_current, "there is room")
        eventually(lambda: OURS in cluster["n2"].routes(), "the block is advertised")
        assert (node.run_directory / "plan.json").read_bytes() != plan
    for cidr in (OURS, THEIRS):
        cluster.lacks_block(cidr)
    eventually(lambda: not {OURS, THEIRS} & cluster["n3"].routes().keys(), "both are gone")


def test_a_drain_that_cannot_be_written_is_refused(cluster: Cluster) -> None:
    """It would be forgotten by the next speaker."""
    node = cluster["n1"]
    with undisturbed_sessions(cluster), full_disk(node):
        answer = ask(node.run_directory / "agent.sock", Drain(Stage.MARKED))
        sentence = "the drain cannot be written, so nothing has changed: No space left on device"
        assert answer == Refused(sentence)
        assert node.known_status().drain is None


def test_a_plan_that_is_taken_back_need_not_be_written(cluster: Cluster) -> None:
    node = cluster["n1"]
    generation = node.known_status().plan_generation
    with full_disk(node):
        cluster.has_block("n1", OURS)
        eventually(lambda: not node.known_status().plan_is_current, "n1 says so")
        cluster.lacks_block(OURS)
        eventually(lambda: node.known_status().plan_is_current, "what is in place is what is wanted")
    assert node.known_status().plan_generation == generation


@pytest.mark.parametrize("killed", ["speaker", "agent", "both"])
def test_what_is_killed_while_the_disk_is_full_comes_back(cluster: Cluster, record: Record, killed: str) -> None:
    node = cluster["n1"]
    with pings(cluster, f"{killed} killed while the disk is full", record), routes_of_nodes(cluster) as changes:
        with full_disk(node):
            before = node.speaker_pid
            if killed != "agent":
                node.signal_speaker(signal.SIGKILL)
            if killed != "speaker":
                node.end(signal.SIGKILL)
                node.start()
            eventually(node.status, "the agent answers")
            if killed != "agent":
                eventually(lambda: node.speaker_pid not in (0, before), "another speaker runs")
            cluster.until_whole()
        cluster.until_whole()
    assert not any(about(each, *BLOCKS.values()) for each in changes)


def test_logs_that_cannot_be_written_end_nobody(cluster: Cluster, record: Record) -> None:
    """Both processes have much to say of a reflector that goes and comes; so has a journal that cannot be written."""
    node = cluster["n1"]
    with pings(cluster, "logs and a journal for which the disk has no room", record):
        agent, speaker = node.known_status().pid, node.speaker_pid
        with full_disk(node):
            journal = ask(node.run_directory / "speaker.sock", StartJournal())
            assert isinstance(journal, JournalStatus)
            assert journal.ended == "it cannot be written: No space left on device"
            for _ in range(2):
                killed = cluster["r1"].signal_speaker(signal.SIGKILL)
                eventually(lambda killed=killed: cluster["r1"].speaker_pid not in (0, killed), "another speaker of r1")
                cluster.write("broken.yaml", "{")
                eventually(lambda: not node.known_status().plan_is_current, "n1 has something to complain of")
                (cluster.resources / "broken.yaml").unlink()
                cluster.until_whole()
        assert (node.known_status().pid, node.speaker_pid) == (agent, speaker)
        cluster.write("broken.yaml", "{")
        eventually(
            lambda: "log lines before this one are missing: No space left on device" in node.log, "it is reported"
        )
        (cluster.resources / "broken.yaml").unlink()
