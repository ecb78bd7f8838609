"""The time at which a turn's first octets were read travels with what follows from them."""

from __future__ import annotations

import socket

from segment import session

from reflector.addresses import pack_address
from reflector.control.loc_rib_stream import LocRibStream
from reflector.engine import Engine
from reflector.event_loop import EventLoop
from reflector.plan import NodePlan
from reflector.session.negotiated import Negotiated
from reflector.transport.connection import Handover
from reflector.transport.transport import Transport
from reflector.wire.message import KEEPALIVE

US, PEER = "10.9.0.9", "10.9.0.1"
ONE = session(PEER, US)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_read_of_a_turn_counts_and_a_turn_without_one_has_none() -> None:
    clock, loop = Clock(), EventLoop()
    transport = Transport(Engine(NodePlan(node="us", router_id=US, sessions=(ONE,)), 100.0), loop, clock)
    address = pack_address(PEER)
    ours, remote = socket.socketpair()
    with ours, remote:
        transport.take(Handover(ONE.name, ours, Negotiated(address, address, (4,), 90), lambda *_: None))
        for clock.now in (101.0, 102.0):
            remote.send(KEEPALIVE)
            loop.turn(0)
        assert (transport.take_read_at(), transport.take_read_at()) == (101.0, 0.0)


def test_subscribers_receive_when_it_was_read() -> None:
    stream = LocRibStream("epoch")
    stream.follow()
    published = stream.publish({4: [], 6: []}, is_complete=True, read_at=101.0)
    assert published is not None
    assert published[0].read_at == 101.0
