"""`bgpctl connect`: joins standard input and output with a control socket.

Rule: it ends when either side ends, or when nothing has passed for SILENCE; of what passes it keeps no more than one
piece at a time. So nothing of it stays in a pod whose caller is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.asked_node import ControlSocket
from bgpctl.cli.declare import add_command, argument
from bgpctl.cli.show import NodeOption, RunDirOption
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    import socket

    import typer

SILENCE = 120.0
_PIECE = 65536


def register(app: typer.Typer) -> None:
    add_command(app, connect, epilog="Example: kubectl -n bgpctl-system exec -i POD -- bgpctl connect agent")


def connect(
    control_socket: Annotated[ControlSocket, argument(metavar="agent|speaker", help="Whose control socket.")],
    node: NodeOption = "",
    run_dir: RunDirOption = None,
) -> None:
    """Join standard input and output with the control socket of the agent or the speaker of this machine: the way by
    which the commands ask the nodes of a cluster (bgpctl status --all-nodes). It is for programs, not for people.

    It ends when either side ends.
    """
    import sys

    from bgpctl.cli.running import find_one_node
    from reflector.control.client import DEFAULT_TIMEOUT, ControlError, connected

    path = find_one_node(node, run_dir).run_directory / control_socket.file
    try:
        connection = connected(path, DEFAULT_TIMEOUT)
    except ControlError as error:
        raise NotReadyError(str(error)) from error
    with connection:
        join(connection, sys.stdin.fileno(), sys.stdout.fileno())


def join(connection: socket.socket, source: int, sink: int, silence: float = SILENCE) -> None:
    """Raises NotReadyError when the connection breaks, or nothing passes."""
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
                connection.sendall(octets)
        except BrokenPipeError:
            return
        except OSError as error:
            raise NotReadyError(f"the connection has ended: {error}") from error
