"""The sockets to the kernel's route netlink.

`Requests` writes and dumps. Writes go out many to a datagram. The kernel works through it in order while we send, and
answers every failure with its sequence number; success only of the last one, and that is an answer for all before it.
So an error belongs to its request, the others stand, and an answer a route is saved. Answers are only lost when the
receive buffer is full, and then the last one is lost as well.
`Monitor` receives what happens to links, addresses and routes. The kernel drops notifications when we read too slowly
and reports that (ENOBUFS): it is an Overrun, and only a dump is the truth then.

A socket belongs to the network namespace of the thread that opens it. Source: netlink(7), rtnetlink(7).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from array import array
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from reflector.kernel.netlink.attributes import attributes, text
from reflector.kernel.netlink.link_message import PERMISSION_PROBE
from reflector.kernel.netlink.message import (
    ACK,
    ACK_TLVS,
    DONE,
    DUMP_INTERRUPTED,
    ERROR,
    HEADER,
    Message,
    Request,
    messages,
)
from reflector.kernel.netlink.socket_filter import Step, assembled, not_from

_FLAGS = struct.Struct("=H")
_FLAGS_AT = 6
_ERROR_TEXT, _ERRNO_SIZE = 1, 4
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT_DUMP = 270, 10, 11, 12
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33


def _groups(*numbers: int) -> int:
    return sum(1 << (number - 1) for number in numbers)


# RTNLGRP_* (linux/rtnetlink.h): LINK, IPV4_IFADDR, IPV6_IFADDR; IPV4_ROUTE, IPV6_ROUTE and the two NETCONF; NEIGH.
LINKS_AND_ADDRESSES = _groups(1, 5, 9)
EVERYTHING = LINKS_AND_ADDRESSES | _groups(7, 11, 24, 25)
NEIGHBOURS_TOO = EVERYTHING | _groups(3)
RECEIVE_BUFFER = 8 * 1024 * 1024
_READ_SIZE = 256 * 1024
_DATAGRAM = 96 * 1024  # well below the send buffer's usual 208 KiB
_BATCH = 256  # the answers have to fit the receive buffer, also where it could not be enlarged
_ANSWER_SECONDS = 10
_LAST_SEQUENCE = 0xF0000000  # 32 bits wide, with room for a batch


def open_socket(groups: int, receive_buffer: int, steps: Sequence[Step] = ()) -> socket.socket:
    """A route netlink socket that receives these groups, through this filter. `receive_buffer` in octets; the kernel
    counts about 1 KiB a message."""
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        try:
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
        except PermissionError:
            # Without CAP_NET_ADMIN in the first user namespace, net.core.rmem_max is the limit.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        opened.setsockopt(_SOL_NETLINK, _STRICT_DUMP, 1)
        if steps:
            attach(opened, steps)
        opened.bind((0, groups))
    except OSError:
        opened.close()
        raise
    return opened


def attach(opened: socket.socket, steps: Sequence[Step]) -> None:
    """From here on the socket receives only what this filter takes."""
    program = array("B", assembled(steps))
    address, octets = program.buffer_info()
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", octets // 8, address))


class Overrun(Exception):  # noqa: N818 - an event of the protocol, not a fault
    """The kernel dropped messages to us."""


class DumpInterrupted(Exception):  # noqa: N818 - see above
    """The table changed under the dump, which may have missed entries: repeat it."""


class Refusal(NamedTuple):
    """Why the kernel did not carry out a request."""

    errno: int
    reason: str


class Requests:
    """A socket for writes and dumps. Not for several callers at once."""

    def __init__(self, receive_buffer: int = RECEIVE_BUFFER) -> None:
        self._socket = open_socket(0, receive_buffer)
        self._socket.settimeout(_ANSWER_SECONDS)
        self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        self._sequence = 0
        self._buffer = bytearray(_READ_SIZE)
        self.portid: int = self._socket.getsockname()[0]

    def close(self) -> None:
        self._socket.close()

    def may_write(self) -> bool:
        """Whether the kernel does not refuse every write."""
        (refusal,) = self.batch([PERMISSION_PROBE])
        return refusal is None or refusal.errno not in (errno.EPERM, errno.EACCES)

    def batch(self, requests: Sequence[Request]) -> list[Refusal | None]:
        """Carries out the requests in order; the answers are in the same order, None for success.

        Raises Overrun when answers were lost: what was carried out is then unknown."""
        answers: list[Refusal | None] = []
        while len(answers) < len(requests):
            self._wrap()
            first = self._sequence + 1
            packet = bytearray()
            last = 0
            for request in requests[len(answers) : len(answers) + _BATCH]:
                last = len(packet)
                self._append(packet, request)
                if len(packet) > _DATAGRAM:
                    break
            (flags,) = _FLAGS.unpack_from(packet, last + _FLAGS_AT)
            _FLAGS.pack_into(packet, last + _FLAGS_AT, flags | ACK)
            self._socket.send(packet)
            answers += self._read_answers(first)
        return answers

    def ask(self, request: Request) -> bytes:
        """The payload of the one answer. Raises OSError with what the kernel answers instead."""
        self._wrap()
        packet = bytearray()
        self._append(packet, request)
        self._socket.send(packet)
        while True:
            for message in self._receive():
                if message.sequence != self._sequence:
                    continue
                if message.kind == ERROR:
                    raise OSError(message.errno, os.strerror(message.errno))
                return message.body

    def dump(self, request: Request) -> Generator[list[tuple[int, bytes]], None, None]:
        """(type, payload) of every entry, a list for each piece that the kernel hands out.

        Raises DumpInterrupted at the end, OSError when the kernel refuses. A dump that the caller abandons is read
        to its end, because the kernel allows one at a time."""
        self._wrap()
        packet = bytearray()
        self._append(packet, request)
        self._socket.send(packet)
        interrupted = done = False
        try:
            while not done:
                piece, done, torn = self._read_piece()
                interrupted |= torn
                yield piece
        except GeneratorExit:
            while not done:
                _, done, _ = self._read_piece()
            raise
        if interrupted:
            raise DumpInterrupted

    def _read_piece(self) -> tuple[list[tuple[int, bytes]], bool, bool]:
        """Entries of the running dump, whether they were the last, whether the kernel reports that it was torn."""
        piece: list[tuple[int, bytes]] = []
        interrupted = False
        for message in self._receive():
            if message.sequence != self._sequence:
                continue
            interrupted |= bool(message.flags & DUMP_INTERRUPTED)
            if message.kind in (ERROR, DONE):
                if message.errno:
                    raise OSError(message.errno, os.strerror(message.errno))
                return piece, True, interrupted
            piece.append((message.kind, message.body))
        return piece, False, interrupted

    def _wrap(self) -> None:
        if self._sequence > _LAST_SEQUENCE:
            self._sequence = 0

    def _append(self, packet: bytearray, request: Request) -> None:
        self._sequence += 1
        packet += request.packed(self._sequence)
        packet += b"\0" * (-len(packet) % 4)

    def _read_answers(self, first: int) -> list[Refusal | None]:
        """The answers to the sequence numbers from `first` to the last that was sent."""
        last = self._sequence
        answers: list[Refusal | None] = [None] * (last - first + 1)
        while True:
            for message in self._receive():
                if message.kind != ERROR or not first <= message.sequence <= last:
                    continue  # left over from a batch whose answers were lost
                if message.errno:
                    answers[message.sequence - first] = _refusal(message)
                if message.sequence == last:
                    return answers

    def _receive(self) -> Iterator[Message]:
        try:
            size = self._socket.recv_into(self._buffer)
        except OSError as error:
            if error.errno == errno.ENOBUFS or isinstance(error, TimeoutError):
                self._discard()
                raise Overrun from error
            raise
        return messages(memoryview(self._buffer)[:size])

    def _discard(self) -> None:
        """Or every answer to the next batch would be dropped, and we would wait for it."""
        self._socket.setblocking(False)
        try:
            empty(self._socket, self._buffer)
        finally:
            self._socket.settimeout(_ANSWER_SECONDS)


class Monitor:
    """A socket that receives notifications, without those that `own_portid` caused and the daily work of ARP: the
    kernel itself leaves these out, so that 100,000 routes of ours or many neighbours wake no one."""

    def __init__(self, own_portid: int = 0, receive_buffer: int = RECEIVE_BUFFER, groups: int = EVERYTHING) -> None:
        self._socket = open_socket(groups, receive_buffer, not_from(own_portid) if own_portid else ())
        self._socket.setblocking(False)
        self._buffer = bytearray(_READ_SIZE)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self, limit: int) -> tuple[list[Message], bool]:
        """Notifications that have come, in up to `limit` datagrams, and whether those were all.

        Raises Overrun when some were lost; the rest is then discarded, because only a whole dump helps."""
        found: list[Message] = []
        try:
            for _ in range(limit):
                piece = self._receive()
                if piece is None:
                    return found, True
                found += piece
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            empty(self._socket, self._buffer)
            raise Overrun from error
        return found, False

    def _receive(self) -> list[Message] | None:
        """The notifications of one datagram; None when there is none now."""
        try:
            size = self._socket.recv_into(self._buffer)
        except BlockingIOError:
            return None
        return list(messages(memoryview(self._buffer)[:size]))


def empty(opened: socket.socket, buffer: bytearray) -> None:
    """Reads a non-blocking socket to its end. The kernel reports ENOBUFS once, and until we have seen the end of the
    queue it goes on dropping without a report: a dump that is made before that may be outdated."""
    while True:
        try:
            opened.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise


def _refusal(message: Message) -> Refusal:
    """With the kernel's own words where it has some, else the name of the error."""
    code, words = message.errno, b""
    if message.flags & ACK_TLVS:
        words = dict(attributes(message.body, _ERRNO_SIZE + HEADER.size)).get(_ERROR_TEXT, b"")
    name = os.strerror(code)
    return Refusal(code, f"{text(words).rstrip('.')} ({name})" if words else name)
