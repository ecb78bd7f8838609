"""OPENs that are refused, and with which NOTIFICATION (RFC 4271 6.2, RFC 6608)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from open_makers import IPV4_UNICAST, answer_to, capability, four_octet_as, open_body
from segment import LISTEN, LOCAL_AS, RawPeer, Segment, Speaker, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.plan import NodePlan

pytestmark = pytest.mark.netns

US, PEER = "10.9.0.9", "10.9.0.1"


@pytest.fixture
def speaker(segment: Segment) -> Speaker:
    segment.host("us", f"{US}/24")
    segment.host("peer", f"{PEER}/24")
    plan = NodePlan(node="us", router_id=US, listen=LISTEN, sessions=(session(PEER, US, passive=True),))
    speaker = segment.speaker("us", plan, render_exabgp_conf(plan))
    speaker.wait_listening()
    return speaker


@pytest.fixture
def peer(speaker: Speaker, raw_peer: Callable[[str, str, str], RawPeer]) -> RawPeer:
    return raw_peer("peer", PEER, US)


def test_another_version_is_told_ours(peer: RawPeer) -> None:
    """RFC 4271 6.2: Unsupported Version Number, and in the data the version that we support."""
    assert answer_to(peer, open_body(PEER, IPV4_UNICAST, version=3)) == (3, bytes((2, 1, 0, 4)))


@pytest.mark.parametrize(
    ("body", "subcode"),
    [
        (open_body(PEER, IPV4_UNICAST, asn=LOCAL_AS + 1), 2),
        (open_body(PEER, IPV4_UNICAST, four_octet_as(4200000000), asn=23456), 2),
        (open_body("0.0.0.0", IPV4_UNICAST), 3),  # noqa: S104  an identifier
        (open_body(US, IPV4_UNICAST), 3),
        (open_body(PEER, IPV4_UNICAST)[:9] + bytes((2, 77, 0)), 4),
        (open_body(PEER, IPV4_UNICAST, hold_time=1), 6),
        (open_body(PEER, IPV4_UNICAST, hold_time=2), 6),
        (open_body(PEER, bytes((1, 200, 0, 1))), 0),
    ],
    ids=[
        "bad peer AS",
        "bad peer AS of four octets",
        "no BGP identifier",
        "our own BGP identifier",
        "unknown optional parameter",
        "hold time 1",
        "hold time 2",
        "capability longer than its parameter",
    ],
)
def test_an_open_that_cannot_be_accepted_is_refused(peer: RawPeer, body: bytes, subcode: int) -> None:
    """RFC 4271 6.2, and RFC 6286 2.2 for the identifier within one AS."""
    kind, answer = answer_to(peer, body)
    assert (kind, answer[:2]) == (3, bytes((2, subcode)))


@pytest.mark.parametrize("hold_time", [0, 3])
def test_the_hold_times_at_the_edge_are_accepted(peer: RawPeer, speaker: Speaker, hold_time: int) -> None:
    """RFC 4271 4.2: zero, or at least three seconds."""
    assert answer_to(peer, open_body(PEER, IPV4_UNICAST, hold_time=hold_time))[0] == 4
    peer.send(4)
    eventually(speaker.established, "Established")
    assert speaker.peers()[f"to-{PEER}"].hold_time == hold_time


def test_an_unknown_capability_is_ignored(peer: RawPeer) -> None:
    """RFC 5492 3."""
    assert answer_to(peer, open_body(PEER, IPV4_UNICAST, capability(239, b"hello")))[0] == 4


@pytest.mark.parametrize(("kind", "body"), [(4, b""), (2, bytes(4))], ids=["KEEPALIVE", "UPDATE"])
def test_anything_but_an_open_comes_too_early(peer: RawPeer, kind: int, body: bytes) -> None:
    """RFC 6608 3: finite state machine error, unexpected message in OpenSent."""
    peer.receive_until(1)
    peer.send(kind, body)
    received, answer = peer.receive()
    assert (received, answer[:2]) == (3, bytes((5, 1)))


def test_an_update_before_the_keepalive_comes_too_early(peer: RawPeer) -> None:
    """RFC 6608 3: finite state machine error, unexpected message in OpenConfirm."""
    assert answer_to(peer, open_body(PEER, IPV4_UNICAST))[0] == 4
    peer.send(2, bytes(4))
    kind, answer = peer.receive()
    assert (kind, answer[:2]) == (3, bytes((5, 2)))


def test_people_are_told_why_a_session_does_not_come_up(peer: RawPeer, speaker: Speaker) -> None:
    answer_to(peer, open_body(PEER, IPV4_UNICAST, asn=LOCAL_AS + 1))
    reason = eventually(lambda: speaker.peers()[f"to-{PEER}"].last_error, "there is a reason")
    assert reason == "open message (bad peer as): ASN in OPEN (64513) did not match ASN expected (64512)"


def test_people_are_told_of_a_peer_that_refuses_us(peer: RawPeer, speaker: Speaker) -> None:
    peer.receive_until(1)
    peer.send(3, bytes((2, 11)))
    reason = eventually(lambda: speaker.peers()[f"to-{PEER}"].last_error, "there is a reason")
    assert reason == "peer sent NOTIFICATION: open message (role mismatch)"


def test_a_peer_that_keeps_its_keepalive_back_costs_no_time(peer: RawPeer, speaker: Speaker) -> None:
    """RFC 4271 8.2.2, OpenConfirm: the session waits for it, and does nothing meanwhile."""
    assert answer_to(peer, open_body(PEER, IPV4_UNICAST))[0] == 4
    before, begun = processor_seconds(speaker), time.monotonic()
    eventually(lambda: time.monotonic() > begun + 1.0, "a second is over")
    assert processor_seconds(speaker) - before < 0.3


def processor_seconds(speaker: Speaker) -> float:
    fields = Path(f"/proc/{speaker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_next_connection_of_a_refused_peer_is_heard(
    peer: RawPeer, speaker: Speaker, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    assert answer_to(peer, open_body(PEER, IPV4_UNICAST, hold_time=1))[0] == 3
    raw_peer("peer", PEER, US).open(PEER)
    eventually(speaker.established, "Established")
