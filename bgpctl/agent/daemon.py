"""The agent as a process: how it begins, and the four ways in which it ends.

stop     SIGTERM or SIGINT: the speaker is stopped, the kernel's routes stay (a restart must not lose packets)
restart  SIGUSR2: only the agent ends. The next one, a newer release perhaps, adopts the speaker with its sessions
fail     the world is not ready at the start: what was made is undone, and one sentence names what is missing
crash    our bug, where no stage can begin anew: a traceback; speaker and kernel routes stay until the next agent
         adopts them
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from typing import Any, NoReturn

from bgpctl.agent.agent import Agent
from bgpctl.agent.host.privileges import Work, give_up_the_rest, speaker_account
from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.options import AgentOptions
from bgpctl.daemon.guard import failures
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.daemon.logs import configure, get_logger
from bgpctl.errors import NotReadyError
from reflector.event_loop import OUT_OF_RESOURCES
from reflector.process.account import Account
from reflector.process.descriptors import raise_limit

# Files and sockets of this process, and of the speaker which inherits it, are for their owner only.
OWNER_ONLY_UMASK = 0o077
# The signals that end the agent, and whether the speaker ends with it.
ENDS = {signal.SIGTERM: True, signal.SIGINT: True, signal.SIGUSR2: False}

# So many exceptions that no task awaits, in so many seconds, have no end.
MOST_UNAWAITED, UNAWAITED_SECONDS = 20, 60.0
CRASHED = 1

log = get_logger("agent")


def run(options: AgentOptions) -> int:
    """See bgpctl.agent.run_agent."""
    os.umask(OWNER_ONLY_UMASK)
    configure(options.log_format)
    raise_limit()
    account = speaker_account(options.speaker_user)
    with RunDirectory.claim(options.run_directory) as run_directory:
        run_directory.admit(account)
        give_up_the_rest(Work(options.program_fib, options.resources))
        return asyncio.run(_run_until_stopped(options, run_directory, account))


async def _run_until_stopped(options: AgentOptions, run_directory: RunDirectory, account: Account) -> int:
    asked = asyncio.create_task(_first_signal())
    agent = Agent(options, run_directory, account)
    work = asyncio.create_task(agent.work())
    _report_unawaited(agent.internal_errors)
    done, _ = await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
    if asked not in done:
        await _fail(agent, done.pop().exception())
    work.cancel()
    await asyncio.wait({work})
    if ENDS[asked.result()]:
        await agent.speaker.stop()
    log.info("agent stopped", node=options.node, speaker=agent.speaker.pid)
    return 0


async def _first_signal() -> signal.Signals:
    """Waits for one of ENDS; those that follow it change nothing."""
    loop = asyncio.get_running_loop()
    asked: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in ENDS:
        loop.add_signal_handler(number, asked.put_nowait, number)
    return await asked.get()


async def _fail(agent: Agent, failure: BaseException | None) -> NoReturn:
    if failure is None:
        raise AssertionError("the agent's work has no end of its own")
    found: tuple[BaseException, ...] = failures(failure) if isinstance(failure, Exception) else (failure,)
    not_ready = next((each for each in found if isinstance(each, NotReadyError)), None)
    if not_ready is not None:
        await agent.speaker.undo()
    raise not_ready or found[0]


def _report_unawaited(internal_errors: InternalErrors) -> None:
    """Reports each exception that no task awaits, in a callback or the handler of a connection. A callback that fails
    may be called over and over, and the loop would not come to its end: then the process ends here."""
    times: deque[float] = deque(maxlen=MOST_UNAWAITED)

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        exception = context.get("exception")
        if isinstance(exception, OSError) and exception.errno in OUT_OF_RESOURCES:
            # asyncio accepts connections again a second later.
            log.warning("no connection can be accepted for a second", reason=exception.strerror)
        elif not isinstance(exception, Exception):
            loop.default_exception_handler(context)
        else:
            internal_errors.report("a callback", exception)
            times.append(loop.time())
            if len(times) == MOST_UNAWAITED and times[-1] - times[0] < UNAWAITED_SECONDS:
                log.critical("a callback fails without end, the agent ends", reason=repr(exception))
                sys.stderr.flush()
                os._exit(CRASHED)

    asyncio.get_running_loop().set_exception_handler(handle)
