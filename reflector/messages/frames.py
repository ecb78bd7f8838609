"""Messages as octets: one frame for each, and a reader that cuts a stream into them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from reflector.messages.agent_status import AgentStatus, Confirmed, KernelAnswer, NodeStatusReport
from reflector.messages.loc_rib import LocRibUpdate, Subscribed
from reflector.messages.outcomes import Applied, Draining, JournalStatus, Originated, Refused
from reflector.messages.requests import Request
from reflector.messages.retained import Retained, RetainedWithdrawn
from reflector.messages.sessions import Sessions
from reflector.messages.tables import Counters, Explanation, Peers, Routes, Sources

PROTOCOL_VERSION = 2
MAX_FRAME = 256 * 1024 * 1024
_HEAD = struct.Struct("!BI")


Reply = (
    Refused
    | Applied
    | Originated
    | Draining
    | Retained
    | RetainedWithdrawn
    | Subscribed
    | Peers
    | Sessions
    | Routes
    | Explanation
    | Sources
    | Counters
    | JournalStatus
    | LocRibUpdate
    | AgentStatus
    | KernelAnswer
    | Confirmed
    | NodeStatusReport
)

# What msgspec raises for octets that are not of a type: text that is not UTF-8 and nesting without end among them.
_NOT_OF_THE_TYPE = (msgspec.MsgspecError, ValueError, RecursionError)

_encoder = msgspec.msgpack.Encoder()
_request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_reply_decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class FrameError(ValueError):
    """The bytes are not a frame of this protocol; the connection cannot go on."""


def frame(message: msgspec.Struct, version: int = PROTOCOL_VERSION) -> bytes:
    """One message as it travels."""
    body = _encoder.encode(message)
    return _HEAD.pack(version, len(body)) + body


def decode_request(body: bytes) -> Request:
    """Raises FrameError for anything that is not a Request."""
    try:
        return _request_decoder.decode(body)
    except _NOT_OF_THE_TYPE as error:
        raise FrameError(f"not a request of this version: {error}") from error


def decode_reply(body: bytes) -> Reply:
    """Raises FrameError for anything that is not a Reply."""
    try:
        return _reply_decoder.decode(body)
    except _NOT_OF_THE_TYPE as error:
        raise FrameError(f"not a reply of this version: {error}") from error


class FrameReader:
    """Cuts a byte stream into frame bodies. Feed what was read; iterate over what is complete."""

    def __init__(self, limit: int = MAX_FRAME, version: int = PROTOCOL_VERSION) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._version = version

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yields complete bodies. Raises FrameError for a frame of another version, and when a length exceeds the
        limit."""
        buffer = self._buffer
        buffer += data
        while buffer:
            if buffer[0] != self._version:
                raise FrameError(f"this is version {self._version} of the protocol and that is version {buffer[0]}")
            if len(buffer) < _HEAD.size:
                return
            _, length = _HEAD.unpack_from(buffer)
            if length > self._limit:
                raise FrameError(f"a frame of {length} octets exceeds the limit of {self._limit}")
            end = _HEAD.size + length
            if len(buffer) < end:
                return
            body = bytes(buffer[_HEAD.size : end])
            del buffer[:end]
            yield body
