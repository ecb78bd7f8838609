"""Answers CalicoNodeStatus resources with files: RUN_DIRECTORY/status/<name>.yaml.

An agent of a directory does not write to the operator's resources, so the answer stands in its run directory.

    written    in one step, and only if its content is not that of the file
    removed    with the resource
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from bgpctl.agent.node_status.asked import Asked
from bgpctl.agent.node_status.status import NodeStatus, moment
from bgpctl.agent.node_status.text import renewed
from bgpctl.daemon.private_file import write_private

SUFFIX = ".yaml"


class StatusFiles:
    """The answers of one node in one directory, which is made when it is needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: dict[str, tuple[Asked, NodeStatus]] = {}

    async def put(self, asked: Asked, status: NodeStatus) -> None:
        """In a thread: ten thousand routes are two seconds' work. What this agent has written itself is not read."""
        file = self._directory / f"{asked.name}{SUFFIX}"
        if self._written.get(asked.name) == (asked, status) and file.exists():
            return
        await asyncio.to_thread(_write, file, asked, status)
        self._written[asked.name] = (asked, status)

    async def keep_only(self, names: tuple[str, ...]) -> None:
        """Also of the answers that an earlier agent wrote."""
        await asyncio.to_thread(_remove_others, self._directory, names)


def _write(file: Path, asked: Asked, status: NodeStatus) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    before = file.read_text() if file.exists() else ""
    text = renewed(before, asked, status, moment(time.time()))
    if text is not None:
        write_private(file, text.encode())


def _remove_others(directory: Path, names: Iterable[str]) -> None:
    kept = {f"{name}{SUFFIX}" for name in names}
    for file in directory.glob(f"*{SUFFIX}"):
        if file.name not in kept:
            file.unlink()
