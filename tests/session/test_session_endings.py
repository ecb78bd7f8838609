"""The NOTIFICATION with which a session ends (RFC 4486, RFC 9003, RFC 8538)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from open_makers import IPV4_UNICAST, capability, open_body
from segment import LISTEN, RawPeer, Segment, Speaker, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.addresses import pack_address
from reflector.control.client import ControlClient
from reflector.drain import Stage
from reflector.messages import Drain
from reflector.plan import NodePlan, SuppressedSession
from reflector.session.cease import cease
from reflector.wire.message import HEADER_LENGTH, Cease

US, PEER = "10.9.0.9", "10.9.0.1"
ADDRESS = pack_address(PEER)
ONE = session(PEER, US, passive=True)
GRACEFUL = replace(ONE, restart_time=120)
PLAN = NodePlan(node="us", router_id=US, listen=LISTEN, sessions=(ONE,))


def body(message: bytes) -> bytes:
    return message[HEADER_LENGTH:]


def test_a_text_follows_its_length() -> None:
    """RFC 9003 2."""
    assert body(cease(Cease.ADMINISTRATIVE_SHUTDOWN, "maintenance")) == bytes((6, 2, 11)) + b"maintenance"


def test_a_long_text_is_cut_between_characters() -> None:
    """RFC 9003 2: at most 255 octets of UTF-8."""
    assert body(cease(Cease.ADMINISTRATIVE_RESET, "é" * 200)) == bytes((6, 4, 254)) + ("é" * 127).encode()


# --------------------------------------------------------------------------------------- on the wire


@pytest.fixture
def hosts(segment: Segment) -> Segment:
    segment.host("us", f"{US}/24")
    segment.host("peer", f"{PEER}/24")
    return segment


@pytest.fixture
def established(hosts: Segment, raw_peer: Callable[[str, str, str], RawPeer]) -> Callable[..., tuple[Speaker, RawPeer]]:
    def establish(plan: NodePlan, *capabilities: bytes) -> tuple[Speaker, RawPeer]:
        speaker = hosts.speaker("us", plan, render_exabgp_conf(plan))
        speaker.wait_listening()
        peer = raw_peer("peer", PEER, US)
        peer.send(1, open_body(PEER, IPV4_UNICAST, *capabilities))
        peer.send(4)
        eventually(speaker.established, "Established")
        return speaker, peer

    return establish


def apply(speaker: Speaker, plan: NodePlan) -> None:
    speaker.apply(plan, render_exabgp_conf(plan))


N_AND_120_SECONDS = capability(64, bytes((0x40, 120, 0, 1, 1, 0x80)))


@pytest.mark.netns
@pytest.mark.parametrize(
    ("after", "notification"),
    [
        (replace(PLAN, sessions=()), bytes((6, 3))),
        (
            replace(PLAN, sessions=(), suppressed=(SuppressedSession(ONE.name, PEER, "no Secret"),)),
            bytes((6, 2, 9)) + b"no Secret",
        ),
        (replace(PLAN, sessions=(replace(ONE, hold_time=30),)), bytes((6, 6))),
        (replace(PLAN, router_id="10.9.0.99"), bytes((6, 6))),
        (replace(PLAN, sessions=(replace(ONE, peer_as=65001),)), bytes((6, 6))),
    ],
    ids=["gone", "suppressed", "another hold time", "another router ID", "another peer AS"],
)
def test_a_plan_that_ends_a_session_says_why(
    established: Callable[..., tuple[Speaker, RawPeer]], after: NodePlan, notification: bytes
) -> None:
    """RFC 4486 4: peer de-configured, administrative shutdown with its text (RFC 9003), other configuration change."""
    speaker, peer = established(PLAN)
    apply(speaker, after)
    assert peer.receive_until(3) == notification
    assert peer.receive()[0] == 0


@pytest.mark.netns
def test_a_removed_peer_that_might_keep_routes_is_reset_hard(
    established: Callable[..., tuple[Speaker, RawPeer]],
) -> None:
    """RFC 8538 3.1."""
    speaker, peer = established(replace(PLAN, sessions=(GRACEFUL,)), N_AND_120_SECONDS)
    apply(speaker, replace(PLAN, sessions=()))
    assert peer.receive_until(3) == bytes((6, 9, 6, 3))


@pytest.mark.netns
def test_a_speaker_that_stops_says_so_to_a_peer_without_graceful_restart(
    established: Callable[..., tuple[Speaker, RawPeer]],
) -> None:
    """RFC 4486 4, RFC 9003: administrative shutdown."""
    speaker, peer = established(PLAN)
    speaker.process.terminate()
    assert peer.receive_until(3) == bytes((6, 2, 17)) + b"the speaker stops"


@pytest.mark.netns
def test_a_speaker_that_stops_says_nothing_to_a_peer_that_keeps_its_routes(
    established: Callable[..., tuple[Speaker, RawPeer]],
) -> None:
    """RFC 4724 4: a NOTIFICATION would end that."""
    speaker, peer = established(replace(PLAN, sessions=(GRACEFUL,)), N_AND_120_SECONDS)
    speaker.process.terminate()
    while (received := peer.receive()[0]) != 0:
        assert received != 3


@pytest.mark.netns
def test_a_session_that_is_still_being_opened_is_told_of_its_new_definition(
    hosts: Segment, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """RFC 4486 4; the next connection is opened under the new definition."""
    speaker = hosts.speaker("us", PLAN, render_exabgp_conf(PLAN))
    speaker.wait_listening()
    peer = raw_peer("peer", PEER, US)
    peer.receive_until(1)
    apply(speaker, replace(PLAN, sessions=(replace(ONE, hold_time=30),)))
    assert peer.receive() == (3, bytes((6, 6)))
    assert raw_peer("peer", PEER, US).receive_until(1)[3:5] == (30).to_bytes(2, "big")


@pytest.mark.netns
@pytest.mark.parametrize(
    ("capabilities", "notification"),
    [
        ((), bytes((6, 2, 7)) + b"upgrade"),
        ((N_AND_120_SECONDS,), bytes((6, 9, 6, 2, 7)) + b"upgrade"),
    ],
    ids=["no graceful restart", "graceful restart with N"],
)
def test_a_speaker_whose_routes_are_withdrawn_stops_for_good(
    established: Callable[..., tuple[Speaker, RawPeer]], capabilities: tuple[bytes, ...], notification: bytes
) -> None:
    """RFC 9003, RFC 8538 3.1: no peer keeps routes of a node that is taken out of use."""
    speaker, peer = established(replace(PLAN, sessions=(GRACEFUL,)), *capabilities)
    with ControlClient(speaker.directory / "speaker.sock") as client:
        client.ask(Drain(Stage.WITHDRAWN, "upgrade"))
    speaker.process.terminate()
    assert peer.receive_until(3) == notification


@pytest.mark.netns
def test_a_speaker_whose_routes_are_only_marked_restarts(
    established: Callable[..., tuple[Speaker, RawPeer]],
) -> None:
    """RFC 4724 4: it is expected back."""
    speaker, peer = established(replace(PLAN, sessions=(GRACEFUL,)), N_AND_120_SECONDS)
    with ControlClient(speaker.directory / "speaker.sock") as client:
        client.ask(Drain(Stage.MARKED, "upgrade"))
    speaker.process.terminate()
    while (received := peer.receive()[0]) != 0:
        assert received != 3
