"""The drain that an agent keeps for its node: the file, and answers while no speaker is there."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bgpctl.agent.deploy.draining import DrainKeeper
from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.speaker.link import SpeakerLink
from bgpctl.errors import NotReadyError
from reflector.drain import Stage
from reflector.drain_file import DRAIN_FILE
from reflector.messages import Drain, Draining, Reply


@pytest.fixture
def directory(run_path: Path) -> Iterator[RunDirectory]:
    with RunDirectory.claim(run_path) as claimed:
        yield claimed


def keeper(directory: RunDirectory) -> DrainKeeper:
    return DrainKeeper(directory, SpeakerLink(directory.speaker_socket))


def lead(directory: RunDirectory, asked: Drain) -> Reply:
    return asyncio.run(keeper(directory).lead(asked))


def test_without_a_speaker_it_is_kept_for_the_next_one(directory: RunDirectory) -> None:
    assert lead(directory, Drain(Stage.MARKED, "upgrade")) == Draining(Stage.MARKED, unacknowledged=None)
    assert stat.S_IMODE((directory.path / DRAIN_FILE).stat().st_mode) == 0o600


def test_the_next_agent_goes_on_with_it(directory: RunDirectory) -> None:
    lead(directory, Drain(Stage.WITHDRAWN, "upgrade"))
    status = keeper(directory).status
    assert status is not None
    assert (status.stage, status.reason) == (Stage.WITHDRAWN, "upgrade")
    assert 0 <= status.seconds < 60


def test_its_end_leaves_no_file(directory: RunDirectory) -> None:
    lead(directory, Drain(Stage.MARKED))
    assert lead(directory, Drain(Stage.IN_USE)) == Draining(Stage.IN_USE, unacknowledged=None)
    assert (keeper(directory).status, (directory.path / DRAIN_FILE).exists()) == (None, False)


def test_a_file_that_cannot_be_understood_ends_the_start(directory: RunDirectory) -> None:
    """To take it for a node in use would draw traffic to one that is being worked on."""
    (directory.path / DRAIN_FILE).write_text("{")
    with pytest.raises(NotReadyError, match="remove it if this node is in use"):
        keeper(directory)
