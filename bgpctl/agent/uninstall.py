"""Removes bgpctl from a node: agent and speaker, what the kernel has of us, and the files in both directories.

Rule: everything is found where it is - listeners on sockets, the kernel's own marks (fib/removal), files by name - so
it works without an agent, without its run directory, and once more after it was interrupted. What is not ours is
not touched. The agent ends first, or it would put back what is removed; peers get a cease that is for good (drain.py).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bgpctl.agent.host.other_process import OtherProcess
from bgpctl.agent.host.run_directory import (
    AGENT_SOCKET,
    PLAN_FILE,
    RUN_ROOT,
    SPEAKER_SOCKET,
    STATUS_DIRECTORY,
    RunDirectory,
    our_files,
)
from bgpctl.agent.host.state_directory import files_kept
from bgpctl.errors import NotReadyError
from bgpctl.fib.edge.permission import require_permission
from bgpctl.fib.edge.removal import find_ours, remove_ours
from reflector.control.client import ControlClient, ControlError
from reflector.drain import Stage
from reflector.kernel.netlink.sockets import Requests
from reflector.messages import Drain
from reflector.plan import ROUTE_PROTOCOL, NodePlan, decode_plan

REASON = "bgpctl is uninstalled"


@dataclass(frozen=True, slots=True)
class Installation:
    """What one run directory (None: there is none), the kernel in this network namespace and the state directory have
    of us. `node` is whose files in the latter are meant, "" where the run directory has it."""

    run_directory: Path | None
    state_directory: Path
    node: str = ""

    def sentences(self) -> list[str]:
        """What there is, one sentence each. Raises NotReadyError when it cannot be removed from here."""
        with self._processes() as (agent, speaker), _requests() as requests:
            processes = {"agent": agent, "speaker": speaker}
            found = [f"{what}, process {each.pid}" for what, each in processes.items() if each is not None]
            found += find_ours(requests, self._protocol()).sentences()
        directory = self.run_directory
        if directory is not None and directory.exists():
            found += [f"{path}" for path in our_files(directory)] + [f"{directory}, unless it has other files"]
        if kept := self._kept():
            found += [f"{path}" for path in kept] + [f"{self.state_directory}, unless it has other files"]
        return found

    def remove(self) -> None:
        """Removes all of it. Raises NotReadyError with what could not be."""
        with _requests() as requests:
            require_permission(requests)
            protocol, kept = self._protocol(), self._kept()
            with self._processes() as (agent, speaker):
                self._end(agent, speaker)
            with self._claimed():
                left = remove_ours(requests, protocol)
                if left:
                    raise NotReadyError("not removed: " + "; ".join(left))
                self._remove_files()
                self._remove_kept(kept)

    def _end(self, agent: OtherProcess | None, speaker: OtherProcess | None) -> None:
        if speaker is not None and self.run_directory is not None:
            with contextlib.suppress(ControlError), ControlClient(self.run_directory / SPEAKER_SOCKET) as client:
                client.ask(Drain(Stage.WITHDRAWN, REASON))
        for process in (agent, speaker):
            if process is not None:
                process.end()

    @contextlib.contextmanager
    def _processes(self) -> Iterator[tuple[OtherProcess | None, OtherProcess | None]]:
        """Agent and speaker. Raises NotReadyError for one that is elsewhere."""
        with contextlib.ExitStack() as held:
            found = []
            for process in self._find_processes():
                if process is not None:
                    held.enter_context(process)
                    if not process.is_in_our_network:
                        raise NotReadyError(
                            f"process {process.pid} of {self.run_directory} is in another network namespace; "
                            "run this command there"
                        )
                found.append(process)
            yield found[0], found[1]

    def _find_processes(self) -> Iterator[OtherProcess | None]:
        directory = self.run_directory
        if directory is None:
            yield from (None, None)
            return
        yield OtherProcess.listening_on(directory / AGENT_SOCKET)
        yield OtherProcess.listening_on(directory / SPEAKER_SOCKET) or _silent_speaker(directory)

    def _plan(self) -> NodePlan | None:
        if self.run_directory is not None:
            with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
                return decode_plan((self.run_directory / PLAN_FILE).read_bytes())
        return None

    def _protocol(self) -> int:
        """The number that its plan gives to routes."""
        plan = self._plan()
        return ROUTE_PROTOCOL if plan is None else plan.kernel.protocol

    def _kept(self) -> list[Path]:
        """In the state directory. A run directory has its node's name, unless its agent was given another one."""
        plan = self._plan()
        of_directory = self.run_directory.name if self.run_directory is not None else ""
        node = self.node or (plan.node if plan is not None else of_directory)
        return files_kept(self.state_directory, node) if node else []

    @contextlib.contextmanager
    def _claimed(self) -> Iterator[None]:
        """No agent starts there meanwhile. Raises NotReadyError when one has."""
        if self.run_directory is None or not self.run_directory.exists():
            yield
            return
        with RunDirectory.claim(self.run_directory):
            yield

    def _remove_files(self) -> None:
        directory = self.run_directory
        if directory is None or not directory.exists():
            return
        for path in our_files(directory):
            path.unlink(missing_ok=True)
        for each in (directory / STATUS_DIRECTORY, directory, directory.parent):
            if each == RUN_ROOT or each.is_relative_to(directory):
                _remove_empty(each)

    def _remove_kept(self, kept: list[Path]) -> None:
        for path in kept:
            path.unlink(missing_ok=True)
        if kept:
            _remove_empty(self.state_directory)


def _remove_empty(directory: Path) -> None:
    """In a pod it is mounted: then it belongs to whoever mounts it."""
    if directory.exists() and not directory.is_mount() and not any(directory.iterdir()):
        directory.rmdir()


def _silent_speaker(directory: Path) -> OtherProcess | None:
    """One that was started for the directory and cannot be reached: it does not listen yet, or its socket is gone."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            arguments = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            if arguments[-1] == os.fsencode(directory) and b"reflector" in arguments:
                return OtherProcess(int(process.name))
    return None


@contextlib.contextmanager
def _requests() -> Iterator[Requests]:
    requests = Requests()
    try:
        yield requests
    finally:
        requests.close()
