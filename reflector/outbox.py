"""What waits to be sent to a peer: its own messages, and its place in the log it shares with its update group.

Rule: whole messages only. A peer's own chunks (KEEPALIVEs, its snapshot) go between two chunks of the log, never into
one. The log is appended once for all members; a member is an index into it, so a message costs memory once however
many peers are told.
"""

from __future__ import annotations

from collections import deque


class AdvertisementLog:
    """An update group's messages as an append-only sequence of chunks, each of whole messages.

    Indices never change: `first` is that of the oldest chunk kept, `end` that of the next to come.
    """

    def __init__(self) -> None:
        self._chunks: deque[tuple[bytes, int]] = deque()
        self.first = 0
        self.octets = 0

    @property
    def end(self) -> int:
        return self.first + len(self._chunks)

    def append(self, chunk: bytes, messages: int) -> None:
        self._chunks.append((chunk, messages))
        self.octets += len(chunk)

    def chunk(self, index: int) -> tuple[bytes, int]:
        """The octets and how many messages they are."""
        return self._chunks[index - self.first]

    def octets_from(self, index: int) -> int:
        """How much a member at `index` still has to be sent."""
        if index <= self.first:
            return self.octets
        return sum(len(self._chunks[position - self.first][0]) for position in range(index, self.end))

    def trim(self, index: int) -> None:
        """Forget everything before `index`: all members are past it."""
        while self.first < index and self._chunks:
            self.octets -= len(self._chunks.popleft()[0])
            self.first += 1


class Outbox:
    """One peer's queue. `take` hands out the next chunk; what a short write left goes back with `put_back`.

    `messages` counts the UPDATEs handed out.
    """

    def __init__(self) -> None:
        self._own: deque[tuple[bytes, int]] = deque()
        self.messages = 0
        self._rest: memoryview | None = None
        self._log: AdvertisementLog | None = None
        self.position = 0

    def push(self, chunk: bytes, messages: int = 0) -> None:
        """Whole messages, `messages` UPDATEs among them, for this peer alone, after what it has been handed."""
        self._own.append((chunk, messages))

    def follow(self, log: AdvertisementLog) -> None:
        """From now on the log's new chunks are this peer's."""
        self._log = log
        self.position = log.end

    def leave(self) -> None:
        """No longer follow the log; what it still held for this peer comes along."""
        log = self._log
        if log is not None:
            self._own.extend(log.chunk(index) for index in range(self.position, log.end))
        self._log = None

    def take(self) -> bytes | memoryview | None:
        """The next octets to send, None when all is sent."""
        if self._rest is not None:
            rest, self._rest = self._rest, None
            return rest
        log = self._log
        if self._own:
            chunk, messages = self._own.popleft()
        elif log is not None and self.position < log.end:
            chunk, messages = log.chunk(self.position)
            self.position += 1
        else:
            return None
        self.messages += messages
        return chunk

    def put_back(self, rest: memoryview) -> None:
        """The socket took less than `take` gave."""
        self._rest = rest

    @property
    def is_empty(self) -> bool:
        at_end = self._log is None or self.position == self._log.end
        return self._rest is None and not self._own and at_end

    @property
    def is_within_message(self) -> bool:
        """A message is half sent: nothing else may be written before its rest."""
        return self._rest is not None

    @property
    def octets(self) -> int:
        """How much waits."""
        waiting = sum(len(chunk) for chunk, _ in self._own) + (len(self._rest) if self._rest is not None else 0)
        return waiting + (self._log.octets_from(self.position) if self._log is not None else 0)
