"""`bgpctl connect`: joins standard input and output with a control socket.

Rule: it ends when either side ends, or when nothing has passed for SILENCE; of an answer it keeps no more than one
piece at a time, of what is asked one message. So nothing of it stays in a pod whose caller is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.asked_node import ControlSocket
from bgpctl.cli.declare import add_command, argument, option
from bgpctl.cli.which_nodes import NodeOption, RunDirOption
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import typer

SILENCE = 120.0
_PIECE = 65536


def register(app: typer.Typer) -> None:
    add_command(app, connect, epilog="Example: kubectl -n bgpctl-system exec -i POD -- bgpctl connect agent")


def connect(
    control_socket: Annotated[ControlSocket, argument(metavar="agent|speaker", help="Whose control socket.")],
    node: NodeOption = "",
    run_dir: RunDirOption = None,
    change: Annotated[bool, option("--change", help="Let through what changes something as well.")] = False,
) -> None:
    """Join standard input and output with the control socket of the agent or the speaker of this machine: the way by
    which the commands ask the nodes of a cluster (bgpctl status --all-nodes). It is for programs, not for people.

    It lets through what those commands ask, and with --change what confirm, drain and journal change; it ends at
    anything else, and when either side ends.
    """
    import sys

    from bgpctl.cli.let_through import Sieve
    from bgpctl.cli.running import find_one_node
    from reflector.control.client import DEFAULT_TIMEOUT, ControlError, connected

    path = find_one_node(node, run_dir).run_directory / control_socket.file
    try:
        connection = connected(path, DEFAULT_TIMEOUT)
    except ControlError as error:
        raise NotReadyError(str(error)) from error
    with connection:
        sieve = Sieve(control_socket, may_change=change)
        join(connection, sys.stdin.fileno(), sys.stdout.fileno(), sieve.passed)


def join(
    connection: socket.socket, source: int, sink: int, passed: Callable[[bytes], bytes], silence: float = SILENCE
) -> None:
    """`passed` returns what of the octets goes to the connection. Raises NotReadyError when that breaks, or nothing
    passes."""
    import os
    from select import select

    connection.settimeout(silence)
    while True:
        ready, _, _ = select([connection.fileno(), source], [], [], silence)
        if not ready:
            raise NotReadyError(f"nothing has passed for {silence:g} s")
        try:
            if connection.fileno() in ready:
                octets = connection.recv(_PIECE)
                if not octets:
                    return
                while octets:
                    octets = octets[os.write(sink, octets) :]
            if source in ready:
                octets = os.read(source, _PIECE)
                if not octets:
                    return
                connection.sendall(passed(octets))
        except BrokenPipeError:
            return
        except OSError as error:
            raise NotReadyError(f"the connection has ended: {error}") from error
