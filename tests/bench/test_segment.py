"""A benchmark leaves nothing behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labs.bench.reflection.case import Case
from labs.bench.reflection.segment import REFLECTOR, Segment

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("needs_bench")]


def namespaces() -> set[str]:
    listed = subprocess.run(["ip", "netns", "list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[0] for line in listed.splitlines() if line.startswith("bench-")}


def test_processes_and_namespaces_are_gone_after_an_error(tmp_path: Path) -> None:
    segment = Segment(Case(2, 1))
    name = segment.namespace(REFLECTOR)

    def fail_inside() -> None:
        with segment:
            started.append(segment.start(REFLECTOR, ["sleep", "60"], tmp_path / "log"))
            assert name in namespaces()
            raise ZeroDivisionError

    started: list[subprocess.Popen[bytes]] = []
    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert started[0].returncode is not None
    assert name not in namespaces()


def test_the_cost_of_a_side_is_that_of_its_processes(tmp_path: Path) -> None:
    with Segment(Case(2, 1)) as segment:
        process = segment.start(REFLECTOR, ["sh", "-c", "while :; do :; done"], tmp_path / "log")
        deadline = time.monotonic() + 10
        while segment.cost(REFLECTOR).cpu < 0.2:
            assert time.monotonic() < deadline
        assert segment.cost(REFLECTOR).peak_rss > 100_000
        assert process.poll() is None


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_a_stopped_benchmark_removes_what_it_made(stop: signal.Signals) -> None:
    before = namespaces()
    command = [sys.executable, "-m", "labs.bench.reflection", "--sizes", "2x1", "--family", "4", "--runs", "1000"]
    process = subprocess.Popen(
        [*command, "--daemons", "fan-out", "--steps", ""], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 30
    while not _of(process.pid):
        assert time.monotonic() < deadline, "the benchmark started nothing"
        assert process.poll() is None
    os.kill(process.pid, stop)
    assert process.wait(30) == 128 + stop
    assert not [name for name in namespaces() - before if not _exists_elsewhere(name)]


def _of(pid: int) -> bool:
    """It has children: the reflector or the load of a run."""
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().strip())


def _exists_elsewhere(name: str) -> bool:
    """Another benchmark's, started meanwhile: it has processes."""
    pids = subprocess.run(["ip", "netns", "pids", name], stdout=subprocess.PIPE, check=False).stdout
    return bool(pids.strip())
