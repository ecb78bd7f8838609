"""What a restore does with one object: the values of its dry run, and of what became of it.

created, configured, deleted    written
unchanged                       it is as in the archive
left                            it is not written, for a reason
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bgpctl.objects import ObjectId


class Action(StrEnum):
    CREATED = "created"
    CONFIGURED = "configured"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    LEFT = "left"


WRITTEN = (Action.CREATED, Action.CONFIGURED, Action.DELETED)


@dataclass(frozen=True, slots=True)
class Step:
    """was        the object as it is; None where there is none
    body        what is written: an object, or a patch of one; None where nothing is
    becomes     the object as it will be; None where it will not be
    version     that of the object that it is written on top of; "" for a new one
    reason      why it is left
    refused     why it cannot be written, "" where it can
    is_tried    the API server has been asked what it would make of it
    """

    id: ObjectId
    action: Action
    was: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    becomes: Mapping[str, Any] | None = None
    version: str = ""
    reason: str = ""
    refused: str = ""
    is_tried: bool = True

    @property
    def is_written(self) -> bool:
        return self.action in WRITTEN


@dataclass(frozen=True)
class Rehearsal:
    """`texts`: every source that will be another one, by the name that it has in a Loaded; None: it will be gone."""

    steps: tuple[Step, ...] = ()
    texts: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def refused(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.refused)

    @property
    def written(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.is_written)


@dataclass(frozen=True, slots=True)
class Result:
    """`failed`: why it was not written; "" where it was. `is_begun`: it was tried."""

    step: Step
    failed: str = ""
    is_begun: bool = True


def overlaid(before: Mapping[str, str], texts: Mapping[str, str | None]) -> dict[str, str]:
    """The texts of a datastore after the restore."""
    after = {name: text for name, text in before.items() if name not in texts}
    return after | {name: text for name, text in texts.items() if text is not None}


def count(steps: Iterable[Step]) -> dict[Action, dict[str, int]]:
    """How many of which kind."""
    found: dict[Action, dict[str, int]] = {action: {} for action in Action}
    for step in steps:
        kinds = found[step.action]
        kinds[step.id.kind.kind] = kinds.get(step.id.kind.kind, 0) + 1
    return {action: kinds for action, kinds in found.items() if kinds}
