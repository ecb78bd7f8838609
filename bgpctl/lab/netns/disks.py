"""A disk of its own for a node whose label `bgpctl-disk` gives it a size: a tmpfs on its directory, which can be full.

Made by `up` before anything is written there, taken away by `down` before the directory is removed. What is mounted is
read from the kernel, so that it is found after a crash, too.
"""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

from bgpctl.errors import NotReadyError
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.topology import Node

LABEL = "bgpctl-disk"
_SIZE = re.compile(r"\d+[km]")
_MOUNT_POINT = 4
_FREE_WITHIN = 5.0
_POLL = 0.02


def mount(state: LabState, node: Node) -> None:
    """Nothing for a node without the label. Raises NotReadyError."""
    size = node.labels.get(LABEL)
    if size is None:
        return
    if not _SIZE.fullmatch(size):
        raise NotReadyError(f"the node {node.name} has the label {LABEL}: {size}; a size is like 512k or 4m")
    directory = state.node_directory(node.name)
    directory.mkdir(mode=0o700, exist_ok=True)
    _run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", f"lab-{state.name}", str(directory)])


def unmount_all(state: LabState) -> None:
    """All below the lab's directory, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [Path(line.split()[_MOUNT_POINT]) for line in lines]
    for point in sorted((each for each in points if state.directory in each.parents), reverse=True):
        _unmount(point)


def _unmount(point: Path) -> None:
    """A killed process leaves its namespaces, and is no longer found in them, a moment before its files are closed."""
    deadline = time.monotonic() + _FREE_WITHIN
    while True:
        try:
            return _run(["umount", str(point)])
        except NotReadyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL)


def _run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReadyError(f"`{' '.join(words)}`: {done.stderr.strip()}")
