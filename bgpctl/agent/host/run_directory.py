"""The run directory: one agent at a time, and the two files that its speaker runs.

The rule: one live agent a directory (a lock that dies with its process), and nothing in it is readable by others,
not even for an instant: plan.json and exabgp.conf hold passwords. Those two are also for the group of the directory,
which is the speaker's (reflector/process/account.py has the table). A file is replaced by a rename, so that a speaker
that starts at any moment reads a whole one.
"""

from __future__ import annotations

import fcntl
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from bgpctl.daemon.private_file import OWNER_ONLY, written
from bgpctl.errors import NotReadyError
from reflector.drain_file import DRAIN_FILE
from reflector.originations_file import ORIGINATIONS_FILE
from reflector.process.account import SHARED_MODE, Account, admit

# Each agent of this machine has a directory under it; those of labs are at lab/LAB/NODE.
RUN_ROOT = Path("/run/bgpctl")
PLAN_FILE = "plan.json"
EXABGP_FILE = "exabgp.conf"
AGENT_PID_FILE = "agent.pid"
SPEAKER_PID_FILE = "speaker.pid"
AGENT_SOCKET = "agent.sock"
SPEAKER_SOCKET = "speaker.sock"
SPEAKER_LOG = "speaker.log"
ADDRESSES_FILE = "addresses.json"
RETAINED_FILE = "retained"
BEST_STATE_FILE = "best-state.json"
LAST_GOOD_FILE = "last-good.json"
STATUS_DIRECTORY = "status"

_OURS = (
    PLAN_FILE,
    EXABGP_FILE,
    AGENT_PID_FILE,
    SPEAKER_PID_FILE,
    AGENT_SOCKET,
    SPEAKER_SOCKET,
    SPEAKER_LOG,
    ADDRESSES_FILE,
    DRAIN_FILE,
    ORIGINATIONS_FILE,
    RETAINED_FILE,
    BEST_STATE_FILE,
    LAST_GOOD_FILE,
)
# sockaddr_un.sun_path holds 108 octets, the last of them zero (unix(7)).
_LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """A plan as the speaker reads it: both files belong together. They hold passwords, so no text form shows them."""

    plan: bytes = field(repr=False)
    exabgp_conf: bytes = field(repr=False)


class RunDirectory:
    """A run directory that this process holds until `release`."""

    def __init__(self, path: Path, lock: int, made: tuple[Path, ...]) -> None:
        """Use `claim`. `made` are the directories that this process made for it, innermost first."""
        self.path = path
        self._lock = lock
        self._made = made

    @classmethod
    def claim(cls, path: Path) -> Self:
        """Makes `path` (closed to others) if needed and takes its lock, which the kernel drops when the process dies.
        Raises NotReadyError when another agent holds it or it cannot be ours."""
        path = path.absolute()
        if len(os.fsencode(path / SPEAKER_SOCKET)) > _LONGEST_SOCKET_PATH:
            raise NotReadyError(f"the path of the run directory {path} is too long for a Unix socket in it")
        try:
            made = _make_directory(path)
            lock = _take_lock(path / AGENT_PID_FILE)
        except OSError as error:
            raise NotReadyError(f"the run directory {path} cannot be used: {error.strerror}") from error
        return cls(path, lock, made)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made and kind is not None and issubclass(kind, NotReadyError):
            self.remove()
        self.release()

    @property
    def speaker_socket(self) -> Path:
        return self.path / SPEAKER_SOCKET

    @property
    def agent_socket(self) -> Path:
        return self.path / AGENT_SOCKET

    def admit(self, speaker: Account) -> None:
        """Lets the speaker's user have its part. Raises NotReadyError."""
        try:
            admit(self.path, speaker)
        except OSError as error:
            raise NotReadyError(f"{self.path} cannot be given to user {speaker}: {error.strerror}") from error

    def installed(self) -> PlanFiles | None:
        """What is there for the speaker now; None unless both files are."""
        try:
            return PlanFiles((self.path / PLAN_FILE).read_bytes(), (self.path / EXABGP_FILE).read_bytes())
        except FileNotFoundError:
            return None

    def installed_at(self) -> float:
        """When the plan there was put in place, in seconds since the epoch; 0 when there is none."""
        try:
            return (self.path / PLAN_FILE).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def install(self, files: PlanFiles) -> None:
        """Replaces both files, exabgp.conf first: a reader of the new plan.json also finds its exabgp.conf. Raises
        OSError when there is no room for both, with neither replaced."""
        directory = self.path.stat()
        group = directory.st_gid if directory.st_mode & stat.S_IXGRP else None
        with (
            written(self.path / EXABGP_FILE, files.exabgp_conf, group) as exabgp_conf,
            written(self.path / PLAN_FILE, files.plan, group) as plan,
        ):
            exabgp_conf.rename(self.path / EXABGP_FILE)
            plan.rename(self.path / PLAN_FILE)

    def remove(self) -> None:
        """Undoes what `claim` made: our files, then the directories, unless they have other files."""
        for name in _OURS:
            (self.path / name).unlink(missing_ok=True)
        for directory in self._made:
            if any(directory.iterdir()):
                return
            directory.rmdir()

    def release(self) -> None:
        """Gives the directory back. The plan stays: it is what the next agent starts with."""
        (self.path / AGENT_PID_FILE).unlink(missing_ok=True)
        os.close(self._lock)


def our_files(path: Path) -> list[Path]:
    """What agents and speakers have left in a run directory."""
    names = (*_OURS, "journal", "journal.old")
    found = [path / name for name in names if (path / name).exists() or (path / name).is_symlink()]
    return found + sorted((path / STATUS_DIRECTORY).glob("*.yaml")) + sorted(path.glob(".*.new"))


def _make_directory(path: Path) -> tuple[Path, ...]:
    """The directories that were not there before, innermost first."""
    made = tuple(directory for directory in (path, *path.parents) if not directory.exists())
    path.parent.mkdir(parents=True, exist_ok=True)
    if path in made:
        path.mkdir(mode=0o700)
    elif not path.is_dir() or path.stat().st_uid != os.geteuid():
        raise NotReadyError(f"{path} is not a directory of this user; choose another run directory")
    if stat.S_IMODE(path.stat().st_mode) != SHARED_MODE:  # a speaker may be running in it
        path.chmod(0o700)
    return made


def _take_lock(path: Path) -> int:
    """The descriptor that holds the lock on agent.pid, which names this process from now on."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode().strip()
            os.close(descriptor)
            raise NotReadyError(
                f"an agent (process {holder or 'unknown'}) already runs in {path.parent}; "
                "stop it or choose another run directory"
            ) from None
        # An agent that was stopping may have removed the file between our open and our lock: then we hold the
        # lock of nothing, and retry.
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            # Over what is there: on a full disk, room that is given back may be taken before it is used.
            os.ftruncate(descriptor, os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0))
            return descriptor
        os.close(descriptor)
