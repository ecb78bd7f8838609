"""Actions on files: resources written and removed (in the lab's copies of them), and a node's disk that is full."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bgpctl.errors import NotReadyError
from bgpctl.lab.actions.action import Action, RunningLab
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.netns import disks
from bgpctl.lab.running.lab_resources import LabResources

_BALLAST = ".ballast"
_BLOCK = 1 << 16


def _has_agent(scope: ActionScope, node: str) -> str:
    return "" if not node or scope.node(node).role.runs_agent else f"no agent reads resources on {node}"


@dataclass(frozen=True, slots=True)
class Write(Action):
    usage: ClassVar[str] = "write FILE [as NAME] [on NODE]"
    summary: ClassVar[str] = (
        "copy a file from beside expectations.yml to the resource files, of all nodes or of one node's directory"
    )
    file: Path
    name: str = ""
    node: str = ""

    def check(self, scope: ActionScope) -> str:
        return _has_agent(scope, self.node)

    def do(self, lab: RunningLab) -> None:
        content = (lab.directory / self.file).read_bytes()
        node = lab.node(self.node) if self.node else None
        LabResources.of(lab.topology).write(self._target, content, node)

    @property
    def _target(self) -> str:
        return self.name or self.file.name

    def undo(self) -> Action | None:
        return Restore(self._target)


@dataclass(frozen=True, slots=True)
class Remove(Action):
    usage: ClassVar[str] = "remove NAME [on NODE]"
    summary: ClassVar[str] = "delete a resource file"
    name: str
    node: str = ""

    def check(self, scope: ActionScope) -> str:
        return _has_agent(scope, self.node)

    def do(self, lab: RunningLab) -> None:
        node = lab.node(self.node) if self.node else None
        if not LabResources.of(lab.topology).remove(self.name, node):
            raise NotReadyError(f"there is no resource file {self.name}")

    def undo(self) -> Action | None:
        return Restore(self.name)


@dataclass(frozen=True, slots=True)
class Restore(Action):
    usage: ClassVar[str] = "restore NAME"
    summary: ClassVar[str] = "the resource file is as it was when the lab came up; deleted if it was not there"
    name: str

    def do(self, lab: RunningLab) -> None:
        LabResources.of(lab.topology).restore(self.name)


@dataclass(frozen=True, slots=True)
class FillDisk(Action):
    usage: ClassVar[str] = "fill disk NODE"
    summary: ClassVar[str] = "the disk that agent and speaker write to is full (needs the label bgpctl-disk: SIZE)"
    node: str

    def check(self, scope: ActionScope) -> str:
        if disks.LABEL in scope.node(self.node).labels:
            return ""
        return f"{self.node} has no disk of its own; give it the label {disks.LABEL}, for example {disks.LABEL}: 4m"

    def do(self, lab: RunningLab) -> None:
        with (lab.state.node_directory(self.node) / _BALLAST).open("ab", buffering=0) as ballast:
            size = _BLOCK
            while size:
                try:
                    os.write(ballast.fileno(), b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def undo(self) -> Action | None:
        return FreeDisk(self.node)


@dataclass(frozen=True, slots=True)
class FreeDisk(Action):
    usage: ClassVar[str] = "free disk NODE"
    summary: ClassVar[str] = "the disk has room"
    node: str

    def do(self, lab: RunningLab) -> None:
        with contextlib.suppress(FileNotFoundError):
            (lab.state.node_directory(self.node) / _BALLAST).unlink()
