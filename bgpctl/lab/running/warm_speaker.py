"""An agent's first speaker as a fork of this program, which has imported ExaBGP once for all of them.

An agent has an event loop, and a program with one must not fork and go on. So the speaker-to-be is forked before the
agent begins: it waits on a socket, and becomes the speaker when the agent starts one. The agent is its parent and sees
its end as that of any other. A later speaker of that agent is started by its command line, as outside labs.

What it imports before must not read the environment: the plan decides on ExaBGP's settings (reflector/__main__.py).
"""

from __future__ import annotations

import os
import socket
import sys
import traceback

from bgpctl.agent import AgentOptions
from bgpctl.agent.speaker.process import SPEAKER_COMMAND
from bgpctl.lab.running.forked import Forked, become_daemon, name_process, set_command_line

SPEAKER_MODULES = ("reflector.__main__", "reflector.speaker")
_LONGEST_COMMAND = 65536
_SEPARATOR = "\0"
# The words of the command line before the arguments of the speaker's main.
_PROGRAM_WORDS = len(SPEAKER_COMMAND)
_FAULT_STATUS = 1


class WarmSpeaker:
    """One process that waits for its command."""

    def __init__(self, options: AgentOptions) -> None:
        """Forks. This program must have one thread."""
        own_end, other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if not pid:
            own_end.close()
            _wait_and_become_speaker(other_end, options)
        other_end.close()
        self._socket: socket.socket | None = own_end
        self._child = Forked(pid)

    def start(self, command: tuple[str, ...], output: int) -> Forked | None:
        """The first time: the speaker. None ever after, or if the one that waited has ended."""
        if self._socket is None:
            return None
        with self._socket as waiting:
            self._socket = None
            try:
                socket.send_fds(waiting, [_SEPARATOR.join(command).encode()], [output])
            except OSError:
                self._child.wait()
                return None
        return self._child


def _wait_and_become_speaker(waiting: socket.socket, options: AgentOptions) -> None:
    """Does not return."""
    status = _FAULT_STATUS
    try:
        name_process("waiting speaker")
        data, descriptors, _, _ = socket.recv_fds(waiting, _LONGEST_COMMAND, 1)
        if not data:
            os._exit(0)  # the agent has ended without one
        status = _run(tuple(data.decode().split(_SEPARATOR)), descriptors[0], options)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else _FAULT_STATUS
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _run(command: tuple[str, ...], output: int, options: AgentOptions) -> int:
    from bgpctl.agent.host.privileges import Work, give_up_the_rest
    from reflector.__main__ import main

    become_daemon(f"speaker {options.node}", output)
    # By these words a later agent recognizes it (agent/speaker/process.py, runs_for).
    set_command_line(("speaker", command[-1]))
    # What it would have inherited from the agent, which has given these privileges up by now.
    give_up_the_rest(Work(options.program_fib, options.resources))
    return main(list(command[_PROGRAM_WORDS:]))
