"""TCP port 179 as a program for the kernel's packet filter (classic BPF, socket(7) SO_ATTACH_FILTER).

    IPv4   protocol 6, not a later fragment, source or destination port 179
    IPv6   next header 6 directly behind the fixed header, source or destination port 179

It does not look behind a VLAN tag; the kernel takes tags off before a socket sees the frame.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable
from enum import StrEnum


class Filter(StrEnum):
    """What of the packets is captured."""

    BGP = "bgp"
    ALL = "all"


BGP_PORT = 179
_SO_ATTACH_FILTER = 26
# linux/bpf_common.h: class, size and mode, one operation each.
_LOAD_HALF, _LOAD_BYTE, _LOAD_HALF_AT_X = 0x28, 0x30, 0x48
# X = 4 * (packet[k] & 0x0f): the length of an IPv4 header.
_LOAD_X_HEADER_LENGTH = 0xB1
_JUMP_EQUAL, _JUMP_SET, _RETURN = 0x15, 0x45, 0x06
_IPV4, _IPV6, _TCP = 0x0800, 0x86DD, 6
_WHOLE_PACKET, _NOTHING = 0xFFFFFFFF, 0
_INSTRUCTION = struct.Struct("=HBBI")

# Operation, how many instructions to skip if it holds and if it does not, operand. Offsets are those in the frame.
BGP_PROGRAM: tuple[tuple[int, int, int, int], ...] = (
    (_LOAD_HALF, 0, 0, 12),  # 0   EtherType
    (_JUMP_EQUAL, 0, 9, _IPV4),  # 1   otherwise to 11
    (_LOAD_BYTE, 0, 0, 23),  # 2   protocol
    (_JUMP_EQUAL, 0, 15, _TCP),  # 3   otherwise to 19
    (_LOAD_HALF, 0, 0, 20),  # 4   flags and fragment offset
    (_JUMP_SET, 13, 0, 0x1FFF),  # 5   a later fragment: to 19
    (_LOAD_X_HEADER_LENGTH, 0, 0, 14),  # 6
    (_LOAD_HALF_AT_X, 0, 0, 14),  # 7   source port
    (_JUMP_EQUAL, 9, 0, BGP_PORT),  # 8   to 18
    (_LOAD_HALF_AT_X, 0, 0, 16),  # 9   destination port
    (_JUMP_EQUAL, 7, 8, BGP_PORT),  # 10  to 18, otherwise to 19
    (_JUMP_EQUAL, 0, 7, _IPV6),  # 11  otherwise to 19
    (_LOAD_BYTE, 0, 0, 20),  # 12  next header
    (_JUMP_EQUAL, 0, 5, _TCP),  # 13  otherwise to 19
    (_LOAD_HALF, 0, 0, 54),  # 14  source port
    (_JUMP_EQUAL, 2, 0, BGP_PORT),  # 15  to 18
    (_LOAD_HALF, 0, 0, 56),  # 16  destination port
    (_JUMP_EQUAL, 0, 1, BGP_PORT),  # 17  otherwise to 19
    (_RETURN, 0, 0, _WHOLE_PACKET),  # 18
    (_RETURN, 0, 0, _NOTHING),  # 19
)


def attach(target: socket.socket, program: Iterable[tuple[int, int, int, int]]) -> None:
    """The socket receives only what the program returns. Raises OSError."""
    code = b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: the number of instructions, and where they are.
    count = len(code) // _INSTRUCTION.size
    target.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", count, ctypes.addressof(buffer)))
