"""One epoll for everything the speaker waits for: its own sockets, and ExaBGP's while it negotiates.

Rule: every descriptor has a handler. A closed descriptor leaves epoll by itself, and
its number may then be given to another one: the last handler that was given for a number is the one that is called.
"""

from __future__ import annotations

import errno
import select
from collections.abc import Callable

# errno of accept(2) while this process or the machine has no descriptors or no memory left. The connection stays where
# it is, and its listening socket ready, so who accepts has to stop waiting for it for a while.
OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
Handler = Callable[[int], None]


class EventLoop:
    """Handlers are called with the epoll event mask."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}

    def watch(self, descriptor: int, handler: Handler, events: int = READ) -> None:
        self._handlers[descriptor] = handler
        self._register(descriptor, events)

    def change(self, descriptor: int, events: int) -> None:
        self._epoll.modify(descriptor, events)

    def unwatch(self, descriptor: int) -> None:
        """Call before the descriptor is closed."""
        if self._handlers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def _register(self, descriptor: int, events: int) -> None:
        try:
            self._epoll.register(descriptor, events)
        except FileExistsError:
            self._epoll.modify(descriptor, events)

    def turn(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds and call handlers. False if nothing happened."""
        ready = self._epoll.poll(timeout)
        for descriptor, events in ready:
            # A handler called before may have closed this descriptor: then nothing is called.
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler(events)
        return bool(ready)
