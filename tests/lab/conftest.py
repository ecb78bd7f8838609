"""Labs for tests: unique names, the real commands, and what a lab has left on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bgpctl.lab.netns import processes
from bgpctl.lab.netns.state import LABS
from bgpctl.lab.running import runner
from bgpctl.lab.topology.topology_file import read_topology

BGPCTL = str(Path(sys.executable).with_name("bgpctl"))
needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2: makes network namespaces"
)


def bgpctl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    return subprocess.run([BGPCTL, *map(str, words)], capture_output=True, text=True, timeout=90, check=False)


def eventually(condition: Callable[[], object], within: float, what: str) -> float:
    """Polls until the condition holds; returns the seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within, f"not within {within} s: {what}"
        time.sleep(0.005)
    return time.monotonic() - began


def command_line(pid: int) -> bytes:
    """b"" for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def namespaces_of(name: str) -> set[str]:
    directory = Path("/run/netns")
    return {each.name for each in directory.glob(f"{name}-*")} if directory.exists() else set()


@dataclass(frozen=True)
class Lab:
    """A topology file of a test, and what is on the machine with its name."""

    name: str
    file: Path

    def start(self, verb: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [BGPCTL, "lab", verb, str(self.file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def command(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        return bgpctl("lab", verb, self.file, *words)

    def up(self) -> runner.UpResult:
        """In this process: the command itself costs a second of start-up, and has tests of its own."""
        return runner.up(read_topology(self.file))

    def run(self, node: str, *words: str) -> subprocess.CompletedProcess[str]:
        inside = ["ip", "netns", "exec", self.namespace(node), *words]
        return subprocess.run(inside, capture_output=True, text=True, timeout=60, check=False)

    def namespace(self, node: str) -> str:
        return f"{self.name}-{node}"

    def ping(self, node: str, address: str) -> bool:
        return self.run(node, "ping", "-c1", "-W1", "-q", address).returncode == 0

    def namespaces(self) -> set[str]:
        return namespaces_of(self.name)

    def processes(self) -> dict[str, list[int]]:
        return processes.running_in(self.namespaces())

    def traces(self) -> list[str]:
        """Everything with the lab's name that is left: files and namespaces; processes have it as an argument or
        run in one of them."""
        files = [str(path) for path in LABS.rglob("*") if self.name in str(path)] if LABS.exists() else []
        return [*files, *self.namespaces(), *_processes_that_mention(self.name)]


def _processes_that_mention(name: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue  # it has ended meanwhile
            if name.encode() in words:
                found.append(f"process {entry.name}: {words[:80]!r}")
    return found


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[Callable[[str], Lab]]:
    """Writes a topology in which NAME stands for a unique lab name; the lab is taken down after the test."""
    made: list[Lab] = []

    def make(topology: str) -> Lab:
        name = f"t{uuid.uuid4().hex[:8]}"
        file = tmp_path / f"{name}.clab.yml"
        file.write_text(topology.replace("NAME", name))
        made.append(Lab(name, file))
        return made[-1]

    yield make
    for lab in made:
        runner.down(lab.name)
        assert lab.traces() == []
