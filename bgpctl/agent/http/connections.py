"""Who may be connected at once: so many, and who has not asked anything makes room for who comes.

A scraper that connects and says nothing holds nobody up: the probes of Kubernetes come to the same port, and an agent
that does not answer them is killed.
"""

from __future__ import annotations

import asyncio

MOST_CONNECTIONS = 128


class Connections:
    """Open connections, those that have not asked yet in the order in which they came. Mutable."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._open = 0
        self._silent: dict[asyncio.StreamWriter, None] = {}

    def enter(self, writer: asyncio.StreamWriter) -> bool:
        """False where there is no room: everybody has asked and waits for the answer. Else somebody may be cut off."""
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
