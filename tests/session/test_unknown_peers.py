"""A flood of connections from unknown peers: what it costs the peers of the plan.

The unknown peers are a C program (tests/support/flood.c); BGPCTL_FLOOD_SECONDS makes it last longer than a test should.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import Heartbeat, flood, resident_octets
from segment import LISTEN, RawPeer, Segment, Speaker, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.plan import NodePlan

pytestmark = pytest.mark.netns

US, PEER, UNKNOWN = "10.9.0.9", "10.9.0.1", "10.9.66.0"
SOURCES = (f"{UNKNOWN[:-1]}1", 250)
RATE = 10_000
# What gets through at the least on a machine that does a lot besides.
BUSY_RATE = 1_000
SECONDS = float(os.environ.get("BGPCTL_FLOOD_SECONDS", "3"))
HOLD_TIME = 3


@pytest.fixture
def speaker(segment: Segment) -> Speaker:
    """With one peer; the host of the unknown peers has a whole network of addresses."""
    segment.host("us", f"{US}/16")
    segment.host("peer", f"{PEER}/16")
    segment.host("unknown", "10.9.65.1/16")
    subprocess.run(
        ["ip", "-n", segment.namespace("unknown"), "route", "add", "local", f"{UNKNOWN}/24", "dev", "lo"],
        check=True,
    )
    plan = NodePlan(node="us", router_id=US, listen=LISTEN, sessions=(session(PEER, US, passive=True),))
    speaker = segment.speaker("us", plan, render_exabgp_conf(plan))
    speaker.wait_listening()
    return speaker


def test_a_flood_of_unknown_peers_delays_no_keepalive_and_costs_no_memory(
    segment: Segment,
    speaker: Speaker,
    flood_program: Path,
    raw_peer: Callable[[str, str, str], RawPeer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """RFC 4271 4.4: a hold time of 3 s needs a KEEPALIVE every second; one that is late by another one is too late. A
    connection that is still in the kernel's queue at the end belongs to no one."""
    peer = raw_peer("peer", PEER, US)
    peer.open(PEER, hold_time=HOLD_TIME)
    eventually(speaker.established, "Established")
    flood(segment, "unknown", flood_program, US, SOURCES, RATE, 0.5)
    before, counted = resident_octets(speaker), speaker.counters().totals["unknown_peers"]
    heartbeat = Heartbeat(peer, HOLD_TIME)
    heartbeat.start()
    outcome = flood(segment, "unknown", flood_program, US, SOURCES, RATE, SECONDS)
    heartbeat.stop()
    grown, counted = resident_octets(speaker) - before, speaker.counters().totals["unknown_peers"] - counted
    figures = {**outcome, "unknown": counted, "gap": round(heartbeat.longest_gap(), 3), "grown": grown}
    if SECONDS > 3:
        with capsys.disabled():
            print(figures)  # noqa: T201  asked for
    assert heartbeat.ended_with is None
    assert speaker.peers()[f"to-{PEER}"].flaps == 0
    assert heartbeat.longest_gap() < HOLD_TIME - 1, figures
    assert grown < 4 * 1024 * 1024, figures
    assert outcome["reset"] <= counted <= outcome["begun"], figures
    assert outcome["reset"] > BUSY_RATE * SECONDS, figures
