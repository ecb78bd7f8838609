"""What we offer in an OPEN beyond exabgp.conf, and what is made of the peer's OPEN."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from exabgp.bgp.message import Notify, Open
from exabgp.bgp.message.open import Version
from exabgp.bgp.message.open.asn import ASN
from exabgp.bgp.message.open.capability import Capabilities, Negotiated
from exabgp.bgp.message.open.holdtime import HoldTime
from exabgp.bgp.message.open.routerid import RouterID
from exabgp.bgp.neighbor import Neighbor
from exabgp.protocol.family import AFI, SAFI
from msgspec.structs import replace
from open_makers import IPV4_UNICAST, IPV6_UNICAST, answer_to, capability, offered_to, open_body
from segment import LISTEN, RawPeer, Segment, Speaker, eventually, session

from bgpctl.compiler import render_exabgp_conf
from reflector.exabgp.negotiation import read_negotiated
from reflector.exabgp.open_message import COUNTERPART, offer, offers_the_same, role_mismatch
from reflector.plan import NodePlan, Role, SessionPlan
from reflector.session.negotiated import GracefulRestart, LongLived
from reflector.session.negotiated import Negotiated as Agreed

US, PEER, US6, PEER6 = "10.9.0.9", "10.9.0.1", "fd00:9::9", "fd00:9::1"
GRACEFUL, LONG_LIVED, ROLE, NEXT_HOP = 64, 71, 9, 5
Connect = Callable[[str, str, str], RawPeer]


def our_open(one: SessionPlan, *, restarting: bool = False) -> Open:
    """Our OPEN for this session, as ExaBGP begins and we complete it."""
    neighbor = Neighbor()
    neighbor["local-as"] = ASN(one.local_as)
    neighbor["capability"]["graceful-restart"] = one.restart_time or False
    for family in one.families:
        neighbor.add_family((AFI.ipv4 if family == 4 else AFI.ipv6, SAFI.unicast))
    capabilities = Capabilities().new(neighbor, restarting)
    offer(capabilities, one)
    return Open(Version(4), ASN(one.local_as), HoldTime(90), RouterID(US), capabilities)


def offered(one: SessionPlan) -> dict[int, list[bytes]]:
    return {code: value.extract() for code, value in our_open(one).capabilities.items()}


def negotiated(one: SessionPlan, *received: bytes) -> Agreed:
    """What our OPEN for the session and the peer's with these capabilities agree on."""
    neighbor = Neighbor()
    for family in one.families:
        neighbor.add_family((AFI.ipv4 if family == 4 else AFI.ipv6, SAFI.unicast))
    exabgps = Negotiated(neighbor)
    exabgps.sent(our_open(one))
    exabgps.received(Open.unpack_message(open_body(PEER, *received)))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return read_negotiated(exabgps, bound)


# ------------------------------------------------------------------------------- extended next hop


def test_an_ipv6_session_with_ipv4_routes_offers_ipv6_next_hops_for_them() -> None:
    """RFC 8950 4: AFI 1, SAFI 1 in two octets, next hop AFI 2; also where no IPv6 routes are exchanged."""
    assert offered(session(PEER6, US6, families=(4,)))[NEXT_HOP] == [bytes((0, 1, 0, 1, 0, 2))]


@pytest.mark.parametrize("one", [session(PEER, US, families=(4, 6)), session(PEER6, US6, families=(6,))])
def test_other_sessions_do_not(one: SessionPlan) -> None:
    assert NEXT_HOP not in offered(one)


def test_extended_next_hops_are_used_when_both_ends_have_said_so() -> None:
    """RFC 8950 4."""
    one, received = session(PEER6, US6, families=(4, 6)), capability(NEXT_HOP, bytes((0, 1, 0, 1, 0, 2)))
    assert negotiated(one, IPV4_UNICAST, received).extended_next_hop == {4}
    assert negotiated(one, IPV4_UNICAST).extended_next_hop == frozenset()
    assert negotiated(one, IPV6_UNICAST, received).extended_next_hop == frozenset()
    assert negotiated(session(PEER, US), IPV4_UNICAST, received).extended_next_hop == frozenset()


# -------------------------------------------------------------------------------------------- roles


@pytest.mark.parametrize(
    ("role", "code"),
    [(Role.PROVIDER, 0), (Role.RS, 1), (Role.RS_CLIENT, 2), (Role.CUSTOMER, 3), (Role.PEER, 4)],
)
def test_a_role_is_offered_as_its_number(role: Role, code: int) -> None:
    """RFC 9234 4.1, table 1."""
    assert offered(session(PEER, US, role=role))[ROLE] == [bytes((code,))]


def test_no_role_is_offered_unless_the_plan_has_one() -> None:
    assert ROLE not in offered(session(PEER, US))


@pytest.mark.parametrize("ours", Role)
@pytest.mark.parametrize("received", Role)
def test_only_the_counterpart_of_our_role_is_accepted(ours: Role, received: Role) -> None:
    """RFC 9234 4.2, table 2."""
    pairs = {("provider", "customer"), ("customer", "provider"), ("rs", "rs-client"), ("rs-client", "rs")}
    fits = (ours, received) in pairs | {("peer", "peer")}
    assert (role_mismatch(session(PEER, US, role=ours), frozenset({received})) == "") == fits


def test_a_peer_without_a_role_is_refused_in_strict_mode_only() -> None:
    """RFC 9234 4.2."""
    assert role_mismatch(session(PEER, US, role=Role.PEER), frozenset()) == ""
    assert role_mismatch(session(PEER, US, role=Role.PEER, role_strict=True), frozenset()) == "a role is required"


def test_several_roles_and_unknown_ones_do_not_fit() -> None:
    """RFC 9234 4.2: several with the same value count as one."""
    one = session(PEER, US, role=Role.PEER)
    assert "not customer and peer" in role_mismatch(one, frozenset({Role.PEER, Role.CUSTOMER}))
    assert "not unknown" in role_mismatch(one, frozenset({None}))


def test_a_peers_role_is_in_what_was_negotiated() -> None:
    role = capability(ROLE, b"\x03")
    assert negotiated(session(PEER, US, role=Role.PROVIDER), IPV4_UNICAST, role).role is Role.CUSTOMER
    assert negotiated(session(PEER, US, role=Role.PROVIDER), IPV4_UNICAST, role, role).role is Role.CUSTOMER
    assert negotiated(session(PEER, US), IPV4_UNICAST).role is None


def test_a_role_of_two_octets_is_an_error() -> None:
    with pytest.raises(Notify) as refused:
        negotiated(session(PEER, US), capability(ROLE, b"\x00\x03"))
    assert (refused.value.code, refused.value.subcode) == (2, 0)


def test_every_role_has_a_counterpart_whose_counterpart_it_is() -> None:
    assert {COUNTERPART[COUNTERPART[role]] for role in Role} == set(Role)


# --------------------------------------------------------------------------------- graceful restart


def graceful(flags_and_time: int, *families: bytes) -> bytes:
    return capability(GRACEFUL, flags_and_time.to_bytes(2, "big") + b"".join(families))


V4_KEPT = bytes((0, 1, 1, 0x80))


def test_our_graceful_restart_has_n_and_the_forwarding_state_bit() -> None:
    """RFC 8538 2 (N), RFC 4724 3 (F); R is not role by a speaker that is not restarting."""
    assert offered(session(PEER, US, restart_time=120))[GRACEFUL] == [bytes((0x40, 120)) + V4_KEPT]


def test_a_restarting_speaker_sets_r() -> None:
    """RFC 4724 4.1."""
    (value,) = our_open(session(PEER, US, restart_time=120), restarting=True).capabilities[GRACEFUL].extract()
    assert value[0] == 0xC0


@pytest.mark.parametrize(("flags", "agreed"), [(0x4000, True), (0x0000, False)], ids=["N", "no N"])
def test_a_notification_is_a_restart_when_both_ends_have_set_n(flags: int, agreed: bool) -> None:
    """RFC 8538 2."""
    restart = negotiated(session(PEER, US, restart_time=120), IPV4_UNICAST, graceful(flags | 60, V4_KEPT))
    assert restart.graceful_restart == GracefulRestart(60, False, frozenset({4}), frozenset({4}), agreed)


# ------------------------------------------------------------------------ long-lived graceful restart


def long_lived(*families: bytes) -> bytes:
    return capability(LONG_LIVED, b"".join(families))


V4_FOR_AN_HOUR = bytes((0, 1, 1, 0x80)) + (3600).to_bytes(3, "big")
V6_FOR_A_DAY = bytes((0, 2, 1, 0x00)) + (86400).to_bytes(3, "big")


def test_long_lived_graceful_restart_is_offered_for_each_family() -> None:
    """RFC 9494 3.1: AFI, SAFI, flags with F, and 24 bits of seconds."""
    one = session(PEER, US, families=(4, 6), restart_time=120, long_lived_stale_time=3600)
    hour = (3600).to_bytes(3, "big")
    assert offered(one)[LONG_LIVED] == [bytes((0, 1, 1, 0x80)) + hour + bytes((0, 2, 1, 0x80)) + hour]


@pytest.mark.parametrize(("restart_time", "stale_time"), [(0, 3600), (120, 0)])
def test_it_is_not_offered_without_graceful_restart_or_a_time(restart_time: int, stale_time: int) -> None:
    """RFC 9494 3.1: only together with the graceful restart capability."""
    assert LONG_LIVED not in offered(session(PEER, US, restart_time=restart_time, long_lived_stale_time=stale_time))


def test_a_time_beyond_24_bits_is_the_longest_there_is() -> None:
    (value,) = offered(session(PEER, US, restart_time=120, long_lived_stale_time=2**24 + 5))[LONG_LIVED]
    assert value[4:] == b"\xff\xff\xff"


def test_the_peers_stale_times_are_in_what_was_negotiated() -> None:
    one = session(PEER, US, families=(4, 6), restart_time=120, long_lived_stale_time=3600)
    received = (IPV4_UNICAST, IPV6_UNICAST, graceful(60, V4_KEPT), long_lived(V4_FOR_AN_HOUR, V6_FOR_A_DAY))
    assert negotiated(one, *received).long_lived == LongLived({4: 3600, 6: 86400}, frozenset({4}))


def test_it_needs_both_ends_and_graceful_restart() -> None:
    """RFC 9494 3.1: alone it is ignored; RFC 5492 4: one end is not enough."""
    one = session(PEER, US, restart_time=120, long_lived_stale_time=3600)
    assert negotiated(one, IPV4_UNICAST, long_lived(V4_FOR_AN_HOUR)).long_lived is None
    without = replace(one, long_lived_stale_time=0)
    assert negotiated(without, IPV4_UNICAST, graceful(60, V4_KEPT), long_lived(V4_FOR_AN_HOUR)).long_lived is None


def test_a_long_lived_capability_that_ends_within_a_family_is_an_error() -> None:
    with pytest.raises(Notify) as refused:
        negotiated(session(PEER, US), long_lived(V4_FOR_AN_HOUR[:-1]))
    assert (refused.value.code, refused.value.subcode) == (2, 0)


# ------------------------------------------------------------------------------- what needs a new OPEN


@pytest.mark.parametrize(
    ("field", "value"), [("role", Role.PEER), ("role_strict", True), ("long_lived_stale_time", 60)]
)
def test_what_only_the_plan_says_of_the_open_makes_two_definitions_differ(field: str, value: object) -> None:
    one = session(PEER, US, restart_time=120)
    assert offers_the_same(one, replace(one, defined_by="another"))
    assert not offers_the_same(one, replace(one, **{field: value}))


# --------------------------------------------------------------------------------------- on the wire


def start(segment: Segment, *sessions: SessionPlan) -> Speaker:
    segment.host("us", f"{US}/24", f"{US6}/64")
    segment.host("peer", f"{PEER}/24", f"{PEER6}/64")
    plan = NodePlan(node="us", router_id=US, listen=LISTEN, sessions=sessions)
    speaker = segment.speaker("us", plan, render_exabgp_conf(plan))
    speaker.wait_listening()
    return speaker


@pytest.fixture
def connect(raw_peer: Connect) -> Callable[[], RawPeer]:
    return lambda: raw_peer("peer", PEER, US)


@pytest.mark.netns
def test_a_peer_whose_role_does_not_fit_is_refused_on_the_wire(
    segment: Segment, connect: Callable[[], RawPeer]
) -> None:
    """RFC 9234 4.2: OPEN message error, Role Mismatch."""
    speaker = start(segment, session(PEER, US, role=Role.PROVIDER, passive=True))
    kind, body = answer_to(connect(), open_body(PEER, IPV4_UNICAST, capability(ROLE, b"\x00")))
    assert (kind, body[:2]) == (3, bytes((2, 11)))
    assert not speaker.established()
    kind, _ = answer_to(connect(), open_body(PEER, IPV4_UNICAST, capability(ROLE, b"\x03")))
    assert kind == 4


@pytest.mark.netns
def test_a_peer_without_a_role_is_refused_on_the_wire_in_strict_mode(
    segment: Segment, connect: Callable[[], RawPeer]
) -> None:
    """RFC 9234 4.2."""
    start(segment, session(PEER, US, role=Role.PEER, role_strict=True, passive=True))
    kind, body = answer_to(connect(), open_body(PEER, IPV4_UNICAST))
    assert (kind, body[:2]) == (3, bytes((2, 11)))


@pytest.mark.netns
def test_r_is_said_after_a_start_until_everybody_has_been_heard(
    segment: Segment, connect: Callable[[], RawPeer]
) -> None:
    """RFC 4724 4.1: the first OPEN claims the restart, and no later one once our End-of-RIB is out."""
    speaker = start(segment, session(PEER, US, passive=True, restart_time=120))
    first = connect()
    assert offered_to(first)[GRACEFUL][0][0] == 0xC0
    first.send(1, open_body(PEER, IPV4_UNICAST, graceful(0x4000 | 120, V4_KEPT)))
    first.send(4)
    eventually(speaker.established, "Established")
    first.send(2, bytes(4))
    first.receive_until(2)
    first.socket.close()
    eventually(lambda: not speaker.established(), "the speaker has noticed")
    assert offered_to(connect())[GRACEFUL][0][0] == 0x40


@pytest.mark.netns
def test_a_session_that_a_plan_resets_does_not_claim_a_restart(
    segment: Segment, connect: Callable[[], RawPeer]
) -> None:
    """RFC 4724 4.2: the speaker has not restarted."""
    one = session(PEER, US, passive=True, restart_time=120)
    speaker = start(segment, one)
    first = connect()
    first.send(1, open_body(PEER, IPV4_UNICAST, graceful(0x4000 | 120, V4_KEPT)))
    first.send(4)
    first.send(2, bytes(4))
    first.receive_until(2)
    plan = NodePlan(node="us", router_id=US, listen=LISTEN, sessions=(replace(one, hold_time=30),))
    assert speaker.apply(plan, render_exabgp_conf(plan)).reset == (one.name,)
    assert first.receive_until(3) == bytes((6, 6))
    assert offered_to(connect())[GRACEFUL][0] == bytes((0x40, 120)) + V4_KEPT


@pytest.mark.netns
def test_an_ipv6_session_for_ipv4_routes_comes_up(segment: Segment, raw_peer: Connect) -> None:
    """RFC 8950 4 on the wire, with a peer that speaks IPv4 unicast alone."""
    plan = NodePlan(
        node="us",
        router_id=US,
        listen=(*LISTEN, replace(LISTEN[0], address="::")),
        sessions=(session(PEER6, US6, passive=True),),
    )
    segment.host("us", f"{US6}/64")
    segment.host("peer", f"{PEER6}/64")
    speaker = segment.speaker("us", plan, render_exabgp_conf(plan))
    speaker.wait_listening()
    remote = raw_peer("peer", PEER6, US6)
    assert offered_to(remote)[NEXT_HOP] == [bytes((0, 1, 0, 1, 0, 2))]
    remote.send(1, open_body(PEER, IPV4_UNICAST, capability(NEXT_HOP, bytes((0, 1, 0, 1, 0, 2)))))
    remote.send(4)
    eventually(speaker.established, "Established")
