"""A peer of the plan that is hostile before its session is Established: what it costs another one.

Floods of connections, of OPENs, of sessions that come and go, and connections that never send anything.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile import Heartbeat, flood, resident_octets
from segment import LISTEN, RawPeer, Segment, Speaker, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.plan import NodePlan

pytestmark = pytest.mark.netns

US, PEER, HOSTILE = "10.9.0.9", "10.9.0.1", "10.9.0.66"
HOLD_TIME = 3
SECONDS = 2.0
# What sessions leave behind is cycles, which the collector comes to now and then: after 30,000 sessions the speaker had
# grown by 15 MiB, and by no more after 50,000.
MOST_MEMORY = 16 << 20
# Its listening and control sockets, its own, and one or two connections of each peer.
MOST_DESCRIPTORS = 40


@pytest.fixture
def speaker(segment: Segment) -> Speaker:
    for host, address in (("us", US), ("peer", PEER), ("hostile", HOSTILE)):
        segment.host(host, f"{address}/16")
    sessions = (session(PEER, US, passive=True), session(HOSTILE, US, passive=True))
    plan = NodePlan(node="us", router_id=US, listen=LISTEN, sessions=sessions)
    speaker = segment.speaker("us", plan, render_exabgp_conf(plan))
    speaker.wait_listening()
    return speaker


@pytest.fixture
def healthy(speaker: Speaker, raw_peer: Callable[[str, str, str], RawPeer]) -> Iterator[Heartbeat]:
    peer = raw_peer("peer", PEER, US)
    peer.open(PEER, hold_time=HOLD_TIME)
    eventually(lambda: speaker.peers()[f"to-{PEER}"].state == "Established", "Established")
    heartbeat = Heartbeat(peer, HOLD_TIME)
    heartbeat.start()
    yield heartbeat
    heartbeat.stop()


def descriptors(speaker: Speaker) -> int:
    return len(list(Path(f"/proc/{speaker.process.pid}/fd").iterdir()))


def assert_unharmed(speaker: Speaker, healthy: Heartbeat, grown: int) -> None:
    assert healthy.ended_with is None
    assert speaker.peers()[f"to-{PEER}"].flaps == 0
    assert healthy.longest_gap() < HOLD_TIME - 1
    assert grown < MOST_MEMORY, f"{grown} octets more"
    assert descriptors(speaker) < MOST_DESCRIPTORS


class Hostile(threading.Thread):
    """Does one thing to the speaker over and over, each time with a connection of its own."""

    def __init__(self, segment: Segment, act: Callable[[RawPeer], None]) -> None:
        super().__init__(daemon=True)
        self._segment = segment
        self._act = act
        self.times = 0
        self.until = 0.0

    def run(self) -> None:
        while time.monotonic() < self.until:
            # What the speaker refuses or resets is the point of it.
            with contextlib.suppress(OSError, AssertionError):
                peer = RawPeer(self._segment, "hostile", HOSTILE, US, timeout=1)
                try:
                    self._act(peer)
                finally:
                    peer.socket.close()
            self.times += 1

    def for_seconds(self, seconds: float) -> int:
        self.until = time.monotonic() + seconds
        self.start()
        self.join()
        return self.times


def open_and_leave(peer: RawPeer) -> None:
    peer.open(HOSTILE)


def open_and_cease(peer: RawPeer) -> None:
    peer.open(HOSTILE)
    peer.send(3, b"\x06\x02")
    peer.receive()


def a_wrong_as(peer: RawPeer) -> None:
    peer.open(HOSTILE, asn=4)


def many_opens(peer: RawPeer) -> None:
    for _ in range(1000):
        peer.send(1, b"\x04\xfc\x00\x00\x5a" + bytes((10, 9, 0, 66)) + b"\0")


def garbage(peer: RawPeer) -> None:
    peer.socket.sendall(b"GET / HTTP/1.1\r\n\r\n" * 1000)
    peer.receive()


def a_long_open(peer: RawPeer) -> None:
    peer.send(1, b"\x04\xfc\x00\x00\x5a" + bytes((10, 9, 0, 66)) + b"\xff" + b"\x02\xfd" + b"\x41\x00" * 126 + b"\0")
    peer.receive()


def nothing(peer: RawPeer) -> None:
    del peer


ACTS = (open_and_leave, open_and_cease, a_wrong_as, many_opens, garbage, a_long_open, nothing)


@pytest.mark.parametrize("act", ACTS)
def test_a_session_that_is_tried_over_and_over_harms_no_other(
    segment: Segment,
    speaker: Speaker,
    healthy: Heartbeat,
    raw_peer: Callable[[str, str, str], RawPeer],
    act: Callable[[RawPeer], None],
) -> None:
    Hostile(segment, act).for_seconds(SECONDS)
    before = resident_octets(speaker)
    assert Hostile(segment, act).for_seconds(SECONDS) > 20
    assert_unharmed(speaker, healthy, resident_octets(speaker) - before)
    raw_peer("hostile", HOSTILE, US).open(HOSTILE)
    eventually(lambda: speaker.peers()[f"to-{HOSTILE}"].state == "Established", "Established as soon as it behaves")


def test_a_flood_of_connections_of_a_peer_harms_no_other(
    segment: Segment, speaker: Speaker, healthy: Heartbeat, flood_program: Path
) -> None:
    flood(segment, "hostile", flood_program, US, (HOSTILE, 1), 2000, SECONDS)
    before = resident_octets(speaker)
    flood(segment, "hostile", flood_program, US, (HOSTILE, 1), 2000, SECONDS)
    assert_unharmed(speaker, healthy, resident_octets(speaker) - before)


def test_connections_that_send_nothing_are_one_at_a_time(
    segment: Segment, speaker: Speaker, healthy: Heartbeat
) -> None:
    before = descriptors(speaker)
    waiting = [RawPeer(segment, "hostile", HOSTILE, US) for _ in range(200)]
    eventually(lambda: descriptors(speaker) <= before + 2, "the newest connection takes the place of the others")
    eventually(lambda: len(healthy.came) > 2, "two intervals between KEEPALIVEs")
    for each in waiting:
        each.socket.close()
    assert_unharmed(speaker, healthy, 0)
