"""The edge to the kernel: two netlink sockets.

`Requests` writes and dumps. Writes go out many to a datagram. The kernel works through it in order while we send, and
answers every failure with its sequence number; success it tells only of the last one, which says that all before it
were carried out too. So an error belongs to its request, the others stand, and an answer a route is saved. Answers are
only lost when the receive buffer is full, and then the last one is lost as well.
`Monitor` hears what happens to links, addresses and routes. The kernel drops notifications when we read too slowly
and says so (ENOBUFS): that is an Overrun, and only a dump tells the truth then.

Both sockets belong to the network namespace of the thread that opens them. Source: netlink(7), rtnetlink(7).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from array import array
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from reflector.kernel.attributes import ACK, REQUEST, Request, attributes, text
from reflector.kernel.link_message import NEWNEIGH, NUD_PERMANENT, PERMISSION_PROBE

_HEADER = struct.Struct("=IHHII")
_FLAGS = struct.Struct("=H")
_FLAGS_AT = 6
_ERRNO = struct.Struct("=i")
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_DUMP_INTERRUPTED, _ACK_TLVS = 0x10, 0x200
_ERROR_TEXT = 1
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT_DUMP = 270, 10, 11, 12
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
# What a Monitor hears: RTNLGRP_LINK, IPV4_IFADDR, IPV6_IFADDR; IPV4_ROUTE, IPV6_ROUTE as well; and NEIGH.
LINKS_AND_ADDRESSES = sum(1 << (group - 1) for group in (1, 5, 9))
EVERYTHING = LINKS_AND_ADDRESSES | sum(1 << (group - 1) for group in (7, 11))
NEIGHBOURS_TOO = EVERYTHING | 1 << (3 - 1)
RECEIVE_BUFFER = 8 * 1024 * 1024
_READ_SIZE = 256 * 1024
_DATAGRAM = 96 * 1024  # well below the send buffer's usual 208 KiB
_BATCH = 256  # the answers have to fit the receive buffer, also where it could not be enlarged
_ANSWER_SECONDS = 10
_LAST_SEQUENCE = 0xF0000000  # 32 bits wide, with room for a batch


class Overrun(Exception):  # noqa: N818 - an event of the protocol, not a fault
    """The kernel dropped messages to us."""


class DumpInterrupted(Exception):  # noqa: N818 - see above
    """The table changed under the dump, which may have missed entries: repeat it."""


class Refusal(NamedTuple):
    """Why the kernel did not carry out a request."""

    errno: int
    reason: str


class Notification(NamedTuple):
    """RTM_* type, flags of the request that caused it, payload."""

    kind: int
    flags: int
    body: bytes


class Requests:
    """A socket for writes and dumps. Not for several callers at once."""

    def __init__(self, receive_buffer: int = RECEIVE_BUFFER) -> None:
        self._socket = _open(groups=0, receive_buffer=receive_buffer)
        self._socket.settimeout(_ANSWER_SECONDS)
        self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _STRICT_DUMP, 1)
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
                self._append(packet, request, 0)
                if len(packet) > _DATAGRAM:
                    break
            (flags,) = _FLAGS.unpack_from(packet, last + _FLAGS_AT)
            _FLAGS.pack_into(packet, last + _FLAGS_AT, flags | ACK)
            self._socket.send(packet)
            answers += self._read_answers(first)
        return answers

    def dump(self, request: Request) -> Generator[list[tuple[int, bytes]], None, None]:
        """(type, payload) of every entry, a list for each piece that the kernel hands out.

        Raises DumpInterrupted at the end, OSError when the kernel refuses. A dump that the caller abandons is read
        to its end, because the kernel allows one at a time."""
        self._wrap()
        packet = bytearray()
        self._append(packet, request, 0)
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
        """Entries of the running dump, whether they were the last, whether the kernel says it was interrupted."""
        piece: list[tuple[int, bytes]] = []
        interrupted = False
        for kind, flags, sequence, body in self._receive():
            if sequence != self._sequence:
                continue
            interrupted |= bool(flags & _DUMP_INTERRUPTED)
            if kind in (_NLMSG_ERROR, _NLMSG_DONE):
                if _errno(body):
                    raise OSError(_errno(body), os.strerror(_errno(body)))
                return piece, True, interrupted
            piece.append((kind, body))
        return piece, False, interrupted

    def _wrap(self) -> None:
        if self._sequence > _LAST_SEQUENCE:
            self._sequence = 0

    def _append(self, packet: bytearray, request: Request, flags: int) -> None:
        self._sequence += 1
        length = _HEADER.size + len(request.body)
        packet += _HEADER.pack(length, request.kind, request.flags | REQUEST | flags, self._sequence, 0)
        packet += request.body
        if length % 4:
            packet += b"\0" * (-length % 4)

    def _read_answers(self, first: int) -> list[Refusal | None]:
        """The answers to the sequence numbers from `first` to the last that was sent."""
        last = self._sequence
        answers: list[Refusal | None] = [None] * (last - first + 1)
        while True:
            for kind, flags, sequence, body in self._receive():
                if kind != _NLMSG_ERROR or not first <= sequence <= last:
                    continue  # left over from a batch whose answers were lost
                if _errno(body):
                    answers[sequence - first] = _refusal(body, flags)
                if sequence == last:
                    return answers

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        try:
            size = self._socket.recv_into(self._buffer)
        except OSError as error:
            if error.errno == errno.ENOBUFS or isinstance(error, TimeoutError):
                self._discard()
                raise Overrun from error
            raise
        return _messages(memoryview(self._buffer)[:size])

    def _discard(self) -> None:
        """Or every answer to the next batch would be dropped, and we would wait for it."""
        self._socket.setblocking(False)
        try:
            _empty(self._socket, self._buffer)
        finally:
            self._socket.settimeout(_ANSWER_SECONDS)


class Monitor:
    """A socket that hears notifications, but for those that `own_portid` caused and the daily work of ARP: the kernel
    itself leaves these out, so that 100,000 routes of ours or many neighbours wake nobody. `receive_buffer` in octets;
    the kernel counts about 1 KiB a message."""

    def __init__(self, own_portid: int = 0, receive_buffer: int = RECEIVE_BUFFER, groups: int = EVERYTHING) -> None:
        self._socket = _open(groups, receive_buffer, without=own_portid)
        self._socket.setblocking(False)
        self._buffer = bytearray(_READ_SIZE)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self, limit: int) -> tuple[list[Notification], bool]:
        """Notifications that have come, in up to `limit` datagrams, and whether those were all.

        Raises Overrun when some were lost; the rest is then discarded, because only a whole dump helps."""
        found: list[Notification] = []
        try:
            for _ in range(limit):
                piece = self._receive()
                if piece is None:
                    return found, True
                found += piece
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            _empty(self._socket, self._buffer)
            raise Overrun from error
        return found, False

    def _receive(self) -> list[Notification] | None:
        """The notifications of one datagram; None when there is none now."""
        try:
            size = self._socket.recv_into(self._buffer)
        except BlockingIOError:
            return None
        messages = _messages(memoryview(self._buffer)[:size])
        return [Notification(kind, flags, body) for kind, flags, _, body in messages]


def _open(groups: int, receive_buffer: int, without: int = 0) -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
    except PermissionError:
        # Without CAP_NET_ADMIN in the first user namespace, net.core.rmem_max is the limit.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if without:
        _leave_out(opened, without)
    opened.bind((0, groups))
    return opened


def _empty(opened: socket.socket, buffer: bytearray) -> None:
    """Reads a non-blocking socket to its end. The kernel says ENOBUFS once, and until we have seen the end of the queue
    it goes on dropping in silence: a dump that is made before that may be outdated without anybody telling."""
    while True:
        try:
            opened.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise


def _leave_out(opened: socket.socket, portid: int) -> None:
    """A filter on the sender in the header (linux/Documentation/networking/filter.rst): a notification is a datagram of
    its own, so the first header is the only one. Words are loaded in network order."""
    (sender,) = struct.unpack("!I", struct.pack("=I", portid))
    program = array("B", b"".join(struct.pack("=HBBI", *instruction) for instruction in _worth_hearing(sender)))
    address, octets = program.buffer_info()
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", octets // 8, address))


def _worth_hearing(own: int) -> tuple[tuple[int, int, int, int], ...]:
    """(code, jump if true, jump if false, constant) of each instruction: not from `own`, and of the neighbours that
    come or change (ndmsg) only permanent ones."""
    load_word, load_half, if_equal, if_any_bit, finish = 0x20, 0x28, 0x15, 0x45, 0x06
    new_neighbour, permanent = (_in_network_order(value) for value in (NEWNEIGH, NUD_PERMANENT))
    return (
        (load_word, 0, 0, 12),
        (if_equal, 5, 0, own),
        (load_half, 0, 0, 4),
        (if_equal, 0, 2, new_neighbour),
        (load_half, 0, 0, _HEADER.size + 8),
        (if_any_bit, 0, 1, permanent),
        (finish, 0, 0, 0xFFFFFFFF),
        (finish, 0, 0, 0),
    )


def _in_network_order(half: int) -> int:
    return int(struct.unpack("!H", struct.pack("=H", half))[0])


def _messages(data: memoryview) -> Iterator[tuple[int, int, int, bytes]]:
    """(type, flags, sequence, payload) of each message in a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, flags, sequence, bytes(data[offset + _HEADER.size : offset + length])
        offset += (length + 3) & ~3


def _errno(body: bytes) -> int:
    return -int(_ERRNO.unpack_from(body)[0]) if len(body) >= _ERRNO.size else 0


def _refusal(body: bytes, flags: int) -> Refusal:
    """The kernel's own words where it has some, else the name of the error."""
    code = _errno(body)
    said = b""
    if flags & _ACK_TLVS:
        said = dict(attributes(body, _ERRNO.size + _HEADER.size)).get(_ERROR_TEXT, b"")
    return Refusal(code, f"{text(said).rstrip('.')} ({os.strerror(code)})" if said else os.strerror(code))
