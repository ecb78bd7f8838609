"""What a mutant goes through: the commands as a person runs them, in this process, and the stages of an agent.

Rule: no exception, and no exit status but those that are documented. The stages are those of one agent that sees one
mutant after the other, so that what it remembers is mutated as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
import typer

from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.autodetection.host import Host, HostAddress, HostInterface
from bgpctl.agent.autodetection.settings import DetectionSettings
from bgpctl.agent.brake.best_state_file import BestStateFile
from bgpctl.agent.brake.braking import Braking
from bgpctl.agent.complete.last_good import LastGood
from bgpctl.agent.plan.planning import Planning
from bgpctl.brake import LiveState
from bgpctl.cli import app
from bgpctl.compiler import CompileOptions
from bgpctl.compiler.cluster.node_lookup import NodeLookup
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.datastore import directory
from bgpctl.datastore.directory import DirectoryReader
from reflector.plan import NodePlan

# The statuses of each command that are documented.
STATUSES = {"validate": (0, 1), "compile": (0, 1), "proof": (0, 1, 4), "diff": (0, 1, 2, 3)}
# Every so many mutants are proved with failures.
PROVED = 5
OPTIONS = CompileOptions(without_felix=True)


class Commands:
    """`base` is the cluster without a mistake. What they read is remembered from one mutant to the next: it is the same
    as without (test_datastore.py), and three times as fast."""

    def __init__(self, path: Path, base: bytes, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(directory, "DirectoryReader", cache(DirectoryReader))
        self._old, self._new, self._out = path / "old", path / "new", path / "out"
        for folder in (self._old, self._new):
            folder.mkdir()
        (self._old / "cluster.yaml").write_bytes(base)
        self._bgpctl = typer.main.get_command(app)

    def run(self, mutant: bytes, *, with_failures: bool) -> None:
        """`compile` has the verdict of the proof; its failures are what costs most of all."""
        (self._new / "cluster.yaml").write_bytes(mutant)
        new = str(self._new)
        self._run("validate", new, "--without-felix")
        self._run("compile", new, "--all-nodes", "-o", str(self._out))
        self._run("diff", str(self._old), new)
        if with_failures:
            self._run("proof", new)

    def _run(self, command: str, *arguments: str) -> None:
        with redirect_stdout(StringIO()) as output, redirect_stderr(output):
            status = self._bgpctl.main([command, *arguments], standalone_mode=False)
        assert status in STATUSES[command], (command, status, output.getvalue())
        assert "Traceback" not in output.getvalue()


class Stages:
    """Of the agent of node `a`; its plan is in place at once, and all its sessions are Established."""

    def __init__(self, path: Path) -> None:
        self.folder = path / "resources"
        self.folder.mkdir()
        self.errors = InternalErrors()
        self._plan: NodePlan | None = None
        self._reader = DirectoryReader(self.folder)
        self._last_good = LastGood("a", path / "last-good.json", lambda: False, OPTIONS.secret_namespace)
        self._detector = Detector(DetectionSettings(), path / "addresses.json")
        self._planning = Planning(OPTIONS, self.errors)
        self._braking = Braking(BestStateFile(path / "best.json"), Observer(self), lambda: self._plan, self.errors)
        self._lookup: NodeLookup | None = None

    async def run(self, mutant: bytes) -> None:
        (self.folder / "cluster.yaml").write_bytes(mutant)
        resources = self._last_good.take(self._reader.read())
        resources = self._detector.apply(resources, HOST)
        wanted = await self._planning.plan(resources)
        if wanted is not None:
            deployable = await self._braking.consider(wanted)
            self._plan = deployable.plan if deployable is not None else self._plan
            self._braking.settle()
        self._lookup = NodeLookup(resources.loaded.resources, self._lookup)

    @property
    def plan(self) -> NodePlan | None:
        return self._plan


HOST = Host((HostInterface(2, "eth0", True, (HostAddress("10.0.0.1", 24),)),))


class Observer:
    """The live state of an agent in which everything is as its plan says."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    async def sessions(self) -> LiveState | None:
        plan = self._stages.plan
        return LiveState(frozenset(each.name for each in plan.sessions)) if plan is not None else None

    async def before(self, running: NodePlan, wanted: NodePlan | None) -> LiveState | None:
        return await self.sessions()


@contextmanager
def named(seed: int, number: int, mutant: bytes) -> Iterator[None]:
    """Whatever fails in here says which mutant it was."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"mutant {number} of seed {seed}:\n{mutant.decode(errors='backslashreplace')[:20_000]}")
        raise


def run_all(stages: Stages, commands: Commands, mutants: Iterator[tuple[int, int, bytes]]) -> int:
    """How many there were."""

    async def run() -> int:
        count = 0
        for seed, number, mutant in mutants:
            with named(seed, number, mutant):
                commands.run(mutant, with_failures=number % PROVED == 0)
                await stages.run(mutant)
                assert stages.errors.count == 0
            count += 1
        return count

    return asyncio.run(run())
