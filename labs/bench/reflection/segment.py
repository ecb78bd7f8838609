"""Two network namespaces and a link: the reflector's and the load's, and the processes in them.

Rule: nothing of a run is in the host's namespace, names are unique, and leaving the segment ends every process in it
and removes it, whatever happened inside. What the processes of a side have cost is read from /proc before that.
"""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from labs.bench.reflection.case import Case

REFLECTOR, LOAD = "reflector", "load"


class Cost(NamedTuple):
    """CPU seconds so far, and peak resident memory in octets; all processes of a side together."""

    cpu: float
    peak_rss: int


class Segment:
    def __init__(self, case: Case) -> None:
        self._tag = f"bench-{uuid.uuid4().hex[:8]}"
        self._case = case
        self._processes: list[subprocess.Popen[bytes]] = []
        cpus = sorted(os.sched_getaffinity(0))
        # One core for each side, the same for every daemon: how much one core reflects is what is compared.
        self._cpu = {REFLECTOR: cpus[0], LOAD: cpus[-1]}

    def __enter__(self) -> Segment:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._remove()

    def namespace(self, side: str) -> str:
        return f"{self._tag}-{side}"

    def _build(self) -> None:
        link = self._case.link
        extra = "nodad" if self._case.family == 6 else ""
        near, far = self.namespace(REFLECTOR), self.namespace(LOAD)
        for name in (near, far):
            _ip("netns", "add", name)
        _ip("link", "add", "eth0", "netns", near, "type", "veth", "peer", "name", "eth0", "netns", far)
        clients = [f"addr add {address}/{link.host_length} dev lo {extra}" for address in self._case.addresses()]
        up = ["link set lo up", "link set eth0 up"]
        _batch(near, [f"addr add {link.reflector}/{link.length} dev eth0 {extra}", *up])
        _batch(near, [f"route add {link.clients} via {link.load}"])
        _batch(far, [f"addr add {link.load}/{link.length} dev eth0 {extra}", *up, *clients])

    def start(
        self, side: str, command: list[str], log: Path, stdin: int | None = None, stdout: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command on its core; its standard error, and its output unless given, go to the log."""
        with log.open("ab") as out:
            process = subprocess.Popen(
                ["taskset", "-c", str(self._cpu[side]), "ip", "netns", "exec", self.namespace(side), *command],
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=out if stdout is None else stdout,
                stderr=out,
            )
        self._processes.append(process)
        return process

    def cost(self, side: str) -> Cost:
        cpu, peak = 0.0, 0
        for pid in self._pids(side):
            cpu += sum(_cpu_seconds(task) for task in Path(f"/proc/{pid}/task").iterdir())
            status = Path(f"/proc/{pid}/status").read_text()
            peak += next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
        return Cost(cpu, peak * 1024)

    def _pids(self, side: str) -> list[int]:
        listed = subprocess.run(
            ["ip", "netns", "pids", self.namespace(side)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return [int(pid) for pid in listed.stdout.split()]

    def _remove(self) -> None:
        for side in (REFLECTOR, LOAD):
            for pid in self._pids(side):
                _kill(pid)
        for process in self._processes:
            process.kill()
            process.wait()
        for side in (REFLECTOR, LOAD):
            subprocess.run(["ip", "netns", "del", self.namespace(side)], stderr=subprocess.DEVNULL, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _batch(namespace: str, lines: list[str]) -> None:
    subprocess.run(["ip", "-n", namespace, "-batch", "-"], input="\n".join(lines).encode(), check=True)


def _cpu_seconds(task: Path) -> float:
    """Run time of one thread; the kernel counts it in nanoseconds."""
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:
        return 0.0  # the thread has ended since it was listed


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has ended since it was listed
