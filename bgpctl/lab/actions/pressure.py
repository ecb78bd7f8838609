"""Actions that put a node under pressure: no memory, routes deleted by another program, netlink sockets that
overflow."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bgpctl.errors import NotReadyError
from bgpctl.lab.actions.action import Action, RunningLab, needs_agent, run
from bgpctl.lab.actions.kernel import flush_routes
from bgpctl.lab.actions.operands import Part, Quantity
from bgpctl.lab.actions.processes import of_part
from bgpctl.lab.actions.scope import ActionScope
from bgpctl.lab.netns import processes

_MEGABYTE = 1 << 20
_DELETES_EVERY = 0.05
# A netlink socket of 1 MiB holds some thousand messages; a route that is added and deleted is two of them.
_FLOOD = 20_000
# RFC 5737; with a protocol number that no program uses.
_FLOOD_PREFIX, _FLOOD_PROTOCOL = "192.0.2", "250"
_FLOOD_ROUTES = 256


@dataclass(frozen=True, slots=True)
class LimitMemory(Action):
    usage: ClassVar[str] = "limit memory NODE MB"
    summary: ClassVar[str] = "the speaker can allocate MB MiB more than it has now, and no more (RLIMIT_AS)"
    node: str
    mb: int

    def check(self, scope: ActionScope) -> str:
        return needs_agent(scope, self.node)

    def do(self, lab: RunningLab) -> None:
        for pid in _speaker(lab, self.node):
            _limit(pid, str(_address_space(pid) + self.mb * _MEGABYTE))

    def undo(self) -> Action | None:
        return FreeMemory(self.node)


@dataclass(frozen=True, slots=True)
class FreeMemory(Action):
    usage: ClassVar[str] = "free memory NODE"
    summary: ClassVar[str] = "the limit is removed (a speaker that was started since has none)"
    node: str

    def check(self, scope: ActionScope) -> str:
        return needs_agent(scope, self.node)

    def do(self, lab: RunningLab) -> None:
        for pid in of_part(lab, self.node, Part.SPEAKER):
            _limit(pid, "unlimited")


def _speaker(lab: RunningLab, node: str) -> list[int]:
    pids = of_part(lab, node, Part.SPEAKER)
    if not pids:
        raise NotReadyError(f"no speaker runs on {node}")
    return pids


def _limit(pid: int, octets: str) -> None:
    """The soft limit. As the user that the process runs as: root may not do that to others everywhere (prlimit(2))."""
    status = Path(f"/proc/{pid}").stat()
    user = ["setpriv", "--reuid", str(status.st_uid), "--regid", str(status.st_gid), "--clear-groups"]
    run([*user, "prlimit", "--pid", str(pid), f"--as={octets}:"])


def _address_space(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    return pages * resource.getpagesize()


@dataclass(frozen=True, slots=True)
class DeleteRoutes(Action):
    usage: ClassVar[str] = "delete routes NODE for TIME"
    summary: ClassVar[str] = "delete all our kernel routes every 50 ms for TIME, as another program would"
    node: str
    time: Quantity

    def do(self, lab: RunningLab) -> None:
        until = time.monotonic() + self.time.value
        with lab.inside(self.node):
            while True:
                flush_routes()
                if time.monotonic() >= until:
                    return
                time.sleep(_DELETES_EVERY)


@dataclass(frozen=True, slots=True)
class OverflowNetlink(Action):
    usage: ClassVar[str] = "overflow netlink NODE"
    summary: ClassVar[str] = (
        "agent and speaker are stopped while 40,000 routes are added and deleted: their sockets overflow (ENOBUFS)"
    )
    node: str

    def check(self, scope: ActionScope) -> str:
        return needs_agent(scope, self.node)

    def do(self, lab: RunningLab) -> None:
        names = [lab.namespace(self.node)]
        pids = lab.pids(self.node)
        for pid in pids:
            processes.send(pid, names, signal.SIGSTOP)
        try:
            with lab.inside(self.node):
                run(["ip", "-batch", "-"], "".join(_coming_and_going()))
        finally:
            for pid in pids:
                processes.send(pid, names, signal.SIGCONT)


def _coming_and_going() -> Iterator[str]:
    for number in range(_FLOOD):
        route = f"blackhole {_FLOOD_PREFIX}.{number % _FLOOD_ROUTES}/32 proto {_FLOOD_PROTOCOL}"
        yield f"route add {route}\nroute del {route}\n"
