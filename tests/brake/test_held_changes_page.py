"""docs/held-changes.md has every kind of loss, with the setting and the default that there are."""

from __future__ import annotations

from pathlib import Path

from bgpctl.brake.limits import DEFAULT_LIMITS, DEFAULT_SHARE, WINDOW, limits_of
from bgpctl.brake.losses import LossKind
from bgpctl.resources.annotations.settings import NO_SETTINGS
from bgpctl.resources.annotations.table import PREFIX, TABLE

PAGE = (Path(__file__).parents[2] / "docs" / "held-changes.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")]


def test_every_kind_of_loss_has_a_row() -> None:
    assert {row[0].strip("`") for row in ROWS} == {kind.value for kind in LossKind}


def test_every_limit_has_a_row_and_its_default() -> None:
    limits = {row.name: row for row in TABLE if row.name.startswith("lost-") or row.name == "last-session-held"}
    assert {row[2].strip("`").removeprefix(PREFIX) for row in ROWS} - {"-"} == limits.keys()
    for row in ROWS:
        if "limit" in row[2]:
            assert row[3].startswith(f"`{DEFAULT_SHARE}%`")


def test_settings_that_are_not_set_leave_the_defaults() -> None:
    assert limits_of(NO_SETTINGS) == DEFAULT_LIMITS
    assert WINDOW == 600
