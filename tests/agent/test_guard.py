"""The guard of the stages: what is reported, what is only retried, and what ends the agent."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import pytest

from bgpctl.daemon.guard import Guard
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.errors import NotReadyError


def kept(*failures: Exception) -> tuple[int, int]:
    """A stage that fails so, one after the other, and then goes on: how often it was begun, and what was counted."""
    errors, begun = InternalErrors(), 0
    went_on = asyncio.Event()

    async def stage() -> None:
        nonlocal begun
        begun += 1
        if begun <= len(failures):
            raise failures[begun - 1]
        went_on.set()
        await asyncio.Event().wait()

    async def run() -> None:
        task = asyncio.create_task(Guard(errors).keep("a stage", stage))
        waits = asyncio.create_task(went_on.wait())
        done, _ = await asyncio.wait({task, waits}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        for each in (task, waits):
            each.cancel()
        await asyncio.gather(*(each for each in done))

    asyncio.run(run())
    return begun, errors.count


@pytest.mark.parametrize(
    ("failures", "counted"),
    [
        ((), 0),
        ((KeyError("ours"),), 1),
        ((KeyError("ours"), ValueError("ours")), 2),
        ((ExceptionGroup("of tasks", [ExceptionGroup("of tasks", [KeyError("ours")])]),), 1),
        ((ExceptionGroup("of tasks", [KeyError("ours"), ExceptionGroup("more", [ValueError("ours too")])]),), 2),
        ((OSError(errno.EMFILE, "no descriptors"),), 0),
        ((OSError(errno.EIO, "a fault of ours until it is known"),), 1),
        ((KeyError("ours"), NotReadyError("later")), 1),
    ],
)
def test_a_stage_begins_anew_whatever_it_raises(failures: tuple[Exception, ...], counted: int) -> None:
    assert kept(*failures) == (len(failures) + 1, counted)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda each: each,
        lambda each: ExceptionGroup("of tasks", [each]),
        lambda each: ExceptionGroup("of tasks", [KeyError("ours"), each]),
    ],
)
def test_a_world_that_is_not_ready_at_the_start_ends_the_agent(wrap: Callable[[Exception], Exception]) -> None:
    with pytest.raises((NotReadyError, ExceptionGroup)):
        kept(wrap(NotReadyError("the port is taken")))


def test_a_stage_that_ends_is_a_fault_and_begins_anew() -> None:
    errors, begun = InternalErrors(), asyncio.Semaphore(0)

    async def stage() -> None:
        begun.release()

    async def run() -> None:
        task = asyncio.create_task(Guard(errors).keep("a stage", stage))
        for _ in range(3):
            await asyncio.wait_for(begun.acquire(), 20)
        task.cancel()

    asyncio.run(run())
    assert errors.count >= 2
