"""Sessions with BIRD 2: what our octets mean to another implementation."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from segment import LISTEN, LOCAL_AS, Bird, Segment, Speaker, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.plan import Listen, NodePlan, Origination, Password, Role, RouteSource, SessionPlan

pytestmark = pytest.mark.netns

US, BIRD = "10.9.0.1", "10.9.0.2"
US6, BIRD6 = "fd00:9::1", "fd00:9::2"


def plan(*sessions: SessionPlan, cluster_id: str = "", blocks: tuple[str, ...] = ("10.244.0.0/26",)) -> NodePlan:
    originations = tuple(Origination(block, RouteSource.BLOCK) for block in blocks)
    return NodePlan(
        node="us", router_id=US, cluster_id=cluster_id, listen=LISTEN, sessions=sessions, originations=originations
    )


def bird_conf(options: str = "", asn: int = LOCAL_AS, channel: str = "ipv4", neighbor: str = US) -> str:
    """A BIRD that originates one static route and imports and exports everything."""
    local, route = (BIRD, "10.245.0.0/24") if channel == "ipv4" else (BIRD6, "fd00:245::/64")
    return f"""
log stderr all;
router id {BIRD};
protocol device {{ }}
protocol static {{ {channel}; route {route} blackhole; }}
protocol bgp ours {{
  local {local} as {asn};
  neighbor {neighbor} as {LOCAL_AS};
  connect delay time 1; connect retry time 1;
  {channel} {{ import all; export all; }};
  {options}
}}
"""


@pytest.fixture
def pair(segment: Segment) -> Segment:
    segment.host("us", f"{US}/24", f"{US6}/64")
    segment.host("bird", f"{BIRD}/24", f"{BIRD6}/64")
    return segment


def start(pair: Segment, ours: NodePlan, conf: str) -> tuple[Speaker, Bird]:
    speaker, bird = pair.speaker("us", ours), pair.bird("bird", conf)
    speaker.wait_established()
    eventually(lambda: bird.is_established("ours"), "BIRD has it Established")
    return speaker, bird


def test_bird_as_client_of_our_reflector(pair: Segment) -> None:
    speaker, bird = start(pair, plan(session(BIRD, US, rr_client=True), cluster_id="9.9.9.9"), bird_conf())
    eventually(lambda: "10.244.0.0/26" in bird.prefixes(), "BIRD has our block")
    route = eventually(lambda: speaker.routes().get("10.245.0.0/24"), "we have BIRD's route")
    assert (route.next_hop, route.local_pref, route.as_path) == (BIRD, 100, "")
    assert f"BGP.next_hop: {US}" in bird.ask("show", "route", "for", "10.244.0.0/26", "all")


def test_bird_as_reflector_above_us(pair: Segment) -> None:
    """Our own route comes back with ORIGINATOR_ID and is dropped (RFC 4456 8)."""
    conf = bird_conf("rr client; rr cluster id 7.7.7.7;")
    speaker, bird = start(pair, plan(session(BIRD, US)), conf)
    eventually(lambda: "10.245.0.0/24" in speaker.routes(), "we have BIRD's route")
    eventually(lambda: "10.244.0.0/26" in bird.prefixes(), "BIRD has our block")
    assert speaker.routes()["10.244.0.0/26"].source is RouteSource.BLOCK


def test_bird_as_ebgp_peer(pair: Segment) -> None:
    """RFC 4271 5.1.2, 5.1.3, 5.1.5: own AS in front, next hop self, no LOCAL_PREF."""
    ours = plan(session(BIRD, US, peer_as=65001))
    speaker, bird = start(pair, ours, bird_conf("direct;", asn=65001))
    route = eventually(lambda: speaker.routes().get("10.245.0.0/24"), "we have BIRD's route")
    assert (route.as_path, route.local_pref) == ("65001", 100)
    shown = eventually(lambda: bird.ask("show", "route", "for", "10.244.0.0/26", "all"), "BIRD has our block")
    eventually(lambda: f"BGP.as_path: {LOCAL_AS}" in bird.ask("show", "route", "all"), "our AS stands in the path")
    assert f"BGP.local_pref: {2147483647 - 1024}" not in shown


def test_bird_over_ipv6(pair: Segment) -> None:
    """RFC 4760 and RFC 2545: MP_REACH_NLRI with a global next hop."""
    ours = plan(session(BIRD6, US6, families=(6,)), blocks=("fd00:244::/122",))
    speaker, bird = start(pair, ours, bird_conf(channel="ipv6", neighbor=US6))
    eventually(lambda: "fd00:244::/122" in bird.prefixes(), "BIRD has our block")
    assert f"BGP.next_hop: {US6}" in bird.ask("show", "route", "for", "fd00:244::/122", "all")
    assert speaker.peers()[f"to-{BIRD6}"].received == 1


def test_bird_with_the_same_md5_key(pair: Segment) -> None:
    """RFC 2385."""
    ours = plan(session(BIRD, US, password=Password("secret")))
    speaker, _ = start(pair, ours, bird_conf('password "secret";'))
    assert speaker.peers()[f"to-{BIRD}"].state == "Established"


def test_bird_with_another_md5_key_never_comes_up(pair: Segment) -> None:
    ours = plan(session(BIRD, US, password=Password("secret")))
    speaker, bird = pair.speaker("us", ours), pair.bird("bird", bird_conf('password "other";'))
    eventually(lambda: "Connect" in bird.ask("show", "protocols", "ours"), "BIRD dials")
    with pytest.raises(pytest.fail.Exception):
        eventually(speaker.established, "a session in spite of the keys", within=3)


@pytest.mark.parametrize(("role", "birds"), [(Role.PROVIDER, "customer"), (Role.RS, "rs_client"), (Role.PEER, "peer")])
def test_bird_with_the_counterpart_of_our_role(pair: Segment, role: Role, birds: str) -> None:
    """RFC 9234 4.2, with both ends strict."""
    ours = plan(session(BIRD, US, peer_as=65001, role=role, role_strict=True))
    _, bird = start(pair, ours, bird_conf(f"direct; local role {birds}; require roles yes;", asn=65001))
    assert f"Role: {birds}" in bird.ask("show", "protocols", "all", "ours")


def test_bird_with_a_role_that_does_not_fit_never_comes_up(pair: Segment) -> None:
    """RFC 9234 4.2: the end that notices first sends Role Mismatch."""
    ours = plan(session(BIRD, US, peer_as=65001, role=Role.PROVIDER))
    speaker = pair.speaker("us", ours, render_exabgp_conf(ours))
    bird = pair.bird("bird", bird_conf("direct; local role provider;", asn=65001))
    eventually(lambda: "Role mismatch" in bird.ask("show", "protocols", "all", "ours"), "BIRD names the reason")
    assert not speaker.established()


def test_bird_hears_of_our_long_lived_graceful_restart(pair: Segment) -> None:
    """RFC 9494 3.1, RFC 4724 3."""
    ours = plan(session(BIRD, US, restart_time=120, long_lived_stale_time=3600))
    options = "graceful restart on; long lived graceful restart on; long lived stale time 7200;"
    speaker, bird = pair.speaker("us", ours, render_exabgp_conf(ours)), pair.bird("bird", bird_conf(options))
    speaker.wait_established()
    shown = eventually(
        lambda: bird.is_established("ours") and bird.ask("show", "protocols", "all", "ours"), "BIRD has it Established"
    )
    capabilities = shown[shown.index("Neighbor capabilities") :]
    assert "Restart time: 120" in capabilities
    assert "LL stale time: 3600" in capabilities


def test_bird_hears_that_ipv4_routes_may_have_ipv6_next_hops(pair: Segment) -> None:
    """RFC 8950 4."""
    listen = (*LISTEN, Listen("::"))
    ours = replace(plan(session(BIRD6, US6, families=(4,))), listen=listen, originations=())
    speaker = pair.speaker("us", ours, render_exabgp_conf(ours))
    conf = bird_conf(neighbor=US6).replace(f"local {BIRD} ", f"local {BIRD6} ")
    bird = pair.bird("bird", conf.replace("export all;", "export none; extended next hop on;"))
    speaker.wait_established()
    shown = eventually(
        lambda: bird.is_established("ours") and bird.ask("show", "protocols", "all", "ours"), "BIRD has it Established"
    )
    assert "Extended next hop" in shown[shown.index("Neighbor capabilities") :]


def test_a_route_refresh_of_bird_is_answered(pair: Segment) -> None:
    """RFC 2918 4: BIRD drops what it has and asks again."""
    speaker, bird = start(pair, plan(session(BIRD, US)), bird_conf())
    eventually(lambda: "10.244.0.0/26" in bird.prefixes(), "BIRD has our block")
    sent = speaker.peers()[f"to-{BIRD}"].updates_out
    bird.ask("reload", "in", "ours")
    eventually(lambda: speaker.peers()[f"to-{BIRD}"].updates_out > sent, "we have sent our routes again")
    assert "10.244.0.0/26" in bird.prefixes()
    assert speaker.peers()[f"to-{BIRD}"].flaps == 0
