"""The controller as a process: SIGTERM and SIGINT end it, and the Lease is given back.

fail     the cluster cannot be reached with this access at all: one sentence names why
crash    our bug, where no stage can begin anew: a traceback; the plans in the API stay, and agents go on
"""

from __future__ import annotations

import asyncio
import os
import signal

from bgpctl.controller.controller import Controller
from bgpctl.controller.options import ControllerOptions
from bgpctl.daemon.guard import failures
from bgpctl.daemon.logs import configure
from bgpctl.errors import NotReadyError

OWNER_ONLY_UMASK = 0o077


def run_controller(options: ControllerOptions) -> int:
    """Until it is asked to end; returns the exit status. Raises NotReadyError."""
    os.umask(OWNER_ONLY_UMASK)
    configure(options.log_format)
    try:
        options.run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotReadyError(f"{options.run_dir} cannot be made: {error.strerror}") from error
    return asyncio.run(_run(options))


async def _run(options: ControllerOptions) -> int:
    work = asyncio.create_task(Controller(options).work())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    await asyncio.wait({work})
    if work.cancelled():
        return 0
    error = work.exception()
    causes = failures(error) if isinstance(error, Exception) else ()
    raise next((each for each in causes if isinstance(each, NotReadyError)), error or AssertionError("it has no end"))
