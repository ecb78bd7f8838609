"""What a lab leaves on this machine while it runs, all under /run/bgpctl/lab/<lab>/, and the lock on it.

    .lab.json           which topology this is, and whether `up` got to its end
    <node>/namespace    the marker: the network namespace <lab>-<node> is the lab's (an empty file)
    <node>/...          the run directory of the node's agent (docs/architecture.md), its logs
    _resources/...      what the agents read: copies (lab_resources.py)
    _impairments/...    the namespace and the log of impaired links; _saved/... routes of links that are down

The rule: a marker is written before its namespace is made and removed after it is gone. So whatever kills `up`, and
whenever, `down` finds every namespace of the lab, and no other.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bgpctl.errors import NotReadyError

LABS = Path("/run/bgpctl/lab")
_RECORD = ".lab.json"
_MARKER = "namespace"


class Record(msgspec.Struct, frozen=True):
    """The contents of .lab.json. `digest` is of the topology file; `began` in seconds since the epoch."""

    topology: str
    digest: str
    began: float
    complete: bool = False


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class LabState:
    """The files of one lab. Nothing is created before it is asked for."""

    name: str

    @property
    def directory(self) -> Path:
        return LABS / self.name

    def node_directory(self, node: str) -> Path:
        return self.directory / node

    def namespace(self, node: str) -> str:
        return f"{self.name}-{node}"

    def mark(self, node: str) -> None:
        """Records that the node's namespace is the lab's, before it exists."""
        directory = self.node_directory(node)
        directory.mkdir(mode=0o700, exist_ok=True)
        (directory / _MARKER).touch()

    def marked(self) -> dict[str, str]:
        """Node name -> namespace name of all markers."""
        nodes = sorted(marker.parent.name for marker in self.directory.glob(f"*/{_MARKER}"))
        return {node: self.namespace(node) for node in nodes}

    def record(self) -> Record | None:
        """None when `up` never got as far as writing one."""
        try:
            return msgspec.json.decode((self.directory / _RECORD).read_bytes(), type=Record)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write_record(self, record: Record) -> None:
        """By a rename: a reader sees the old one or the new one."""
        temporary = self.directory / (_RECORD + ".new")
        temporary.write_bytes(msgspec.json.encode(record))
        temporary.rename(self.directory / _RECORD)

    def remove_shared(self) -> None:
        """What belongs to no node."""
        for directory in self.directory.glob("_*"):
            shutil.rmtree(directory)

    def remove(self) -> None:
        """Removes the lab's directory, and its parents when they are empty."""
        shutil.rmtree(self.directory)
        for parent in (LABS, LABS.parent):
            with contextlib.suppress(OSError):  # not empty: another lab's or agent's
                parent.rmdir()

    def exists(self) -> bool:
        return self.directory.exists()

    @contextlib.contextmanager
    def locked(self, *, create: bool) -> Iterator[int]:
        """Holds the lab for `up` or `down`; yields the descriptor. A child that inherits it prolongs the lock, so
        that `down` waits for what a killed `up` has left unfinished. Without `create` the directory must exist."""
        lock = self._lock(create=create)
        try:
            yield lock
        finally:
            _release(lock)

    def _lock(self, *, create: bool) -> int:
        while True:
            try:
                if create:
                    self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                if create:
                    continue  # another lab's `down` removed the empty parent meanwhile
                raise NotReadyError(f"the lab {self.name} is not up") from None
            except OSError as error:
                raise NotReadyError(f"{self.directory} cannot be used: {error.strerror}") from error
            _give_up_left_behind(lock)
            _held.add(lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # The program that held the lock before may have removed the directory: then this lock protects nothing.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), self.directory.stat()):
                    return lock
            _release(lock)


# Descriptors with which this process holds locks. One that an interruption has left behind, in the moment after it was
# taken or before it was closed, would make the undoing wait for itself for ever.
_held: set[int] = set()


def _give_up_left_behind(lock: int) -> None:
    """Closes what this process has of the same directory beside `lock`."""
    for other in tuple(_held):
        with contextlib.suppress(OSError):
            if not os.path.samestat(os.fstat(other), os.fstat(lock)):
                continue
            os.close(other)
        _held.discard(other)


def _release(lock: int) -> None:
    os.close(lock)
    _held.discard(lock)
