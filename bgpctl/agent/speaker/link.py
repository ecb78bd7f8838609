"""The agent's side of speaker.sock: requests with their replies, and the stream of the Loc-RIB.

Two connections: on the connection of the stream a reply would wait behind the whole table. A connection that fails in
any way is closed and made anew at the next use; only the supervisor (supervisor.py) decides about the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

from reflector.messages import (
    FrameError,
    FrameReader,
    LocRibUpdate,
    Reply,
    Request,
    Subscribe,
    Subscribed,
    decode_reply,
    frame,
)

ANSWER_TIMEOUT = 5.0
# ExaBGP reads a configuration of 500 neighbours in 0.4 s; this bounds the largest one on a busy machine.
APPLY_TIMEOUT = 60.0
_READ_SIZE = 262144


class SpeakerAwayError(Exception):
    """The speaker did not answer: none listens, the connection broke, or the answer is late. One sentence."""


class ProtocolMismatchError(SpeakerAwayError):
    """What listens on the socket has another version of the protocol."""


class SpeakerLink:
    """Asks one speaker. Questions are answered in turn; `close` ends a question that is under way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()
        self._connection: _Connection | None = None
        self._resumption = Subscribe()

    async def ask(self, request: Request, timeout: float = ANSWER_TIMEOUT) -> Reply:  # noqa: ASYNC109 - a bound is part of every question
        """The answer within `timeout` seconds. After a SpeakerAwayError the next question connects again."""
        async with self._turn:
            try:
                async with asyncio.timeout(timeout):
                    if self._connection is None or self._connection.ended:
                        self.close()
                        self._connection = await _Connection.open(self._path)
                    return await self._connection.ask(request)
            except TimeoutError as error:
                self.close()
                raise SpeakerAwayError(
                    f"the speaker did not answer {type(request).__name__} within {timeout:g} s"
                ) from error
            except BaseException:
                # Also when cancelled: an answer that was not read would be taken for that of the next question.
                self.close()
                raise

    async def loc_rib(self) -> AsyncGenerator[Subscribed | LocRibUpdate, None]:
        """The Loc-RIB from now on: Subscribed, the whole table, the last part of it `in_sync`, then every change. When
        the stream before it was in sync and the speaker still knows what came since, Subscribed is `resumed` and only
        that follows. It ends only with SpeakerAwayError."""
        connection = await _Connection.open(self._path)
        try:
            answer = await connection.ask(self._resumption)
            if not isinstance(answer, Subscribed):
                raise ProtocolMismatchError(f"the speaker answered Subscribe with {type(answer).__name__}")
            if not answer.resumed:
                self._resumption = Subscribe()
            yield answer
            while True:
                update = await connection.next_reply()
                if not isinstance(update, LocRibUpdate):
                    raise ProtocolMismatchError(f"the speaker streams {type(update).__name__}")
                yield update
                # Who asked for this update has taken up the one before.
                if update.in_sync or self._resumption.epoch:
                    self._resumption = Subscribe(answer.epoch, update.sequence)
        finally:
            connection.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Connection:
    """One connection: frames out, replies in. All its failures are SpeakerAwayErrors."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader()
        self._bodies: Iterator[bytes] = iter(())

    @classmethod
    async def open(cls, path: Path) -> _Connection:
        try:
            return cls(*await asyncio.open_unix_connection(path))
        except OSError as error:
            raise SpeakerAwayError(f"cannot connect to {path}: {error.strerror}") from error

    @property
    def ended(self) -> bool:
        """The other side has closed it: there was a restart since the last question."""
        return self._reader.at_eof()

    async def ask(self, request: Request) -> Reply:
        try:
            self._writer.write(frame(request))
            await self._writer.drain()
        except OSError as error:
            raise SpeakerAwayError(f"the speaker closed the connection: {error.strerror}") from error
        return await self.next_reply()

    async def next_reply(self) -> Reply:
        try:
            while (body := next(self._bodies, None)) is None:
                data = await self._reader.read(_READ_SIZE)
                if not data:
                    raise SpeakerAwayError("the speaker closed the connection")
                self._bodies = self._frames.feed(data)
            return decode_reply(body)
        except OSError as error:
            raise SpeakerAwayError(f"the speaker closed the connection: {error.strerror}") from error
        except FrameError as error:
            raise ProtocolMismatchError(str(error)) from error

    def close(self) -> None:
        self._writer.close()
