"""When ExaBGP works on a session: at an event on its socket, or at a time, and as far as it gets without waiting.

Rule: a session that waits costs nothing. Its sockets are in the speaker's event loop, and whatever wakes it makes an
appointment in the reactor's agenda. Between two attempts to set it up it waits for its retry delay or hold-down.
"""

from __future__ import annotations

import socket as sockets
import time
from typing import Any

from exabgp.bgp.fsm import FSM
from exabgp.reactor.peer import ACTION, Peer

from reflector.event_loop import READ
from reflector.exabgp.agenda import NOW
from reflector.exabgp.retry_delay import RetryDelay

# How often a session that is being negotiated is looked at without an event, for its timers.
_NEGOTIATE_POLL = 0.5
# ExaBGP's steps that follow each other without waiting: an OPEN is read, checked and answered in one turn.
_STEPS_AT_ONCE = 8


class ScheduledPeer(Peer):  # type: ignore[misc]  # ExaBGP has no types
    """ExaBGP's peer, run by appointments. `key` is ExaBGP's name for it: taken when it is made, because it changes when
    a local address is discovered."""

    # ExaBGP's: the definition in use, the one that takes its place when the session has ended, and what runs.
    neighbor: Any
    _neighbor: Any
    generator: Any

    def __init__(self, neighbor: Any, reactor: Any) -> None:
        super().__init__(neighbor, reactor)
        self._delay = RetryDelay()
        self.key = neighbor.index()
        self._wake()

    @property
    def address(self) -> str:
        return str(self.neighbor["peer-address"])

    @property
    def has_something_to_run(self) -> bool:
        """A passive session without a connection waits for one."""
        return bool(self.proto) or self.stopping() or not self.neighbor["passive"]

    def run(self) -> Any:
        """As far as it gets without waiting. One of ExaBGP's ACTIONs, or None when there is nothing to run."""
        for _ in range(_STEPS_AT_ONCE):
            begins = self.generator is None
            action = super().run()
            if action != ACTION.NOW and not (begins and self.generator):
                break
        if action in (ACTION.NOW, ACTION.LATER):
            self._sleep(has_more=action == ACTION.NOW)
            return ACTION.LATER
        return action

    def socket(self) -> int:
        """Nothing that ExaBGP would have to poll: its sockets are in our event loop, too."""
        return -1

    def _sleep(self, *, has_more: bool) -> None:
        """Until an event, or a time. ExaBGP asks for its next turn at once also while it waits for the KEEPALIVE that
        makes the session Established; that comes with an event."""
        if self.generator is None:
            self._wake(self._delay.until)
        elif has_more and self.fsm != FSM.OPENCONFIRM:
            self._wake()
        elif self.proto is not None and self.proto.connection is not None:
            self._wait_for(self.proto.connection.io, READ, time.monotonic() + _NEGOTIATE_POLL)

    def _wait_for(self, socket: sockets.socket, events: int, at: float) -> None:
        self.reactor.event_loop.watch(socket.fileno(), lambda _: self._wake(), events)
        self._wake(at)

    def _wake(self, at: float = NOW) -> None:
        self.reactor.agenda.put(self.key, at)
