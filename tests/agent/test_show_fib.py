"""`bgpctl fib`: what it prints and how it ends, asked of an agent's real socket."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import structs
from typer.testing import CliRunner

from bgpctl.agent.report.control_server import ControlServer
from bgpctl.cli import app
from bgpctl.daemon.internal_errors import InternalErrors
from reflector.messages import AgentStatus, Histogram, ShowAgent

FOREIGN = "10.1.0.0/26: another program's route has this prefix and metric: static (protocol 4, metric 1024)"
SHADOWED = "0.0.0.0/0: another program's route wins: dhcp (protocol 16, metric 100)"
WELL = AgentStatus(
    node="a",
    version="0.1.0",
    pid=1,
    uptime=75.0,
    plan_generation=2,
    plan_is_current=True,
    last_compile_seconds=0.1,
    fib_desired=12,
    fib_installed=12,
    fib_repairs=3,
    fib_in_sync=True,
    propagation=Histogram((0.01,), (5, 0), 0.02),
)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Callable[..., tuple[int, str]]]:
    """`bgpctl fib` of an agent with this status: exit status and output."""
    statuses = [WELL]
    is_open = threading.Event()
    ends: list[Callable[[], object]] = []

    async def status(_: ShowAgent) -> AgentStatus:
        return statuses[-1]

    async def serve() -> None:
        server = await ControlServer.open(tmp_path / "agent.sock", {ShowAgent: status}, InternalErrors().report)
        end = asyncio.Event()
        ends.append(functools.partial(asyncio.get_running_loop().call_soon_threadsafe, end.set))
        is_open.set()
        await end.wait()
        server.close()
        # The conversations end by themselves: their clients are gone.
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    def ask(status: AgentStatus, *options: str) -> tuple[int, str]:
        statuses.append(status)
        result = CliRunner().invoke(app, ["fib", "--run-dir", str(tmp_path), "--node", "a", *options])
        return result.exit_code, result.output

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert is_open.wait(10)
    yield ask
    ends[0]()
    thread.join(10)


def test_a_kernel_that_is_as_it_should_be_is_one_line_and_status_zero(asked: Callable[..., tuple[int, str]]) -> None:
    status, output = asked(WELL)
    title, row = output.splitlines()
    assert title.split() == [
        "NODE", "STATE", "DESIRED", "INSTALLED", "FAILED", "FOREIGN", "UNRESOLVED", "UNSAFE", "SHADOWED", "REPAIRS",
    ]  # fmt: skip
    assert (status, row.split()) == (0, ["a", "as", "desired", "12", "12", "0", "0", "0", "0", "0", "3"])


def test_a_foreign_route_in_the_way_is_a_sentence_and_status_one(asked: Callable[..., tuple[int, str]]) -> None:
    status, output = asked(structs.replace(WELL, fib_installed=11, fib_foreign=1, fib_failures=(FOREIGN,)))
    assert (status, output.splitlines()[2:]) == (1, [f"a: {FOREIGN}"])
    assert output.splitlines()[1].split()[1] == "wrong"


def test_a_shadowed_route_is_told_and_not_wrong(asked: Callable[..., tuple[int, str]]) -> None:
    status, output = asked(structs.replace(WELL, fib_shadowed=1, fib_notes=(SHADOWED,)))
    assert (status, output.splitlines()[2:]) == (0, [f"a: {SHADOWED}"])


@pytest.mark.parametrize(
    ("changed", "state", "status"),
    [
        ({"fib_in_sync": False}, "not in sync", 1),
        ({"fib_installed": 11, "fib_failed": 1}, "wrong", 1),
        ({"fib_unresolved": 1}, "wrong", 1),
        ({"fib_failures": ("vxlan.calico: it is somebody else's",)}, "wrong", 1),
        ({"fib_enabled": False, "fib_in_sync": False}, "off", 0),
    ],
)
def test_state(asked: Callable[..., tuple[int, str]], changed: dict[str, object], state: str, status: int) -> None:
    ended, output = asked(structs.replace(WELL, **changed), "-o", "json")
    (row,) = json.loads(output)
    assert (ended, row["state"], row["node"], row["propagation"]["counts"]) == (status, state, "a", [5, 0])
