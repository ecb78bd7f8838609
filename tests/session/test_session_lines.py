"""The lines that a real speaker writes: one for each peer that is away, however long, and one for each change."""

from __future__ import annotations

import json
import time

import pytest
from segment import LISTEN, Segment, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.plan import NodePlan

pytestmark = pytest.mark.netns

US, PEER = "10.9.0.9", "10.9.0.1"
ABSENT = 20


def test_peers_that_are_away_are_a_line_each_and_a_session_one_for_each_change(segment: Segment) -> None:
    segment.host("us", f"{US}/24")
    segment.host("peer", f"{PEER}/24")
    absent = tuple(session(f"10.9.0.{100 + number}", US) for number in range(ABSENT))
    plan = NodePlan(node="us", router_id=US, listen=LISTEN, sessions=(session(PEER, US), *absent))
    speaker = segment.speaker("us", plan, render_exabgp_conf(plan))
    speaker.wait_listening()

    def lines() -> list[str]:
        return speaker.log.read_text().splitlines()

    theirs = NodePlan(node="peer", router_id=PEER, listen=LISTEN, sessions=(session(US, PEER, passive=True),))
    other = segment.speaker("peer", theirs, render_exabgp_conf(theirs))
    speaker.wait_established()
    other.process.terminate()
    other.process.wait()
    eventually(
        lambda: min(sum(peer.attempts_failed.values()) for peer in speaker.peers().values()) >= 3,
        "each has failed three times",
        within=60,
    )
    time.sleep(3)  # what is not written stays not written
    ours = [line for line in map(json.loads, lines()) if line["peer"] == PEER]
    assert [line["event"] for line in ours if line["event"] != "session not up"] == ["session up", "session down"]
    assert ours[-1]["reason"].startswith("refused")
    away = [line["peer"] for line in map(json.loads, lines()) if line["peer"] != PEER]
    assert sorted(away) == sorted(each.peer_address for each in absent)
