"""What became of everything that stood in the sources: the values of the report.

converted   it is, or is a part of, a resource now
left        it does not concern BGP: Calico's own tool, or another program, takes care of it
lost        it concerns BGP and has no counterpart: what that costs, and what takes its place
refused     it is wrong, or cannot stand beside another one: nothing is written
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bgpctl.yaml_source.path import Path, json_path
from bgpctl.yaml_source.problem import Problem, Severity
from bgpctl.yaml_source.shown import shortened

# Characters of a value that is shown in a message.
LONGEST_SHOWN = 60


class Outcome(StrEnum):
    CONVERTED = "converted"
    LEFT = "left"
    LOST = "lost"
    REFUSED = "refused"


class NoteKind(StrEnum):
    """RENAMED: it has another name. LOSS: something of it is gone. REMARK: what to know."""

    RENAMED = "renamed"
    LOSS = "loss"
    REMARK = "remark"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where something stood: file, line (0: none), and its name there, an etcd key or "bgpPeer 10.0.0.1"."""

    file: str
    line: int
    name: str

    def problem(self, path: Path, code: str, message: str, line: int = 0) -> Problem:
        return Problem(self.file, line or self.line, self.name, json_path(path), code, message)


@dataclass(frozen=True, slots=True)
class Note:
    kind: NoteKind
    text: str


@dataclass(frozen=True, slots=True)
class Fate:
    """kind      what it is, in the words of its source: "node", "policy", "IPAM block"
    becomes   the resource, "BGPPeer/10-0-0-1", and the field of it, "" where it is the whole; for what is left, the
              name that Calico's own tool gives it
    reason    why it is left or lost
    """

    origin: Origin
    outcome: Outcome
    kind: str
    becomes: str = ""
    field: str = ""
    reason: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Converted:
    """An object, and the places that it came from: the whole, and fields of it by their path, "$.spec.bgp.asNumber"."""

    value: dict[str, Any]
    kind: str
    origin: Origin
    parts: tuple[tuple[Origin, str], ...] = ()
    notes: tuple[Note, ...] = ()


def renamed(before: str, after: str) -> tuple[Note, ...]:
    return (Note(NoteKind.RENAMED, f"{before!r} is {after!r}"),) if before != after else ()


def shown(value: object) -> str:
    """As it stands in a message."""
    if isinstance(value, (str, int, float, bool)) or value is None:
        return shortened(repr(value), LONGEST_SHOWN)
    return "a mapping" if isinstance(value, dict) else "a list"


def has_error(problems: Iterable[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)
