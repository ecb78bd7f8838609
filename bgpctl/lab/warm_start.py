"""Agents as forks of this program: it has imported once what each of them would import for itself.

An agent's imports cost the best part of a second of CPU, and a lab starts many on few cores. The child is a daemon: a
session of its own, no input, its output in its log, no file of its parent open, default signals.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from bgpctl.agent import AgentOptions, run_agent
from bgpctl.errors import NotReadyError

# What an agent imports on its way to its first plan and its first route.
_MODULES = ("bgpctl.agent.daemon", "bgpctl.fib.programmer")
_PR_SET_NAME = 15
_libc = ctypes.CDLL(None)
_NOT_READY_STATUS = 2
_FAULT_STATUS = 1


class ForkedAgent:
    """The child as its parent sees it; `returncode` is None while it runs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status once it has ended; minus the number of the signal that ended it."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


@functools.cache
def import_agent() -> None:
    """Before a fork; done once."""
    for name in _MODULES:
        importlib.import_module(name)
    # The collector would write to every object, and so copy every page that parent and children share.
    gc.freeze()


def fork_agent(options: AgentOptions, log: Path, env: Mapping[str, str]) -> ForkedAgent:
    """Starts the agent in the calling thread's network namespace. This program must have one thread."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return ForkedAgent(pid)
    status = _FAULT_STATUS
    try:
        _become_daemon(f"agent {options.node}", log)
        os.environ.update(env)
        status = run_agent(options)
    except NotReadyError as error:
        print(f"bgpctl: {error}", file=sys.stderr)  # noqa: T201  the one sentence of exit status 2
        status = _NOT_READY_STATUS
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
    raise AssertionError("the child has ended")


def _become_daemon(name: str, log: Path) -> None:
    """`name` is what `ps -o comm` and `top` show; the command line stays the parent's."""
    _libc.prctl(_PR_SET_NAME, name.encode())
    os.setsid()
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nothing = os.open("/dev/null", os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
