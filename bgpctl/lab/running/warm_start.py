"""Agents as forks of this program: it has imported once what each of them, and its speaker, would import for itself.

The imports of an agent and of its speaker cost more than a second of CPU, and a lab starts many on few cores.
"""

from __future__ import annotations

import functools
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from bgpctl.agent import AgentOptions, run_agent
from bgpctl.errors import NotReadyError
from bgpctl.lab.running.forked import Forked, become_daemon
from bgpctl.lab.running.warm_speaker import SPEAKER_MODULES, WarmSpeaker

# What an agent imports before its first plan, its first route and the first question of the guardrails.
_MODULES = ("bgpctl.agent.daemon", "bgpctl.fib.programmer", "networkx", *SPEAKER_MODULES)
_NOT_READY_STATUS = 2
_FAULT_STATUS = 1


@functools.cache
def import_agent() -> None:
    """Before a fork; done once."""
    for name in _MODULES:
        importlib.import_module(name)
    # The collector would write to every object, and so copy every page that parent and children share.
    gc.freeze()


def fork_agent(options: AgentOptions, log: Path, env: Mapping[str, str]) -> Forked:
    """Starts the agent in the calling thread's network namespace. This program must have one thread."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Forked(pid)
    status = _FAULT_STATUS
    try:
        become_daemon(f"agent {options.node}", os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        os.environ.update(env)
        status = _run(options)
    except NotReadyError as error:
        print(f"bgpctl: {error}", file=sys.stderr)  # noqa: T201  the one sentence of exit status 2
        status = _NOT_READY_STATUS
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
    raise AssertionError("the child has ended")


def _run(options: AgentOptions) -> int:
    from bgpctl.agent.speaker import process as speaker_process

    speaker_process.prepared.append(WarmSpeaker(options).start)
    return run_agent(options)
