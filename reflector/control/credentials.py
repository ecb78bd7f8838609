"""The process at the other end of a Unix socket, as the kernel reports it (SO_PEERCRED, unix(7))."""

from __future__ import annotations

import os
import socket
import struct
from typing import NamedTuple

_FORMAT = struct.Struct("3i")


class Credentials(NamedTuple):
    pid: int
    uid: int
    gid: int

    @property
    def may_control(self) -> bool:
        """Root and the user that this process runs as; the mode of the socket has the same effect."""
        return self.uid in (0, os.geteuid())


def peer_credentials(connection: socket.socket) -> Credentials:
    """Those of the process that connected, or listened, when it did so."""
    return Credentials(*_FORMAT.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _FORMAT.size)))
