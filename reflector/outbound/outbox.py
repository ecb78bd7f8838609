"""What waits to be sent to a peer: its own messages, and its place in the log it shares with its update group.

Rule: whole messages only. A peer's own chunks (KEEPALIVEs, its snapshot) go between two chunks of the log, never into
one. The log is appended once for all members; a member is an index into it, so a message costs memory once however
many peers are sent it. A peer that is cut off (slow_peer) keeps of both only which prefixes they were about.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from reflector.outbound.slow_peer import KEY_MEMORY, NO_ROUTES, Contents, Missed
from reflector.plan import Family


class Chunk(NamedTuple):
    """Whole messages, how many UPDATEs are among them, and what they are about."""

    octets: bytes
    messages: int
    contents: Contents

    @property
    def memory(self) -> int:
        """Octets of memory that it keeps: its prefixes cost ten times what they take in an UPDATE."""
        return len(self.octets) + KEY_MEMORY * sum([len(keys) for _, keys in self.contents.keys])


class AdvertisementLog:
    """An update group's messages as an append-only sequence of chunks, each of whole messages.

    Indices never change: `first` is that of the oldest chunk kept, `end` that of the next to come.
    """

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        # Octets, and octets of memory, that had ever been appended when the chunk of the same place came.
        self._starts: deque[tuple[int, int]] = deque()
        self._appended = 0
        self._appended_memory = 0
        self.first = 0
        self.end = 0
        self.octets = 0

    def append(self, octets: bytes, messages: int, contents: Contents = NO_ROUTES) -> None:
        chunk = Chunk(octets, messages, contents)
        self._chunks.append(chunk)
        self._starts.append((self._appended, self._appended_memory))
        self._appended += len(octets)
        self._appended_memory += chunk.memory
        self.octets += len(octets)
        self.end += 1

    def chunk(self, index: int) -> Chunk:
        return self._chunks[index - self.first]

    def octets_from(self, index: int) -> int:
        """How much a member at `index` still has to be sent."""
        if index >= self.end:
            return 0
        return self._appended - self._starts[max(0, index - self.first)][0]

    def memory_from(self, index: int) -> int:
        """How much memory is kept for a member at `index`."""
        if index >= self.end:
            return 0
        return self._appended_memory - self._starts[max(0, index - self.first)][1]

    def trim(self, index: int) -> None:
        """Drop everything before `index`: all members are past it."""
        while self.first < index and self._chunks:
            self.octets -= len(self._chunks.popleft().octets)
            self._starts.popleft()
            self.first += 1


class Outbox:
    """One peer's queue. `take` hands out the next chunk; what a short write left goes back with `put_back`.

    `messages` counts the UPDATEs handed out; `missed` is None unless the peer is cut off. `refreshing` are the families
    of which the answer to a ROUTE-REFRESH waits here or among what was missed.
    """

    __slots__ = ("_log", "_own", "_own_memory", "_own_octets", "_rest", "messages", "missed", "position", "refreshing")

    def __init__(self) -> None:
        self._own: deque[Chunk] = deque()
        self._own_octets = 0
        self._own_memory = 0
        self.messages = 0
        self.missed: Missed | None = None
        self.refreshing: set[Family] = set()
        self._rest: memoryview | None = None
        self._log: AdvertisementLog | None = None
        self.position = 0

    def push(self, octets: bytes, messages: int = 0, contents: Contents = NO_ROUTES) -> None:
        """Whole messages, `messages` UPDATEs among them, for this peer alone, after what it has been handed."""
        self.refreshing.update(contents.refreshed)
        self._keep(Chunk(octets, messages, contents))

    def _keep(self, chunk: Chunk) -> None:
        if self.missed is not None and chunk.contents != NO_ROUTES:
            self.missed.note(chunk.contents)
        else:
            self._own.append(chunk)
            self._own_octets += len(chunk.octets)
            self._own_memory += chunk.memory

    def follow(self, log: AdvertisementLog) -> None:
        """From now on the log's new chunks are this peer's, unless it is cut off: then it is sent what it misses."""
        if self.missed is None:
            self._log = log
            self.position = log.end

    def leave(self) -> None:
        """No longer follow the log; what it still held for this peer stays here."""
        log = self._log
        if log is not None:
            for index in range(self.position, log.end):
                self._keep(log.chunk(index))
        self._log = None

    # ------------------------------------------------------------------------------------ slow peers

    def cut_off(self) -> None:
        """Leave the log; of what waits only which prefixes it was about is kept, and what is about none."""
        self.missed = Missed()
        own, self._own = self._own, deque()
        self._own_octets = self._own_memory = 0
        for chunk in own:
            self._keep(chunk)
        self.leave()

    def catch_up(self) -> Missed:
        """What the peer has to be sent before it follows a log: it is no longer cut off."""
        missed, self.missed = self.missed, None
        assert missed is not None  # noqa: S101  only who is cut off catches up
        return missed

    @property
    def is_cut_off(self) -> bool:
        return self.missed is not None

    @property
    def is_drained(self) -> bool:
        """The socket has taken all that it was handed, and nothing of the peer's own waits."""
        return self._rest is None and not self._own

    def lags(self, bound: int) -> bool:
        """The socket is full and what waits behind what it was handed keeps more than `bound` octets of memory. A peer
        whose socket takes everything does not lag, however much is about to be written to it."""
        if self._rest is None or self._log is None:
            return False
        return self._own_memory + self._log.memory_from(self.position) > bound

    # --------------------------------------------------------------------------------------- sending

    def take(self) -> bytes | memoryview | None:
        """The next octets to send, None when all is sent."""
        if self._rest is not None:
            rest, self._rest = self._rest, None
            return rest
        log = self._log
        if self._own:
            chunk = self._own.popleft()
            self._own_octets -= len(chunk.octets)
            self._own_memory -= chunk.memory
            self.refreshing.difference_update(chunk.contents.refreshed)
        elif log is not None and self.position < log.end:
            chunk = log.chunk(self.position)
            self.position += 1
        else:
            return None
        self.messages += chunk.messages
        return chunk.octets

    def put_back(self, rest: memoryview) -> None:
        """The socket took less than `take` gave."""
        self._rest = rest

    @property
    def is_empty(self) -> bool:
        at_end = self._log is None or self.position == self._log.end
        return self.is_drained and at_end and not self.is_cut_off

    @property
    def is_within_message(self) -> bool:
        """A message is half sent: nothing else may be written before its rest."""
        return self._rest is not None

    @property
    def octets(self) -> int:
        """How much waits; what a peer that is cut off has missed is not encoded yet and does not count."""
        waiting = self._own_octets + (len(self._rest) if self._rest is not None else 0)
        return waiting + (self._log.octets_from(self.position) if self._log is not None else 0)
