"""The stages of a drain, and the file that keeps it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from reflector.drain import IN_USE, DrainState, Stage
from reflector.drain_file import DRAIN_FILE, DrainFileError, read_drain


def test_a_drain_counts_from_its_first_stage() -> None:
    marked = IN_USE.led_to(Stage.MARKED, "upgrade", 10.0)
    assert marked == DrainState(Stage.MARKED, 10.0, "upgrade")
    assert marked.led_to(Stage.WITHDRAWN, "", 20.0) == DrainState(Stage.WITHDRAWN, 10.0, "upgrade")
    assert marked.led_to(Stage.IN_USE, "", 20.0) == IN_USE


def test_it_goes_forward_only_and_takes_another_reason() -> None:
    withdrawn = DrainState(Stage.WITHDRAWN, 10.0, "upgrade")
    assert withdrawn.led_to(Stage.MARKED, "new disk", 20.0) == DrainState(Stage.WITHDRAWN, 10.0, "new disk")


@pytest.mark.parametrize(
    ("state", "final_reason"),
    [
        (IN_USE, ""),
        (DrainState(Stage.MARKED, 0.0, "upgrade"), ""),
        (DrainState(Stage.WITHDRAWN, 0.0, "upgrade"), "upgrade"),
        (DrainState(Stage.WITHDRAWN), "this node is taken out of service"),
    ],
)
def test_peers_are_sent_a_reason_only_by_who_does_not_come_back(state: DrainState, final_reason: str) -> None:
    assert state.final_reason == final_reason


def test_a_node_without_the_file_is_in_use(tmp_path: Path) -> None:
    assert read_drain(tmp_path) == IN_USE


def test_the_file_says_what_was_written(tmp_path: Path) -> None:
    state = DrainState(Stage.WITHDRAWN, 1.5, "Wärme")
    (tmp_path / DRAIN_FILE).write_bytes(msgspec.json.encode(state))
    assert read_drain(tmp_path) == state


@pytest.mark.parametrize("content", ["", "{", '{"stage": "asleep"}', '{"more": 1}'])
def test_a_file_that_is_not_understood_is_not_taken_for_in_use(tmp_path: Path, content: str) -> None:
    (tmp_path / DRAIN_FILE).write_text(content)
    with pytest.raises(DrainFileError, match=DRAIN_FILE):
        read_drain(tmp_path)
