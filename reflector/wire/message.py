"""BGP messages as frames: header, KEEPALIVE, NOTIFICATION, ROUTE-REFRESH, and cutting a byte stream into them.

Rule: a frame is checked (marker, length, type) before anything looks at its body; a bad one is a NotificationError.
Source: RFC 4271 4 and 6.1, RFC 8654 (extended messages), RFC 2918 and RFC 7313 (route refresh), RFC 8538 (hard reset).
"""

from __future__ import annotations

import struct
from enum import IntEnum

MARKER = b"\xff" * 16
HEADER_LENGTH = 19
MAX_LENGTH = 4096
MAX_EXTENDED_LENGTH = 65535


class MessageType(IntEnum):
    OPEN = 1
    UPDATE = 2
    NOTIFICATION = 3
    KEEPALIVE = 4
    ROUTE_REFRESH = 5


class ErrorCode(IntEnum):
    """RFC 4271 4.5, RFC 7313 5, RFC 9687 3."""

    MESSAGE_HEADER = 1
    OPEN_MESSAGE = 2
    UPDATE_MESSAGE = 3
    HOLD_TIMER_EXPIRED = 4
    FINITE_STATE_MACHINE = 5
    CEASE = 6
    ROUTE_REFRESH = 7
    SEND_HOLD_TIMER_EXPIRED = 8


class OpenError(IntEnum):
    """RFC 4271 6.2, RFC 5492 3, RFC 9234 4.2."""

    UNSUPPORTED_VERSION = 1
    BAD_PEER_AS = 2
    BAD_BGP_IDENTIFIER = 3
    UNSUPPORTED_OPTIONAL_PARAMETER = 4
    UNACCEPTABLE_HOLD_TIME = 6
    UNSUPPORTED_CAPABILITY = 7
    ROLE_MISMATCH = 11


class Cease(IntEnum):
    """RFC 4486, RFC 8538 (hard reset)."""

    MAXIMUM_PREFIXES = 1
    ADMINISTRATIVE_SHUTDOWN = 2
    PEER_DECONFIGURED = 3
    ADMINISTRATIVE_RESET = 4
    CONNECTION_REJECTED = 5
    OTHER_CONFIGURATION_CHANGE = 6
    CONNECTION_COLLISION = 7
    OUT_OF_RESOURCES = 8
    HARD_RESET = 9


class NotificationError(Exception):
    """The peer broke the protocol beyond repair: send this NOTIFICATION and close (RFC 4271 6)."""

    def __init__(self, code: int, subcode: int, reason: str, data: bytes = b"") -> None:
        super().__init__(reason)
        self.code = code
        self.subcode = subcode
        self.reason = reason
        self.data = data

    def message(self) -> bytes:
        return notification(self.code, self.subcode, self.data)


# The shortest legal length of each type; a KEEPALIVE is never longer either.
_MIN_LENGTH: dict[int, int] = {
    MessageType.OPEN: 29,
    MessageType.UPDATE: 23,
    MessageType.NOTIFICATION: 21,
    MessageType.KEEPALIVE: 19,
    MessageType.ROUTE_REFRESH: 23,
}


def message(kind: MessageType, body: bytes = b"") -> bytes:
    """One framed message."""
    return b"%b%b%b" % (MARKER, struct.pack("!HB", HEADER_LENGTH + len(body), kind), body)


KEEPALIVE = message(MessageType.KEEPALIVE)


def notification(code: int, subcode: int, data: bytes = b"") -> bytes:
    """A NOTIFICATION message (RFC 4271 4.5)."""
    return message(MessageType.NOTIFICATION, bytes((code, subcode)) + data)


def hard_reset(body: bytes) -> bytes:
    """The NOTIFICATION that ends a session for good, with the body of another one as the reason (RFC 8538 3)."""
    return notification(ErrorCode.CEASE, Cease.HARD_RESET, body)


def is_hard_reset(body: bytes) -> bool:
    return body[:2] == bytes((ErrorCode.CEASE, Cease.HARD_RESET))


def describe_notification(body: bytes) -> str:
    """A received NOTIFICATION body for a person: names, and the shutdown text of RFC 9003 if there is one; of a hard
    reset also what it encapsulates (RFC 8538 3.1)."""
    if is_hard_reset(body) and len(body) >= 4:
        return f"{_describe(body)}: {_describe(body[2:])}"
    return _describe(body)


def _describe(body: bytes) -> str:
    code, subcode = body[0], body[1]
    name = _name(ErrorCode, code)
    detail = _name(_SUBCODES[code], subcode) if code in _SUBCODES else str(subcode)
    text = ""
    if code == ErrorCode.CEASE and subcode in _WITH_TEXT and len(body) > 3 and body[2] <= len(body) - 3:
        text = f": {body[3 : 3 + body[2]].decode('utf-8', 'replace')!r}"
    return f"{name} ({detail}){text}"


_SUBCODES: dict[int, type[IntEnum]] = {ErrorCode.OPEN_MESSAGE: OpenError, ErrorCode.CEASE: Cease}
_WITH_TEXT = (Cease.ADMINISTRATIVE_SHUTDOWN, Cease.ADMINISTRATIVE_RESET)


def _name(enum: type[IntEnum], value: int) -> str:
    try:
        return enum(value).name.replace("_", " ").lower()
    except ValueError:
        return f"unknown {value}"


class MessageReader:
    """Cuts what a peer sent into (type, body) pairs. `limit` is 4096, or 65535 with extended messages. `error` is what
    was wrong with the first bad header: nothing behind it is a message any more, everything before it still is."""

    __slots__ = ("_rest", "error", "limit")

    def __init__(self, limit: int = MAX_LENGTH) -> None:
        self._rest = b""
        self.error: NotificationError | None = None
        self.limit = limit

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """All messages that `data` completes, up to a bad header."""
        if self.error is not None:
            return []
        if self._rest:
            data = self._rest + data
        messages: list[tuple[int, bytes]] = []
        position, size = 0, len(data)
        while size - position >= HEADER_LENGTH:
            length = data[position + 16] << 8 | data[position + 17]
            kind = data[position + 18]
            if (
                data[position : position + 16] != MARKER
                or length > self.limit
                or length < _MIN_LENGTH.get(kind, 65536)
                or (kind == MessageType.KEEPALIVE and length != HEADER_LENGTH)
            ):
                self.error = _header_error(data[position : position + HEADER_LENGTH], length, kind, self.limit)
                break
            end = position + length
            if end > size:
                break
            messages.append((kind, data[position + HEADER_LENGTH : end]))
            position = end
        self._rest = data[position:]
        return messages


def _header_error(header: bytes, length: int, kind: int, limit: int) -> NotificationError:
    """RFC 4271 6.1, in its order: synchronisation, length, type."""
    if header[:16] != MARKER:
        return NotificationError(ErrorCode.MESSAGE_HEADER, 1, "connection not synchronised: the marker is not all ones")
    if kind in _MIN_LENGTH or not HEADER_LENGTH <= length <= limit:
        return NotificationError(
            ErrorCode.MESSAGE_HEADER, 2, f"bad message length {length} for type {kind}", header[16:18]
        )
    return NotificationError(ErrorCode.MESSAGE_HEADER, 3, f"bad message type {kind}", header[18:19])
