"""The processes of a lab: everything that runs inside its namespaces, found in /proc, not from a record.

The rule: only a process whose network namespace is the lab's is ever signalled. It is held by a pidfd while that is
checked, so that a reused process number cannot be hit (pidfd_open(2)).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bgpctl.errors import NotReadyError
from bgpctl.lab.netns import namespaces

_PROC = Path("/proc")
_DEADLINE = 10.0
_POLL = 0.01


def running_in(names: Iterable[str]) -> dict[str, list[int]]:
    """Process ids by namespace name, from one walk through /proc. A namespace without processes is left out."""
    name_of = {inode: name for name in names if (inode := namespaces.inode(name)) is not None}
    found: dict[str, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (name := name_of.get(_namespace_inode(int(entry.name)) or 0)):
            found.setdefault(name, []).append(int(entry.name))
    return found


def _namespace_inode(pid: int) -> int | None:
    """None for a process that has ended (a zombie has no namespaces either)."""
    try:
        return (_PROC / str(pid) / "ns/net").stat().st_ino
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def command_line(pid: int) -> list[bytes]:
    """Its words; none of a process that has ended."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def kill_all(names: Sequence[str]) -> set[int]:
    """Kills until nothing runs in the namespaces (a killed process may have started another one). Returns which."""
    killed: set[int] = set()
    deadline = time.monotonic() + _DEADLINE
    inodes = {inode for name in names if (inode := namespaces.inode(name)) is not None}
    while running := running_in(names):
        for pids in running.values():
            killed.update(pids)
            for pid in pids:
                _send(pid, inodes, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise NotReadyError(f"these processes do not end: {running}")
        time.sleep(_POLL)
    return killed


def kill(pid: int, names: Iterable[str]) -> None:
    """One process, if it runs in one of the namespaces."""
    send(pid, names, signal.SIGKILL)


def send(pid: int, names: Iterable[str], number: signal.Signals) -> None:
    """A signal to one process, if it runs in one of the namespaces."""
    _send(pid, {inode for name in names if (inode := namespaces.inode(name)) is not None}, number)


def _send(pid: int, inodes: set[int], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        held = os.pidfd_open(pid)
        try:
            if _namespace_inode(pid) in inodes:
                signal.pidfd_send_signal(held, number)
        finally:
            os.close(held)


def start_daemon(command: Sequence[str], log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts a process in the calling thread's namespace that outlives this program: a session of its own, no
    input, its output appended to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            cwd="/",
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
