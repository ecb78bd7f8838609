"""The speaker's view of the kernel's routes: one netlink socket in its event loop, without any privilege.

Rule: a dump is the truth, notifications keep it true, and after a loss (ENOBUFS) only another dump is. Both come on
the same socket, so what happens during a dump stands in order between its pieces. The table of the last whole dump
stays in use, kept up with notifications, until the next one is whole; before the first one there is no table, and the
engine takes every next hop for resolvable. So it does when there is no netlink: `failure` is the reason.

    dump       at the start; when messages were lost; when the table is outdated (`routing_table`); RESCAN seconds after
               the last one, for what else the kernel changes without a notification
    repeated   when the kernel reports that the table changed under the dump, but not more than PATIENCE times in a row
    received   links, their configuration, addresses and routes; not what is programmed under our own protocol numbers,
               which a socket filter keeps from waking us

Source: netlink(7), rtnetlink(7).
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Callable

from reflector.event_loop import EventLoop
from reflector.kernel.netlink.link_message import ADDRESS_DUMP, LINK_DUMP, netconf_dump
from reflector.kernel.netlink.message import DONE, DUMP_INTERRUPTED, ERROR, MULTI, NO_FAMILY, Message, Request, messages
from reflector.kernel.netlink.route_message import dump_request
from reflector.kernel.netlink.socket_filter import foreign_main_routes
from reflector.kernel.netlink.sockets import EVERYTHING, attach, open_socket
from reflector.kernel.observe import observe
from reflector.kernel.routing_table import RoutingTable
from reflector.plan import MAIN_TABLE, NodePlan

RESCAN = 60.0
PATIENCE = 3
RECEIVE_BUFFER = 4 * 1024 * 1024
# Messages of one turn: some milliseconds.
_SLICE = 1000
_READ_SIZE = 64 * 1024

_DUMPS: tuple[Request, ...] = (
    LINK_DUMP,
    netconf_dump(4),
    netconf_dump(6),
    ADDRESS_DUMP,
    dump_request(4, MAIN_TABLE),
    dump_request(6, MAIN_TABLE),
)


class _Dump:
    """A running dump: the table that it fills and the steps of _DUMPS that are done. `is_torn`: the kernel reports that
    it may lack something; `has_lost`: notifications that belong between its pieces were lost."""

    def __init__(self) -> None:
        self.table = RoutingTable()
        self.done = 0
        self.is_torn = False
        self.has_lost = False


class KernelRoutes:
    """`changed` is called with the table after every slice that changed it. `overruns` counts losses."""

    def __init__(
        self, loop: EventLoop, changed: Callable[[RoutingTable | None], None], receive_buffer: int = RECEIVE_BUFFER
    ) -> None:
        self._loop = loop
        self._changed = changed
        self._receive_buffer = receive_buffer
        self._socket: socket.socket | None = None
        self._buffer = memoryview(bytearray(_READ_SIZE))
        self._own: frozenset[int] = frozenset()
        self._table: RoutingTable | None = None
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
                attach(self._socket, foreign_main_routes(self._own))
        if self._socket is None:
            self._open()
        self.read()

    def _open(self) -> None:
        try:
            self._socket = open_socket(EVERYTHING, self._receive_buffer, foreign_main_routes(self._own))
        except OSError as error:
            self.failure = f"next hops are not looked up in the kernel: {error.strerror}"
            return
        self._socket.setblocking(False)
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
        """Time passes: what failed is tried again, and what is known is read again."""
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
                # Only now: until it has seen its queue empty after a loss, a socket goes on losing without a report.
                self._start_dump()
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._lost()
                continue
            for message in messages(self._buffer[:size]):
                count += 1
                self._take(message)

    def _lost(self) -> None:
        self.overruns += 1
        self._is_due = True
        if self._dump is not None:
            self._dump.has_lost = True

    def _take(self, message: Message) -> None:
        if message.kind in (DONE, ERROR):
            self._end_of_step(message)
        elif message.flags & MULTI:
            if self._dump is not None:
                self._dump.is_torn |= bool(message.flags & DUMP_INTERRUPTED)
                self._is_due |= observe(self._dump.table, message, self._own)
        else:
            for table in (self._table, self._dump.table if self._dump is not None else None):
                if table is not None:
                    self._is_due |= observe(table, message, self._own)

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
        self._socket.send(_DUMPS[self._dump.done].packed(self._sequence))

    def _end_of_step(self, message: Message) -> None:
        if self._dump is None:
            return
        if message.errno and not (message.errno in NO_FAMILY and self._dump.done > 0):
            raise OSError(message.errno, os.strerror(message.errno))
        self._dump.is_torn |= bool(message.flags & DUMP_INTERRUPTED)
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
        elif self._table is None or not dump.table.is_same_as(self._table):
            self._table = dump.table
