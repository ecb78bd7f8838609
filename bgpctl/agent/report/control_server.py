"""Serves agent.sock: requests with the answers that it was given; the rest is refused.

Only the owner may connect (mode 0600 from the first instant). A request is a few octets: a frame that claims more
than LARGEST_REQUEST is not one of ours, and the connection is closed. Where an answer fails by a fault of ours, that is
reported, and the request is Refused.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from bgpctl.daemon.internal_errors import Report, describe
from reflector.messages import (
    FrameError,
    FrameReader,
    Refused,
    Reply,
    decode_request,
    frame,
)

# Request -> what answers it.
Answers = Mapping[type[Any], Callable[[Any], Awaitable[Reply]]]

LARGEST_REQUEST = 65536
_BACKLOG = 16


class ControlServer:
    """A listening agent.sock. `close` also removes it."""

    def __init__(self, server: asyncio.Server, path: Path) -> None:
        self._server = server
        self._path = path

    @classmethod
    async def open(cls, path: Path, answers: Answers, report: Report) -> ControlServer:
        """A socket that a dead agent left is replaced: the caller holds the lock of the run directory."""

        async def answer(body: bytes) -> bytes:
            try:
                return frame(await _answer(body, answers))
            except FrameError:
                raise
            except Exception as error:  # the agent goes on, whatever cannot be answered
                report("answering", error)
                return frame(Refused(describe("answering", error)))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await _serve_connection(reader, writer, answer)
            except OSError:
                pass  # the client has closed the connection
            finally:
                writer.close()

        return cls(await asyncio.start_unix_server(serve, sock=_owner_only_socket(path)), path)

    def close(self) -> None:
        self._server.close()
        self._path.unlink(missing_ok=True)


def _owner_only_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(umask)
    listener.listen(_BACKLOG)
    return listener


async def _serve_connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Callable[[bytes], Awaitable[bytes]]
) -> None:
    frames = FrameReader(LARGEST_REQUEST)
    while data := await reader.read(LARGEST_REQUEST):
        try:
            for body in frames.feed(data):
                writer.write(await answer(body))
        except FrameError as error:
            writer.write(frame(Refused(str(error))))
            await writer.drain()
            return
        await writer.drain()


async def _answer(body: bytes, answers: Answers) -> Reply:
    request = decode_request(body)
    if type(request) in answers:
        return await answers[type(request)](request)
    return Refused(f"the agent does not answer {type(request).__name__}; ask the speaker, on speaker.sock")
