"""One epoll for everything the speaker waits for: its own sockets, and ExaBGP's while it negotiates.

Rule: our descriptors have a handler, ExaBGP's are reported back to its reactor. A closed descriptor leaves epoll by
itself, so its number may come again for something else: the last one to register it owns it.
"""

from __future__ import annotations

import select
from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
Handler = Callable[[int], None]


class EventLoop:
    """Handlers are called with the epoll event mask."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._lent: set[int] = set()

    def watch(self, descriptor: int, handler: Handler, events: int = READ) -> None:
        self._lent.discard(descriptor)
        self._handlers[descriptor] = handler
        self._register(descriptor, events)

    def change(self, descriptor: int, events: int) -> None:
        self._epoll.modify(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Call before the descriptor is closed."""
        if self._handlers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def lend(self, descriptor: int) -> None:
        """Watch a descriptor of ExaBGP's."""
        self._handlers.pop(descriptor, None)
        self._lent.add(descriptor)
        self._register(descriptor, READ | select.EPOLLPRI)

    def _register(self, descriptor: int, events: int) -> None:
        try:
            self._epoll.register(descriptor, events)
        except FileExistsError:
            self._epoll.modify(descriptor, events)

    def turn(self, timeout: float) -> list[int]:
        """Wait at most `timeout` seconds, call handlers, return ExaBGP's descriptors that are ready."""
        lent = []
        for descriptor, events in self._epoll.poll(timeout):
            # A handler called before may have closed this descriptor: then it is nobody's.
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler(events)
            elif descriptor in self._lent:
                lent.append(descriptor)
        return lent


class LentPoller:
    """What ExaBGP's reactor takes for its `select.poll` object."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop

    def register(self, descriptor: int, _events: int) -> None:
        self._loop.lend(descriptor)

    def unregister(self, descriptor: int) -> None:
        """ExaBGP only unregisters what it has closed, which epoll has forgotten by then."""
