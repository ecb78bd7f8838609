"""The corpus of malformed messages, sent to a real speaker over a real session while BIRD holds another one."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import pytest
from bird import Bird
from malformed import (
    AS,
    CORPUS,
    INSIDE,
    KEEPALIVE,
    NOTIFICATION,
    OPEN,
    OUTSIDE,
    PREFIX,
    Case,
    Discarded,
    Nothing,
    Reset,
    Withdrawn,
    good,
    update,
)
from neighbour import Peering, Router
from recording_peer import four_octet_as, multiprotocol
from segment import LISTEN, LOCAL_AS, RawPeer, Segment, Speaker, eventually, session

from bgpctl.compiler.rendering.exabgp_conf import render_exabgp_conf
from reflector.messages import PeerStatus
from reflector.plan import NodePlan, Origination, RouteSource

pytestmark = pytest.mark.netns

US, US_OUTSIDE, BIRD = "10.9.0.1", "10.9.1.1", "10.9.0.11"
OPEN_MESSAGE_ERROR = 2
OURS, OF_BIRD = "10.244.0.0/24", "10.245.11.0/24"


class Arena:
    """Our speaker, BIRD as its client, and the malefactor at two addresses: inside our AS and outside."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        segment.host("us", f"{US}/16", f"{US_OUTSIDE}/16")
        segment.host("bird", f"{BIRD}/16")
        segment.host("malefactor", f"{INSIDE}/16", f"{OUTSIDE}/16")
        self._sessions: dict[bool, RawPeer] = {}
        plan = self._plan()
        self.us = Speaker(segment, "us", plan, render_exabgp_conf(plan))
        self._peering = Peering(BIRD, US, LOCAL_AS)
        self.bird = Bird(segment, "bird", Router(LOCAL_AS, BIRD, (self._peering,)))
        self.bird.announced[OF_BIRD] = ()
        self.bird.start()
        self.us.wait_established()
        eventually(lambda: OURS in self.known_to_bird(), "BIRD has our route")

    @staticmethod
    def _plan() -> NodePlan:
        families = {"families": (4, 6), "passive": True}
        sessions = (
            session(INSIDE, US, rr_client=True, **families),
            session(OUTSIDE, US_OUTSIDE, peer_as=AS, **families),
            session(BIRD, US, rr_client=True),
        )
        originations = (Origination(OURS, RouteSource.BLOCK),)
        return NodePlan("us", US, cluster_id=US, listen=LISTEN, sessions=sessions, originations=originations)

    def malefactor(self, *, is_external: bool) -> RawPeer:
        """Its session, which is made anew if it has been ended; it has announced PREFIX."""
        peer = self._sessions.get(is_external)
        if peer is None:
            local, remote = (OUTSIDE, US_OUTSIDE) if is_external else (INSIDE, US)
            asn = AS if is_external else LOCAL_AS
            peer = self._sessions[is_external] = RawPeer(self._segment, "malefactor", local, remote)
            peer.open(local, 0, multiprotocol(4) + multiprotocol(6) + four_octet_as(asn), asn)
        block = good(is_external=is_external)
        peer.socket.sendall(update(b"".join(block.values())))
        eventually(lambda: PREFIX in self.known_to_bird(), "BIRD has the malefactor's route")
        return peer

    def knock(self, *capabilities: bytes) -> RawPeer:
        """A connection from inside on which both sides have sent an OPEN."""
        peer = RawPeer(self._segment, "malefactor", INSIDE, US)
        peer.send(OPEN, open_of(multiprotocol(4), *capabilities))
        peer.receive_until(OPEN)
        return peer

    def close_session(self, *, is_external: bool) -> None:
        """Its session, if it has one, is over."""
        peer = self._sessions.pop(is_external, None)
        if peer is not None:
            peer.socket.close()
            name = f"to-{OUTSIDE if is_external else INSIDE}"
            eventually(lambda: self.us.peers()[name].state != "Established", "we have noticed")

    def known_to_bird(self) -> set[str]:
        return set(self.bird.routes(self._peering))

    def status(self, *, is_external: bool) -> PeerStatus:
        return self.us.peers()[f"to-{OUTSIDE if is_external else INSIDE}"]

    def errors(self) -> tuple[int, int]:
        totals = self.us.counters().totals
        return totals["treated_as_withdrawn"], totals["attributes_discarded"]

    def assert_bird_is_undisturbed(self) -> None:
        status = self.us.peers()[f"to-{BIRD}"]
        assert (status.state, status.flaps, status.accepted) == ("Established", 0, 1)
        assert self.bird.is_established(self._peering)
        assert OURS in self.known_to_bird()


def capability(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def open_of(*capabilities: bytes) -> bytes:
    """The body of the malefactor's OPEN, with one parameter (RFC 4271 4.2, RFC 5492 4)."""
    offered = b"".join(capabilities)
    fixed = struct.pack("!BHH4sBBB", 4, LOCAL_AS, 90, socket.inet_aton(INSIDE), 2 + len(offered), 2, len(offered))
    return fixed + offered


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    if not Bird.is_installed():
        pytest.skip("BIRD is not installed (Debian package bird2)")
    segment = Segment(tmp_path_factory.mktemp("malformed"))
    try:
        yield Arena(segment)
    finally:
        segment.close()


def cases(*costs: type) -> pytest.MarkDecorator:
    chosen = [case for case in CORPUS if isinstance(case.cost, costs)]
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case.name)


@cases(Reset)
def test_it_costs_the_session(arena: Arena, case: Case) -> None:
    """RFC 4271 6, RFC 7606 3 to 5, RFC 7313 5: with the right NOTIFICATION, and the routes go with it."""
    assert isinstance(case.cost, Reset)
    peer = arena.malefactor(is_external=case.is_external)
    flaps = arena.status(is_external=case.is_external).flaps
    peer.socket.sendall(case.octets)
    notification = peer.receive_until(3)
    assert tuple(notification[:2]) == (case.cost.code, case.cost.subcode)
    assert case.cost.data in (None, notification[2:])
    arena.close_session(is_external=case.is_external)
    eventually(lambda: PREFIX not in arena.known_to_bird(), "BIRD has lost the malefactor's route")
    status = arena.status(is_external=case.is_external)
    assert status.flaps == flaps + 1
    assert status.last_error
    arena.assert_bird_is_undisturbed()


@cases(Withdrawn)
def test_it_costs_the_route(arena: Arena, case: Case) -> None:
    """RFC 7606 2: treat as withdraw."""
    peer = arena.malefactor(is_external=case.is_external)
    flaps, (treated, discarded) = arena.status(is_external=case.is_external).flaps, arena.errors()
    peer.socket.sendall(case.octets)
    eventually(lambda: PREFIX not in arena.known_to_bird(), "BIRD has lost the malefactor's route")
    assert arena.errors() == (treated + 1, discarded)
    assert arena.status(is_external=case.is_external).flaps == flaps
    arena.assert_bird_is_undisturbed()


@cases(Discarded, Nothing)
def test_it_costs_an_attribute_at_most(arena: Arena, case: Case) -> None:
    """RFC 7606 2: attribute discard. The probe comes after the case, so what is known then has been decided."""
    peer = arena.malefactor(is_external=case.is_external)
    flaps, (treated, discarded) = arena.status(is_external=case.is_external).flaps, arena.errors()
    peer.socket.sendall(case.octets)
    probe = bytes((24, 10, 67, 0))
    peer.socket.sendall(update(b"".join(good(is_external=case.is_external).values()), probe))
    eventually(lambda: "10.67.0.0/24" in arena.known_to_bird(), "BIRD has the probe")
    peer.socket.sendall(update(b"", b"", probe))
    count = case.cost.count if isinstance(case.cost, Discarded) else 0
    assert arena.errors() == (treated, discarded + count)
    assert PREFIX in arena.known_to_bird()
    assert arena.status(is_external=case.is_external).flaps == flaps
    eventually(lambda: "10.67.0.0/24" not in arena.known_to_bird(), "the probe has left")
    arena.assert_bird_is_undisturbed()


@pytest.mark.parametrize("value", [b"", b"\0", bytes(3), bytes(5), b"\xff" * 7], ids=bytes.hex)
@pytest.mark.parametrize("code", [1, 2, 5, 6, 9, 64, 65, 69, 70, 71, 73])
def test_a_capability_of_any_length_gets_an_answer(arena: Arena, code: int, value: bytes) -> None:
    """RFC 5492 3 and 5: the OPEN is taken without the capability or refused with a NOTIFICATION."""
    arena.close_session(is_external=False)
    peer = arena.knock(capability(code, value))
    try:
        kind, answer = peer.receive()
        assert kind == KEEPALIVE or (kind == NOTIFICATION and answer[0] == OPEN_MESSAGE_ERROR), (kind, answer)
    finally:
        peer.socket.close()
    arena.assert_bird_is_undisturbed()
