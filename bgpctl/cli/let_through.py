"""Which messages `bgpctl connect` lets through: those that commands send to nodes of a cluster, and no others.

    looks     always
    changes   with --change, so that the command line, which is in the API server's audit log, says that something was
              changed

Rule: whatever else comes ends the connection before an octet of it has passed: a plan, originations, a subscription.
"""

from __future__ import annotations

from bgpctl.cli.asked_node import ControlSocket
from bgpctl.errors import NotReadyError
from reflector.messages import (
    Confirm,
    Drain,
    Explain,
    FrameError,
    FrameReader,
    Request,
    ShowAgent,
    ShowJournal,
    ShowKernel,
    ShowNodeStatus,
    ShowPeers,
    ShowRoutes,
    StartJournal,
    StopJournal,
    decode_request,
    frame,
)

# Octets. A name and a prefix are all that a question has in it.
LONGEST = 65536
_LOOKS: dict[ControlSocket, tuple[type[Request], ...]] = {
    ControlSocket.AGENT: (ShowAgent, ShowKernel, ShowNodeStatus),
    ControlSocket.SPEAKER: (ShowPeers, ShowRoutes, Explain, ShowJournal),
}
_CHANGES: dict[ControlSocket, tuple[type[Request], ...]] = {
    ControlSocket.AGENT: (Confirm, Drain),
    ControlSocket.SPEAKER: (StartJournal, StopJournal),
}


class Sieve:
    """Of one connection, in the direction of the control socket."""

    def __init__(self, control_socket: ControlSocket, *, may_change: bool) -> None:
        self._frames = FrameReader(LONGEST)
        self.passing = _LOOKS[control_socket] + (_CHANGES[control_socket] if may_change else ())
        self._changing = _CHANGES[control_socket]

    def passed(self, octets: bytes) -> bytes:
        """The messages that are complete with these. Raises NotReadyError at the first that does not pass."""
        try:
            return b"".join(self._checked(body) for body in self._frames.feed(octets))
        except FrameError as error:
            raise NotReadyError(f"not passed on: {error}") from error

    def _checked(self, body: bytes) -> bytes:
        request = decode_request(body)
        if isinstance(request, self.passing):
            return frame(request)
        name = type(request).__name__
        if isinstance(request, self._changing):
            raise NotReadyError(f"{name} is not passed on: it changes something, which --change is for")
        raise NotReadyError(f"{name} is not passed on: no command asks this of a node of a cluster")
