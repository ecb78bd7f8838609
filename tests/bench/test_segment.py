"""A benchmark leaves nothing behind, however it ends."""

from __future__ import annotations

import subprocess
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
