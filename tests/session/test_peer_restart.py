"""What a real connection shows of peers that restart and of peers that send too much; the rest is the engine's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from open_makers import IPV4_UNICAST, capability, open_body
from segment import LISTEN, RawPeer, Segment, Speaker, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.plan import MaximumPrefixes, NodePlan

US, PEER, BLOCK = "10.9.0.9", "10.9.0.1", "10.1.0.0/26"
ONE = replace(session(PEER, US, passive=True), restart_time=120, long_lived_stale_time=3600)
PLAN = NodePlan(node="us", router_id=US, listen=LISTEN, sessions=(ONE,))
# 120 s, IPv4 unicast with its forwarding state kept.
RESTARTS = capability(64, bytes((0, 120, 0, 1, 1, 0x80)))
# Not a second of that, but an hour of RFC 9494 3.1.
LONG_LIVED = (capability(64, bytes((0, 0, 0, 1, 1, 0x80))), capability(71, bytes((0, 1, 1, 0x80, 0, 0x0E, 0x10))))
# ORIGIN IGP, no AS_PATH, NEXT_HOP, LOCAL_PREF 100, and the block.
_ATTRIBUTES = bytes((0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, 10, 9, 0, 1, 0x40, 5, 4, 0, 0, 0, 100))
ANNOUNCEMENT = b"\0\0" + len(_ATTRIBUTES).to_bytes(2, "big") + _ATTRIBUTES + bytes((26, 10, 1, 0, 0))

pytestmark = pytest.mark.netns


@pytest.fixture
def speaker(segment: Segment) -> Speaker:
    segment.host("us", f"{US}/24")
    segment.host("peer", f"{PEER}/24")
    speaker = segment.speaker("us", PLAN, render_exabgp_conf(PLAN))
    speaker.wait_listening()
    return speaker


def test_a_new_connection_takes_the_place_of_a_session_that_is_dead(
    speaker: Speaker, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """The old connection is still open here, as after a power failure: no one has closed it. Only in the first seconds
    of a session is a new connection taken for a collision (RFC 4271 6.8)."""
    first = raw_peer("peer", PEER, US)
    first.send(1, open_body(PEER, IPV4_UNICAST, RESTARTS))
    first.send(4)
    eventually(speaker.established, "Established")
    first.send(2, ANNOUNCEMENT)
    eventually(lambda: BLOCK in speaker.routes(), "its route is there")
    again = raw_peer("peer", PEER, US)
    assert again.receive() == (3, b"\x06\x07")

    accepted: list[RawPeer] = []

    def connects_anew() -> bool:
        peer = raw_peer("peer", PEER, US)
        accepted.extend([peer] if peer.receive()[0] == 1 else [])
        return bool(accepted)

    eventually(connects_anew, "the new connection is taken")
    status = speaker.peers()[ONE.name]
    assert (status.last_error, status.stale) == ("the peer has connected anew", 1)
    assert BLOCK in speaker.routes()
    accepted[0].send(1, open_body(PEER, IPV4_UNICAST, RESTARTS))
    accepted[0].send(4)
    eventually(speaker.established, "Established again")
    accepted[0].send(2, b"\0\0\0\0")
    eventually(lambda: BLOCK not in speaker.routes(), "it has not sent its route again")


def test_the_routes_of_a_lost_peer_become_long_lived_stale(
    speaker: Speaker, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """RFC 9494 4.2."""
    peer = raw_peer("peer", PEER, US)
    peer.send(1, open_body(PEER, IPV4_UNICAST, *LONG_LIVED))
    peer.send(4)
    eventually(speaker.established, "Established")
    peer.send(2, ANNOUNCEMENT)
    eventually(lambda: BLOCK in speaker.routes(), "its route is there")
    peer.socket.close()
    eventually(lambda: speaker.peers()[ONE.name].long_lived_stale == 1, "it is long-lived stale")
    assert speaker.routes()[BLOCK].communities == ("65535:6",)


def test_a_peer_that_sends_too_many_prefixes_stays_down(
    speaker: Speaker, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """RFC 4486 4; its limit comes with a plan that resets nothing."""
    limited = replace(PLAN, sessions=(replace(ONE, maximum_prefixes=MaximumPrefixes(1)),))
    peer = raw_peer("peer", PEER, US)
    peer.send(1, open_body(PEER, IPV4_UNICAST))
    peer.send(4)
    eventually(speaker.established, "Established")
    assert speaker.apply(limited, render_exabgp_conf(limited)).reset == ()
    peer.send(2, ANNOUNCEMENT + bytes((26, 10, 2, 0, 0)))
    assert peer.receive_until(3) == bytes((6, 1, 0, 1, 1, 0, 0, 0, 1))
    eventually(lambda: not speaker.established(), "it is down")
    assert speaker.peers()[ONE.name].last_error == "more than 1 IPv4 prefixes"
    assert raw_peer("peer", PEER, US).receive() == (3, b"\x06\x05")
