"""Netlink messages: the header, and what is common to all kinds (netlink(7)). Integers are in the machine's order."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from typing import NamedTuple

REQUEST, MULTI, ACK, DUMP_INTERRUPTED, ACK_TLVS, DUMP = 0x1, 0x2, 0x4, 0x10, 0x200, 0x300
REPLACE, EXCL, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800
ERROR, DONE = 2, 3
# What the kernel answers where it has no such address family.
NO_FAMILY = frozenset((errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.ENOENT))

HEADER = struct.Struct("=IHHII")
_ERRNO = struct.Struct("=i")


class Request(NamedTuple):
    """One message before it has a sequence number: RTM_* type, flags beyond REQUEST, payload."""

    kind: int
    flags: int
    body: bytes

    def packed(self, sequence: int) -> bytes:
        return HEADER.pack(HEADER.size + len(self.body), self.kind, self.flags | REQUEST, sequence, 0) + self.body


class Message(NamedTuple):
    """RTM_* or NLMSG_* type, flags, sequence number, payload."""

    kind: int
    flags: int
    sequence: int
    body: bytes

    @property
    def errno(self) -> int:
        """Of ERROR and DONE; 0 for success."""
        return -int(_ERRNO.unpack_from(self.body)[0]) if len(self.body) >= _ERRNO.size else 0


def messages(data: memoryview) -> Iterator[Message]:
    """The messages of one datagram."""
    offset, end = 0, len(data)
    while offset + HEADER.size <= end:
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
        if length < HEADER.size:
            return
        yield Message(kind, flags, sequence, bytes(data[offset + HEADER.size : offset + length]))
        offset += (length + 3) & ~3
