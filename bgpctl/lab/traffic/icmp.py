"""Echo requests and replies as octets: ICMP (RFC 792) and ICMPv6 (RFC 4443 4), for raw sockets.

The kernel sums ICMPv6 itself (RFC 3542 3.1) and gives raw ICMPv6 sockets no IP header; for ICMP this module does both.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

LARGEST_ANSWER = 2048
HEADER = struct.Struct("!BBHHH")
_PAYLOAD = b"bgpctl lab test "


@dataclass(frozen=True, slots=True)
class EchoFamily:
    """What differs between the two families: the socket's, and the types of request and reply."""

    address_family: int
    protocol: int
    request: int
    reply: int

    def open(self) -> socket.socket:
        """A socket that does not block, in the calling thread's network namespace. Raises OSError."""
        opened = socket.socket(self.address_family, socket.SOCK_RAW, self.protocol)
        opened.setblocking(False)
        return opened

    def encode(self, identifier: int, sequence: int) -> bytes:
        """`identifier` and `sequence` are 16 bits each."""
        unsummed = HEADER.pack(self.request, 0, 0, identifier, sequence) + _PAYLOAD
        return HEADER.pack(self.request, 0, _checksum(unsummed), identifier, sequence) + _PAYLOAD

    def reply_sequence(self, packet: bytes, identifier: int) -> int | None:
        """The sequence number if the packet is a reply to `identifier`, else None."""
        start = 0 if self is ICMPV6 else (packet[0] & 0x0F) * 4  # octets of the IP header (RFC 791 3.1)
        if len(packet) < start + HEADER.size:
            return None
        kind, _, _, answered, sequence = HEADER.unpack_from(packet, start)
        return sequence if kind == self.reply and answered == identifier else None


ICMP = EchoFamily(socket.AF_INET, socket.IPPROTO_ICMP, 8, 0)
ICMPV6 = EchoFamily(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129)


def family_of(address: str) -> EchoFamily:
    return ICMPV6 if ":" in address else ICMP


def _checksum(data: bytes) -> int:
    """The ones' complement sum of 16-bit words (RFC 1071)."""
    words: Iterable[tuple[int]] = struct.iter_unpack("!H", data)
    total = sum(word for (word,) in words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
