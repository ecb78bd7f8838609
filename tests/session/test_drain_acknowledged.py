"""Which peers have what a drain sent: as far as TCP knows it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from segment import LISTEN, RawPeer, Segment, eventually, session

from reflector.control.client import ControlClient
from reflector.drain import Stage
from reflector.messages import Drain
from reflector.plan import NodePlan, Origination, RouteSource

pytestmark = pytest.mark.netns

US, PEER = "10.9.0.9", "10.9.0.1"
ONE = session(PEER, US, passive=True)
PLAN = NodePlan(
    node="us",
    router_id=US,
    listen=LISTEN,
    sessions=(ONE,),
    originations=(Origination("10.244.0.0/26", RouteSource.BLOCK),),
)


def test_a_peer_that_acknowledges_nothing_is_named_until_it_does(
    segment: Segment, raw_peer: Callable[[str, str, str], RawPeer]
) -> None:
    """The cable is out: its TCP has not acknowledged the marked routes, though all is written."""
    segment.host("us", f"{US}/24")
    segment.host("peer", f"{PEER}/24")
    speaker = segment.speaker("us", PLAN)
    speaker.wait_listening()
    raw_peer("peer", PEER, US).open(PEER)
    eventually(speaker.established, "Established")
    cable = ["ip", "-n", segment.namespace("peer"), "link", "set", "eth0"]
    with ControlClient(speaker.directory / "speaker.sock") as client:
        eventually(lambda: client.ask(Drain(Stage.IN_USE)).unacknowledged == (), "the peer has the first routes")
        subprocess.run([*cable, "down"], check=True)
        assert client.ask(Drain(Stage.MARKED)).unacknowledged == (ONE.name,)
        eventually(lambda: speaker.peers()[ONE.name].queued == 0, "all is written")
        assert client.ask(Drain(Stage.MARKED)).unacknowledged == (ONE.name,)
        subprocess.run([*cable, "up"], check=True)
        eventually(lambda: client.ask(Drain(Stage.MARKED)).unacknowledged == (), "the peer has the marked routes")
