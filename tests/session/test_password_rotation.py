"""A TCP-MD5 key that changes while the session lives (RFC 2385)."""

from __future__ import annotations

import time

import pytest
from segment import LISTEN, Bird, Segment, Speaker, eventually, session

from bgpctl.compiler import render_exabgp_conf
from bgpctl.plan_diff import diff_plans
from reflector.messages import Applied
from reflector.plan import NodePlan, Origination, Password, RouteSource

pytestmark = pytest.mark.netns

A, B = "10.9.0.1", "10.9.0.2"
OLD, NEW = Password("old-secret"), Password("new-secret")


def plan(own: str, peer: str, password: Password | None, block: str) -> NodePlan:
    one = session(peer, own, password=password, hold_time=9)
    origination = Origination(block, RouteSource.BLOCK)
    return NodePlan(node=own, router_id=own, listen=LISTEN, sessions=(one,), originations=(origination,))


def plan_a(password: Password | None, block: str = "10.244.0.0/26") -> NodePlan:
    return plan(A, B, password, block)


def plan_b(password: Password | None, block: str = "10.245.0.0/26") -> NodePlan:
    return plan(B, A, password, block)


def apply(speaker: Speaker, ours: NodePlan) -> Applied:
    return speaker.apply(ours, render_exabgp_conf(ours))


def flaps(speaker: Speaker) -> int:
    (peer,) = speaker.peers().values()
    return peer.flaps


@pytest.fixture
def pair(segment: Segment) -> tuple[Speaker, Speaker]:
    """Two speakers with a session under the old key."""
    segment.host("a", f"{A}/24")
    segment.host("b", f"{B}/24")
    a = segment.speaker("a", plan_a(OLD), render_exabgp_conf(plan_a(OLD)))
    b = segment.speaker("b", plan_b(OLD), render_exabgp_conf(plan_b(OLD)))
    a.wait_established()
    eventually(lambda: "10.245.0.0/26" in a.routes(), "a has b's block")
    return a, b


def test_a_rotated_key_keeps_the_session_while_routes_flow(pair: tuple[Speaker, Speaker]) -> None:
    a, b = pair
    applied = apply(a, plan_a(NEW, "10.244.1.0/26"))
    assert (applied.added, applied.removed, applied.reset) == ((), (), ())
    assert apply(b, plan_b(NEW, "10.245.1.0/26")).reset == ()
    eventually(lambda: "10.244.1.0/26" in b.routes(), "b has what a announced while only a had the new key")
    eventually(lambda: "10.245.1.0/26" in a.routes(), "a has b's new block")
    assert (flaps(a), flaps(b)) == (0, 0)


def test_the_new_key_is_the_sessions_key_from_then_on(pair: tuple[Speaker, Speaker]) -> None:
    """The hold time passes, so KEEPALIVEs arrive under the new key; and a new connection needs it as well."""
    a, b = pair
    apply(a, plan_a(NEW))
    apply(b, plan_b(NEW))
    rotated = time.monotonic()
    eventually(lambda: time.monotonic() - rotated > 10, "more than the hold time is over", within=12)
    assert (flaps(a), flaps(b)) == (0, 0)
    b.process.kill()
    b.process.wait()
    eventually(lambda: flaps(a) == 1, "a has lost b")
    b.restart()
    a.wait_established()


def test_a_rotation_at_one_end_alone_ends_with_the_hold_time(pair: tuple[Speaker, Speaker]) -> None:
    """RFC 2385 2: segments under another key are dropped in silence; RFC 4271 6.5 ends the session then."""
    a, b = pair
    assert apply(a, plan_a(NEW)).reset == ()
    assert flaps(a) == 0
    eventually(lambda: flaps(a) == 1 and flaps(b) == 1, "the hold time is over", within=20)
    assert apply(b, plan_b(NEW)).reset == ()
    a.wait_established()


@pytest.mark.parametrize(("before", "after"), [(OLD, None), (None, NEW)], ids=["disappears", "appears"])
def test_a_key_that_comes_or_goes_resets_the_session(
    segment: Segment, before: Password | None, after: Password | None
) -> None:
    segment.host("a", f"{A}/24")
    segment.host("b", f"{B}/24")
    a = segment.speaker("a", plan_a(before), render_exabgp_conf(plan_a(before)))
    b = segment.speaker("b", plan_b(before), render_exabgp_conf(plan_b(before)))
    a.wait_established()
    assert apply(a, plan_a(after)).reset == diff_plans(plan_a(before), plan_a(after)).reset == (f"to-{B}",)
    apply(b, plan_b(after))
    eventually(lambda: a.established() and b.established(), "the session is back")


def test_a_rotation_is_foretold_to_reset_nothing() -> None:
    foretold = diff_plans(plan_a(OLD), plan_a(NEW))
    assert foretold
    assert (foretold.added, foretold.removed, foretold.reset) == ((), (), ())


def bird_conf(password: str) -> str:
    return f"""
log stderr all;
router id {B};
protocol device {{ }}
protocol static {{ ipv4; route 10.245.0.0/24 blackhole; }}
protocol bgp ours {{
  local {B} as 64512; neighbor {A} as 64512; hold time 90;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  password "{password}";
  ipv4 {{ import all; export all; }};
}}
"""


def configure(bird: Bird, password: str) -> str:
    (bird.directory / "bird.conf").write_text(bird_conf(password))
    return bird.ask("configure")


def test_bird_that_rotates_finds_our_session_with_the_new_key(segment: Segment) -> None:
    """BIRD restarts its end of a session for another key; ours stays until BIRD ends it, and returns at once."""
    segment.host("a", f"{A}/24")
    segment.host("b", f"{B}/24")
    a, bird = (
        segment.speaker("a", plan_a(OLD), render_exabgp_conf(plan_a(OLD))),
        segment.bird("b", bird_conf("old-secret")),
    )
    a.wait_established()
    eventually(lambda: "10.245.0.0/24" in a.routes(), "we have BIRD's route")
    assert apply(a, plan_a(NEW)).reset == ()
    assert (flaps(a), a.established()) == (0, True)
    assert "Reconfig" in configure(bird, "new-secret")
    eventually(lambda: bird.is_established("ours") and a.established(), "both ends are Established with the new key")
    eventually(lambda: "10.244.0.0/26" in bird.prefixes(), "BIRD has our block")
    eventually(lambda: "10.245.0.0/24" in a.routes(), "we have BIRD's route")
