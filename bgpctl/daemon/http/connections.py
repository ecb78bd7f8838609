"""How many clients may be connected at once. A new one takes the place of the oldest that has not sent a request.

So a scraper that connects and sends nothing keeps no other client waiting: the probes of Kubernetes come to the same
port, and who does not answer them is killed. For the same reason scrapers that ask and do not read never have all
places.
"""

from __future__ import annotations

import asyncio

MOST_CONNECTIONS = 128
# Of these, places that no scraper has.
FOR_PROBES = 16


class Connections:
    """Open connections; those without a request yet in the order in which they came. One that has its answer has no
    place any more, for the client may take its time to close its side. Mutable."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._open = 0
        self._scrapes = 0
        self._closing = 0
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

    def begin_scrape(self) -> bool:
        """False when too many wait for their page or read it."""
        if self._scrapes >= self._most - FOR_PROBES:
            return False
        self._scrapes += 1
        return True

    def end_scrape(self) -> None:
        self._scrapes -= 1

    def leave(self, writer: asyncio.StreamWriter) -> None:
        self._silent.pop(writer, None)
        self._open -= 1

    async def close(self, writer: asyncio.StreamWriter, seconds: float) -> None:
        """Returns when the connection is gone. Where as many as there are places wait for their clients, at once."""
        writer.close()
        self._closing += 1
        try:
            async with asyncio.timeout(seconds if self._closing <= self._most else 0.0):
                await writer.wait_closed()
        except (TimeoutError, OSError):
            writer.transport.abort()
        finally:
            self._closing -= 1
