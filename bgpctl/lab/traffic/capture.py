"""Packets of an interface of a node, as a pcap file that Wireshark and tcpdump read.

The classic format: a header of 24 octets, then for each packet its time, its length and its octets, here with times in
nanoseconds and in this machine's byte order. The packets come from a packet socket (packet(7)) inside the namespace;
with the filter `bgp` the kernel drops all but TCP port 179 (RFC 4271 8.2.1) and sends no copies of anything else.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from bgpctl.errors import NotReadyError
from bgpctl.lab.netns import namespaces
from bgpctl.lab.traffic.capture_filter import BGP_PROGRAM, Filter, attach

_MAGIC_NANOSECONDS = 0xA1B23C4D
_FILE_HEADER = struct.Struct("=IHHiIII")
_PACKET_HEADER = struct.Struct("=IIII")
_VERSION = (2, 4)
_LINK_ETHERNET = 1
_LONGEST = 262_144
_ALL_PROTOCOLS = 0x0003
# socket(7); Python has no names for them. A stamp is a struct timespec.
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_TIMESPEC = struct.Struct("@ll")
_BUFFER = 8 << 20
# packet(7): counters of a socket, reset when they are read.
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_STATISTICS = struct.Struct("@II")
_LOOK_AROUND = 0.2


@dataclass(frozen=True, slots=True)
class Captured:
    """`dropped` packets came faster than they were written."""

    packets: int
    dropped: int


def capture(
    namespace: str,
    interface: str,
    output: BinaryIO,
    which: Filter = Filter.BGP,
    until: Callable[[], bool] = lambda: False,
) -> Captured:
    """Writes what passes the interface, both ways, until `until()`; it is asked five times a second. Raises
    NotReadyError when there is no such interface, or it is removed."""
    packets = 0
    with open_socket(namespace, interface, which) as source:
        output.write(_FILE_HEADER.pack(_MAGIC_NANOSECONDS, *_VERSION, 0, 0, _LONGEST, _LINK_ETHERNET))
        output.flush()
        source.settimeout(_LOOK_AROUND)
        while not until():
            try:
                packet, stamps, _, _ = source.recvmsg(_LONGEST, socket.CMSG_SPACE(_TIMESPEC.size))
            except TimeoutError:
                continue
            except OSError as error:
                raise NotReadyError(f"{interface} in {namespace} can no longer be read: {error.strerror}") from error
            output.write(_packet(packet, stamps))
            output.flush()
            packets += 1
        _, dropped = _STATISTICS.unpack(source.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size))
    return Captured(packets, int(dropped))


def open_socket(namespace: str, interface: str, which: Filter) -> socket.socket:
    """Receives nothing before it is bound, and then only what passes the interface."""
    with namespaces.inside(namespace):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            if which is Filter.BGP:
                attach(opened, BGP_PROGRAM)
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            opened.bind((interface, _ALL_PROTOCOLS))
        except OSError as error:
            opened.close()
            there = ", ".join(name for _, name in socket.if_nameindex())
            raise NotReadyError(f"no capture on {interface!r}: {error.strerror}; {namespace} has {there}") from error
    return opened


def _packet(packet: bytes, stamps: list[tuple[int, int, bytes]]) -> bytes:
    seconds, nanoseconds = _TIMESPEC.unpack(stamps[0][2]) if stamps else divmod(time.time_ns(), 1_000_000_000)
    return _PACKET_HEADER.pack(int(seconds), int(nanoseconds), len(packet), len(packet)) + packet
