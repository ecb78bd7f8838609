"""Which process listens on a Unix socket: the kernel's answer (SO_PEERCRED, unix(7)), and not a number in a file."""

from __future__ import annotations

import socket
from pathlib import Path

from reflector.control.credentials import peer_credentials


def listener_pid(path: Path) -> int | None:
    """The process that listens on the socket at `path`: None when none does, 0 when it is in another container."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except OSError:
            return None
        return peer_credentials(probe).pid
