"""The speaker's view of the kernel's routes: one netlink socket in its event loop, without any privilege.

Rule: a dump is the truth, notifications keep it true, and after a loss (ENOBUFS) only another dump is. Both come on
the same socket, so what happens during a dump stands in order between its pieces. The table of the last whole dump
stays in use, kept up with notifications, until the next one is whole; before the first one there is no table, and the
engine takes every next hop for resolvable. So it does when there is no netlink: `failure` says why.

    dump when      started · messages were lost · a link with routes is up again, because the kernel drops IPv4 routes
                   with their link and says nothing · RESCAN seconds after the last one, for what else it does not say
    again when     the kernel says that the table changed under the dump, but not more than PATIENCE times in a row
    heard           links and routes; not what is programmed under our own protocol numbers, which a socket filter
                   keeps from waking us

Source: netlink(7), rtnetlink(7), linux/Documentation/networking/filter.rst.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from array import array
from collections.abc import Callable

from reflector.event_loop import EventLoop
from reflector.kernel import route_messages
from reflector.kernel.route_messages import AF_INET, AF_INET6, DONE, ERROR, NEWROUTE, Told
from reflector.kernel.route_table import RouteTable
from reflector.plan import MAIN_TABLE, NodePlan

RESCAN = 60.0
PATIENCE = 3
RECEIVE_BUFFER = 4 * 1024 * 1024
# Messages of one turn: some milliseconds.
_SLICE = 1000
_READ_SIZE = 64 * 1024
# RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE
_GROUPS = 1 << 0 | 1 << 6 | 1 << 10
_SOL_NETLINK, _STRICT_DUMP = 270, 12
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
# What the kernel answers where it has no such family.
_NO_FAMILY = frozenset((errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.ENOENT))
_ROUTE_KINDS = (route_messages.NEWROUTE, route_messages.DELROUTE)
_LINK_KINDS = (route_messages.NEWLINK, route_messages.DELLINK)

_DUMPS: tuple[Callable[[int], bytes], ...] = (
    route_messages.dump_links,
    lambda sequence: route_messages.dump_routes(AF_INET, sequence),
    lambda sequence: route_messages.dump_routes(AF_INET6, sequence),
)


class _Dump:
    """A running dump: the table that it fills and the steps of _DUMPS that are done. `is_torn`: the kernel says that it
    may lack something; `has_lost`: notifications that belong between its pieces were lost."""

    def __init__(self) -> None:
        self.table = RouteTable()
        self.done = 0
        self.is_torn = False
        self.has_lost = False


class KernelRoutes:
    """`changed` is told of the table after every slice that changed it. `overruns` counts losses."""

    def __init__(
        self, loop: EventLoop, changed: Callable[[RouteTable | None], None], receive_buffer: int = RECEIVE_BUFFER
    ) -> None:
        self._loop = loop
        self._changed = changed
        self._receive_buffer = receive_buffer
        self._socket: socket.socket | None = None
        self._buffer = memoryview(bytearray(_READ_SIZE))
        self._own: frozenset[int] = frozenset()
        self._table: RouteTable | None = None
        self._dump: _Dump | None = None
        self._is_wanted = self._is_due = False
        self._torn_in_a_row = 0
        self._next_scan = 0.0
        self._sequence = 0
        self.overruns = 0
        self.dumps = 0
        self.failure = ""

    # --------------------------------------------------------------------------------------- opening

    def follow(self, plan: NodePlan) -> None:
        """Watch if the plan resolves next hops, and leave its own routes out."""
        self._is_wanted = plan.resolve_next_hops
        if not self._is_wanted:
            self.close("")
            return
        if plan.kernel.protocol not in self._own:
            # Numbers of former plans stay ours: their routes may still be there.
            self._own |= {plan.kernel.protocol}
            self._is_due = True
            if self._socket is not None:
                _attach_filter(self._socket, self._own)
        if self._socket is None:
            self._open()
        self.read()

    def _open(self) -> None:
        try:
            self._socket = _open(self._receive_buffer, self._own)
        except OSError as error:
            self.failure = f"next hops are not looked up in the kernel: {error.strerror}"
            return
        self.failure = ""
        self._is_due = True
        self._loop.watch(self._socket.fileno(), lambda _: self.read())

    def close(self, failure: str) -> None:
        """Nothing is known of the kernel any more."""
        self.failure = failure
        if self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = self._dump = self._table = None
            self._changed(None)

    def wait(self, seconds: float) -> None:
        """Until the first dump is whole, or each message took longer than this to come."""
        while self._socket is not None and self._table is None:
            if not select.select([self._socket], [], [], seconds)[0]:
                return
            self.read()

    def tick(self, now: float) -> None:
        """Time passes: what failed is tried again, and what is known is looked at again."""
        if now < self._next_scan or not self._is_wanted:
            return
        is_first, self._next_scan = self._next_scan == 0, now + RESCAN
        if self._socket is None:
            self._open()
        self._is_due |= not is_first
        self.read()

    # --------------------------------------------------------------------------------------- reading

    def read(self) -> None:
        """One slice of what has come, and what it changed."""
        try:
            self._read_slice()
        except OSError as error:
            self.close(f"next hops are no longer looked up in the kernel: {error.strerror}")
        if self._table is not None and self._table.has_changed:
            self._changed(self._table)

    def _read_slice(self) -> None:
        count = 0
        while self._socket is not None and count < _SLICE:
            try:
                size = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                # Only now: until it has seen its queue empty after a loss, a socket goes on losing in silence.
                self._start_dump()
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._lost()
                continue
            for told in route_messages.messages(self._buffer[:size]):
                count += 1
                self._take(told)

    def _lost(self) -> None:
        self.overruns += 1
        self._is_due = True
        if self._dump is not None:
            self._dump.has_lost = True

    def _take(self, told: Told) -> None:
        if told.kind in (DONE, ERROR):
            self._end_of_step(told)
        elif told.flags & route_messages.MULTI:
            if self._dump is not None:
                self._dump.is_torn |= bool(told.flags & route_messages.DUMP_INTERRUPTED)
                self._note(self._dump.table, told)
        else:
            for table in (self._table, self._dump.table if self._dump is not None else None):
                if table is not None:
                    self._note(table, told)

    def _note(self, table: RouteTable, told: Told) -> None:
        if told.kind in _LINK_KINDS:
            state = route_messages.link_state(told)
            if state is not None:
                self._is_due |= table.link(state.interface, is_up=state.is_up)
        elif told.kind in _ROUTE_KINDS:
            route = route_messages.route(told, self._own)
            if route is None:
                return
            if told.kind == NEWROUTE:
                table.put(route)
            else:
                table.remove(route)

    # --------------------------------------------------------------------------------------- dumping

    def _start_dump(self) -> None:
        """If one is due and none is running: the kernel makes one at a time for a socket."""
        if self._socket is not None and self._is_due and self._dump is None:
            self._is_due = False
            self._dump = _Dump()
            self._ask()

    def _ask(self) -> None:
        assert self._socket is not None  # noqa: S101  the callers' knowledge, as below
        assert self._dump is not None  # noqa: S101
        self._sequence += 1
        self._socket.send(_DUMPS[self._dump.done](self._sequence))

    def _end_of_step(self, told: Told) -> None:
        if self._dump is None:
            return
        if told.errno and not (told.errno in _NO_FAMILY and self._dump.done > 0):
            raise OSError(told.errno, os.strerror(told.errno))
        self._dump.is_torn |= bool(told.flags & route_messages.DUMP_INTERRUPTED)
        self._dump.done += 1
        if self._dump.done < len(_DUMPS):
            self._ask()
        else:
            self._end_of_dump(self._dump)

    def _end_of_dump(self, dump: _Dump) -> None:
        self._dump = None
        self.dumps += 1
        self._torn_in_a_row = self._torn_in_a_row + 1 if dump.is_torn else 0
        if dump.has_lost or 0 < self._torn_in_a_row < PATIENCE:
            self._is_due = True
        elif self._table is None or not dump.table.is_as(self._table):
            self._table = dump.table


def _open(receive_buffer: int, own: frozenset[int]) -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        opened.setblocking(False)
        try:
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
        except PermissionError:
            # Without CAP_NET_ADMIN in the first user namespace, net.core.rmem_max is the limit.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        opened.setsockopt(_SOL_NETLINK, _STRICT_DUMP, 1)
        _attach_filter(opened, own)
        opened.bind((0, _GROUPS))
    except OSError:
        opened.close()
        raise
    return opened


def _attach_filter(opened: socket.socket, own: frozenset[int]) -> None:
    """Routes of other tables and of our own do not wake us: 100,000 that the FIB programs cost nothing here."""
    program = array("B", b"".join(struct.pack("=HBBI", *instruction) for instruction in _filter(sorted(own))))
    address, octets = program.buffer_info()
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", octets // 8, address))


_LOAD_HALF, _LOAD_OCTET, _IF_EQUAL, _IF_SET, _RETURN = 0x28, 0x30, 0x15, 0x45, 0x06
_KIND, _FLAGS, _ROUTE_TABLE, _ROUTE_PROTOCOL = 4, 6, 20, 21


def _filter(own: list[int]) -> list[tuple[int, int, int, int]]:
    """(code, jump if true, jump if false, constant) of each instruction. Halves are loaded in network order."""
    new, gone, multi = (
        int.from_bytes(struct.pack("=H", number), "big") for number in (*_ROUTE_KINDS, route_messages.MULTI)
    )
    take, leave = 8 + len(own), 9 + len(own)
    program = [
        (_LOAD_HALF, 0, 0, _KIND),
        (_IF_EQUAL, 1, 0, new),
        (_IF_EQUAL, 0, take - 3, gone),
        (_LOAD_HALF, 0, 0, _FLAGS),
        # The pieces of a dump are taken whole.
        (_IF_SET, take - 5, 0, multi),
        (_LOAD_OCTET, 0, 0, _ROUTE_PROTOCOL),
    ]
    program += [(_IF_EQUAL, leave - 7 - index, 0, protocol) for index, protocol in enumerate(own)]
    program += [(_LOAD_OCTET, 0, 0, _ROUTE_TABLE), (_IF_EQUAL, 0, 1, MAIN_TABLE)]
    return [*program, (_RETURN, 0, 0, 0xFFFFFFFF), (_RETURN, 0, 0, 0)]
