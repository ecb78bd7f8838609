"""Netlink attributes as octets (rtnetlink(7), linux/netlink.h). Integers are in the machine's order."""

from __future__ import annotations

import struct
from collections.abc import Iterator

# Families of a message; 4 and 6 elsewhere.
AF_UNSPEC, AF_INET, AF_BRIDGE, AF_INET6 = 0, 2, 7, 10

_HEADER = struct.Struct("=HH")
_U32 = struct.Struct("=I")
_TYPE_MASK = 0x3FFF  # the two upper bits mean "nested" and "network byte order"


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four octets."""
    length = _HEADER.size + len(value)
    return _HEADER.pack(length, kind) + value + b"\0" * (-length % 4)


def attribute_u32(kind: int, value: int) -> bytes:
    return attribute(kind, _U32.pack(value))


def attributes(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """(type, value) of each attribute from `offset` to the end of `data`."""
    end = len(data)
    while offset + _HEADER.size <= end:
        length, kind = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind & _TYPE_MASK, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def u32(value: bytes) -> int:
    (number,) = _U32.unpack(value)
    return int(number)


def text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")
