"""How many clients may be connected at once. A new one takes the place of the oldest that has not sent a request.

So a scraper that connects and sends nothing keeps no other client waiting: the probes of Kubernetes come to the same
port, and an agent that does not answer them is killed.
"""

from __future__ import annotations

import asyncio

MOST_CONNECTIONS = 128


class Connections:
    """Open connections; those without a request yet in the order in which they came. Mutable."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._open = 0
        self._silent: dict[asyncio.StreamWriter, None] = {}

    def enter(self, writer: asyncio.StreamWriter) -> bool:
        """False when there is no room: all have sent a request and wait for the answer. One without may be cut off."""
        if self._open >= self._most:
            if not self._silent:
                return False
            oldest = next(iter(self._silent))
            self._silent.pop(oldest)
            oldest.transport.abort()
        self._open += 1
        self._silent[writer] = None
        return True

    def has_asked(self, writer: asyncio.StreamWriter) -> None:
        self._silent.pop(writer, None)

    def leave(self, writer: asyncio.StreamWriter) -> None:
        self._silent.pop(writer, None)
        self._open -= 1
