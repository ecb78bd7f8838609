"""Connections that come in while the speaker still starts: it listens before it knows its peers' keys."""

from __future__ import annotations

import time

import pytest
from segment import LISTEN, RawPeer, Segment, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.plan import NodePlan, Password

pytestmark = pytest.mark.netns

US, PEER = "10.9.0.1", "10.9.0.2"
# So many that reading them takes longer than a connection.
OTHERS = [f"10.9.{number // 200 + 1}.{number % 200 + 1}" for number in range(1000)]


def test_a_connection_from_before_its_key_was_set_is_worth_nothing(segment: Segment) -> None:
    """RFC 2385 4.1: who has no key is not accepted, however early it dials."""
    segment.host("us", f"{US}/16")
    segment.host("peer", f"{PEER}/16")
    with_key = session(PEER, US, password=Password("correct-horse"), passive=True, hold_time=9)
    others = [session(other, US, passive=True) for other in OTHERS]
    plan = NodePlan(node="us", router_id=US, listen=LISTEN, sessions=(*others, with_key))
    speaker = segment.speaker("us", plan, render_exabgp_conf(plan))
    early = eventually(lambda: connected(segment), "a connection without a key")
    try:
        speaker.wait_listening()
        early.socket.settimeout(2.0)
        with pytest.raises((TimeoutError, AssertionError)):
            early.open(PEER)
        assert speaker.peers()[f"to-{PEER}"].state != "Established"
    finally:
        early.socket.close()


def connected(segment: Segment) -> RawPeer | None:
    """As soon as the port is open, and for as long as no key is asked for."""
    try:
        return RawPeer(segment, "peer", PEER, US, timeout=0.5)
    except ConnectionRefusedError:
        time.sleep(0.001)
        return None
