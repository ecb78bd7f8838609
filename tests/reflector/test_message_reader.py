"""Cutting what a peer sends into messages (RFC 4271 4.1 and 6.1, RFC 8654)."""

from __future__ import annotations

import pytest

from reflector.wire.message import (
    KEEPALIVE,
    MARKER,
    MessageReader,
    MessageType,
    describe_notification,
    message,
    notification,
)

STREAM = KEEPALIVE + message(MessageType.UPDATE, b"\0\0\0\0") + notification(6, 2) + KEEPALIVE
MESSAGES = [
    (MessageType.KEEPALIVE, b""),
    (MessageType.UPDATE, b"\0\0\0\0"),
    (MessageType.NOTIFICATION, b"\x06\x02"),
    (MessageType.KEEPALIVE, b""),
]


def a_header(length: int, kind: int, marker: bytes = MARKER) -> bytes:
    return marker + length.to_bytes(2, "big") + bytes((kind,))


@pytest.mark.parametrize("boundary", range(len(STREAM) + 1))
def test_a_split_at_any_octet_gives_the_same_messages(boundary: int) -> None:
    reader = MessageReader()
    assert reader.feed(STREAM[:boundary]) + reader.feed(STREAM[boundary:]) == MESSAGES


def test_octet_by_octet_gives_the_same_messages() -> None:
    reader = MessageReader()
    assert [item for octet in STREAM for item in reader.feed(bytes((octet,)))] == MESSAGES


@pytest.mark.parametrize(
    ("header", "subcode", "data"),
    [
        pytest.param(a_header(19, 4, b"\xff" * 15 + b"\xfe"), 1, b"", id="marker not all ones"),
        pytest.param(a_header(18, 4), 2, b"\x00\x12", id="shorter than a header"),
        pytest.param(a_header(4097, 2), 2, b"\x10\x01", id="longer than 4096"),
        pytest.param(a_header(22, 2), 2, b"\x00\x16", id="UPDATE without its two lengths"),
        pytest.param(a_header(20, 3), 2, b"\x00\x14", id="NOTIFICATION without a subcode"),
        pytest.param(a_header(20, 4), 2, b"\x00\x14", id="KEEPALIVE with a body"),
        pytest.param(a_header(28, 1), 2, b"\x00\x1c", id="OPEN too short"),
        pytest.param(a_header(18, 77), 2, b"\x00\x12", id="length is looked at before type"),
        pytest.param(a_header(19, 0), 3, b"\x00", id="type 0"),
        pytest.param(a_header(19, 6), 3, b"\x06", id="type 6"),
    ],
)
def test_a_bad_header_is_a_message_header_error(header: bytes, subcode: int, data: bytes) -> None:
    """RFC 4271 6.1: what is erroneous goes into the NOTIFICATION's data."""
    reader = MessageReader()
    assert reader.feed(KEEPALIVE + header + KEEPALIVE) == [(MessageType.KEEPALIVE, b"")]
    assert reader.error is not None
    assert (reader.error.code, reader.error.subcode, reader.error.data) == (1, subcode, data)
    assert reader.feed(KEEPALIVE) == []


def test_extended_messages_raise_the_limit() -> None:
    """RFC 8654 4."""
    update = message(MessageType.UPDATE, bytes(65535 - 19))
    assert MessageReader(65535).feed(update) == [(MessageType.UPDATE, bytes(65535 - 19))]


def test_a_bad_length_is_noticed_before_the_body_arrives() -> None:
    reader = MessageReader()
    assert reader.feed(a_header(5000, 2)) == []
    assert reader.error is not None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"\x06\x02", "cease (administrative shutdown)"),
        (b"\x06\x02\x04over", "cease (administrative shutdown): 'over'"),
        (b"\x06\x02\xffcut", "cease (administrative shutdown)"),
        (b"\x06\x04\x01\xff", "cease (administrative reset): '\ufffd'"),
        (b"\x03\x0a", "update message (10)"),
        (b"\x63\x00", "unknown 99 (0)"),
        (b"\x06\x09", "cease (hard reset)"),
        (b"\x06\x09\x06", "cease (hard reset)"),
        (b"\x06\x09\x06\x02\x04over", "cease (hard reset): cease (administrative shutdown): 'over'"),
        (b"\x06\x09\x06\x09\x06\x02", "cease (hard reset): cease (hard reset)"),
    ],
)
def test_a_notification_in_words(body: bytes, text: str) -> None:
    """RFC 4486, RFC 9003 2: the shutdown text counts only if it is whole. RFC 8538 3.1: what a hard reset is for."""
    assert describe_notification(body) == text
