"""An agent with the real speaker is fed mutants of its resources, one after the other; then it is as good as new.

FUZZ_MUTANTS, FUZZ_SEED: see tests/fuzz.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from agent_world import ADDRESSES, World, until
from mutants import documents, mutant

pytestmark = pytest.mark.netns

# One in twenty of those that the stages see in tests/fuzz: an agent takes up six changes in a second.
FED = int(os.environ.get("FUZZ_MUTANTS", "2000")) // 20
SEED = int(os.environ.get("FUZZ_SEED", "12")) + 1
BASE = yaml.safe_dump_all(documents()).encode()
MARK = """---
apiVersion: projectcalico.org/v3
kind: NotOurs
metadata: {name: x}
"""


@pytest.fixture
def world(netns: str, tmp_path: Path) -> Iterator[World]:
    for address in (*ADDRESSES.values(), "10.0.0.3", "fd00::1"):
        length = 128 if ":" in address else 32
        subprocess.run(["ip", "-n", netns, "address", "add", f"{address}/{length}", "dev", "lo", "nodad"], check=True)
    world = World(dict.fromkeys(ADDRESSES, netns), tmp_path, "--no-fib", "--without-felix")
    yield world
    world.end()


@pytest.mark.timeout(600 if FED <= 100 else 0)
def test_a_live_agent_outlives_every_mutant(world: World) -> None:
    """Each mutant has been taken up when the line of the mark, a warning in a file beside it, is another one."""
    file, mark = world.resources / "cluster.yaml", world.resources / "mark.yaml"
    file.write_bytes(BASE)
    agent = world.start("a")
    until(lambda: world.runs("a"), 60)
    for number in range(FED):
        file.write_bytes(mutant(SEED, number))
        mark.write_text("#\n" * number + MARK)
        until(lambda number=number: _line_of_mark(world) == number + 3, 60)
        assert (agent.poll(), world.known_status("a").internal_errors) == (None, 0), (SEED, number)
    file.write_bytes(BASE)
    mark.unlink()
    until(lambda: not world.known_status("a").invalid, 60)
    assert (agent.poll(), world.known_status("a").internal_errors) == (None, 0)
    assert "Traceback" not in world.log("a")


def _line_of_mark(world: World) -> int:
    problems = world.known_status("a").problems
    return next((each.line for each in problems if each.file.endswith("mark.yaml")), 0)
