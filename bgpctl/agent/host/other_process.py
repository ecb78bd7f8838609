"""An agent or speaker that is no child of this process: ended from outside by bgpctl, which waits for its end.

Rule: the process that listens on the socket is the one that is meant (SO_PEERCRED). It is kept by a pidfd, so a number
that belongs to another process meanwhile, or to another one in a container, is never signalled.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from bgpctl.agent.host.listener import listener_pid
from bgpctl.errors import NotReadyError

# An agent gives its speaker 5 s to close its sessions (speaker/process.py), on a machine with other work.
PATIENCE = 20.0


class OtherProcess:
    """A process that is none of our children."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError when it is gone."""
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)

    @classmethod
    def listening_on(cls, path: Path) -> Self | None:
        """None when no process does. Raises NotReadyError when the one that does cannot be seen from here."""
        pid = listener_pid(path)
        if pid is None:
            return None
        if pid == 0:
            raise NotReadyError(f"the process that listens on {path} is in another container; run bgpctl there")
        try:
            return cls(pid)
        except ProcessLookupError:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._pidfd)

    @property
    def is_in_our_network(self) -> bool:
        """Whether it is in the network namespace that we are in."""
        ours, its = (Path(f"/proc/{process}/ns/net").stat() for process in ("self", self.pid))
        return (ours.st_dev, ours.st_ino) == (its.st_dev, its.st_ino)

    def stop(self, patience: float = PATIENCE) -> bool:
        """SIGTERM; whether it has ended within so many seconds."""
        self._signal(signal.SIGTERM)
        return self._ends_within(patience)

    def end(self, patience: float = PATIENCE) -> None:
        """SIGTERM, and then SIGKILL. Returns when it is gone."""
        if not self.stop(patience):
            self._signal(signal.SIGKILL)
            self._ends_within(patience)

    def _signal(self, number: signal.Signals) -> None:
        if not self._ends_within(0):
            signal.pidfd_send_signal(self._pidfd, number)

    def _ends_within(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
