"""A session in hold-down: for a time, or until the plan defines it otherwise."""

from __future__ import annotations

import math
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from exabgp.environment import getenv
from exabgp.logger import log
from msgspec.structs import replace
from segment import session

from bgpctl.compiler import render_exabgp_conf
from reflector.addresses import pack_address
from reflector.commands import Close, Turn
from reflector.engine import Engine
from reflector.event_loop import EventLoop
from reflector.exabgp.configuration import SpeakerConfiguration
from reflector.exabgp.handover_peer import HandoverPeer
from reflector.exabgp.reactor import SpeakerReactor
from reflector.exabgp.retry_delay import RetryDelay
from reflector.exabgp.seams import take_the_seams
from reflector.plan import MaximumPrefixes, NodePlan
from reflector.session.negotiated import Negotiated
from reflector.transport.connection import Handover
from reflector.transport.transport import Transport
from reflector.wire.message import HEADER_LENGTH

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2)
US, PEER = "10.9.0.9", "10.9.0.1"
ONE = session(PEER, US, maximum_prefixes=MaximumPrefixes(10))
PLAN = NodePlan(node="us", router_id=US, sessions=(ONE, session("10.9.0.2", US)))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Arrival:
    """An incoming connection as far as it is looked at when it is refused."""

    def __init__(self) -> None:
        self.io, self.remote = socket.socketpair()

    def close(self) -> None:
        self.io.close()

    def answer(self) -> bytes:
        with self.remote:
            return self.remote.recv(4096)[HEADER_LENGTH:]


def test_a_hold_down_outlasts_every_retry_and_what_resets_those() -> None:
    clock = Clock()
    delay = RetryDelay(clock)
    delay.hold_down(60.0)
    delay.reset()
    delay.increase()
    clock.now += 59.0
    assert (delay.backoff(), delay.is_in_hold_down) == (True, True)
    clock.now += 1.0
    assert (delay.backoff(), delay.is_in_hold_down) == (False, False)


def test_without_a_hold_down_a_session_is_retried_after_its_delay() -> None:
    clock = Clock()
    delay = RetryDelay(clock)
    delay.hold_down(0.0)
    delay.increase()
    assert (delay.backoff(), delay.is_in_hold_down) == (True, False)
    clock.now += 0.2
    assert not delay.backoff()


def test_the_transport_passes_on_how_long_a_session_stays_down() -> None:
    engine, ended = Engine(PLAN, 0.0), list[tuple[str, float]]()
    clock = Clock()
    transport = Transport(engine, EventLoop(), clock, clock)
    address = pack_address(PEER)
    ours, remote = socket.socketpair()
    with ours, remote:
        transport.take(Handover(ONE.name, ours, Negotiated(address, address, (4,), 90), lambda *end: ended.append(end)))
        transport.finish(Turn([], [Close(ONE.name, b"", "too many prefixes", 300.0)], {4: [], 6: []}))
    assert ended == [("too many prefixes", 300.0)]


@pytest.fixture
def reactor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpeakerReactor]:
    """A reactor that has read its neighbours and does not run: it neither listens nor dials. ExaBGP makes the process
    its own: what it sets is set back."""
    monkeypatch.chdir(tmp_path)
    mask, handlers = os.umask(0o077), {number: signal.getsignal(number) for number in SIGNALS}
    log.init(getenv())
    take_the_seams()
    conf = tmp_path / "exabgp.conf"
    conf.write_text(render_exabgp_conf(PLAN))
    try:
        yield SpeakerReactor(SpeakerConfiguration(conf), EventLoop(), PLAN, lambda: 0.0)
    finally:
        os.umask(mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.fixture
def down(reactor: SpeakerReactor) -> HandoverPeer:
    """The peer of a session that ended a moment ago and stays down until the plan changes it."""
    assert reactor.reload()
    peer = reactor.peer_at(PEER)
    assert peer is not None
    peer._take_back("too many prefixes", math.inf)
    return peer


def apply(reactor: SpeakerReactor, plan: NodePlan, tmp_path: Path) -> None:
    (tmp_path / "exabgp.conf").write_text(render_exabgp_conf(plan))
    assert reactor.apply(plan)


def test_a_session_in_hold_down_is_neither_accepted_nor_dialled(reactor: SpeakerReactor, down: HandoverPeer) -> None:
    """RFC 4486 4: connection rejected."""
    arrival = Arrival()
    down.handle_connection(arrival)
    assert arrival.answer() == bytes((6, 5))
    reactor.processes = Processes()
    down.run()
    assert down.generator is None
    assert reactor.active_peers() == {to_the_other(reactor)}


def to_the_other(reactor: SpeakerReactor) -> str:
    other = reactor.peer_at("10.9.0.2")
    assert other is not None
    return other.key


class Processes:
    """ExaBGP asks for its helper processes at every turn of a peer; there are none."""

    def broken(self, _neighbor: object) -> bool:
        return False


@pytest.mark.parametrize(
    "changed",
    [
        replace(ONE, maximum_prefixes=MaximumPrefixes(20)),
        replace(ONE, hold_time=30),
        replace(ONE, defined_by="another BGPPeer"),
    ],
    ids=["another limit", "another definition", "another reason"],
)
def test_a_plan_that_changes_the_session_ends_its_hold_down(
    reactor: SpeakerReactor, down: HandoverPeer, tmp_path: Path, changed: object
) -> None:
    apply(reactor, replace(PLAN, sessions=(changed, PLAN.sessions[1])), tmp_path)
    assert not down._delay.is_in_hold_down
    assert down.key in reactor.active_peers()


def test_a_plan_that_changes_another_session_does_not(
    reactor: SpeakerReactor, down: HandoverPeer, tmp_path: Path
) -> None:
    apply(reactor, replace(PLAN, sessions=(ONE, replace(PLAN.sessions[1], hold_time=30))), tmp_path)
    assert down._delay.is_in_hold_down
