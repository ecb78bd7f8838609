"""What a kind of peer is sent of a route: next hop, attributes, and what is withheld (RFC 4271 5, 9.1.3; RFC 1997)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from shown import explain
from speaker_makers import (
    OUR_ADDRESS,
    OUR_ADDRESS_V6,
    OUR_AS,
    Router,
    a_client,
    a_plan,
    a_session,
    an_ebgp_peer,
    an_origination,
    announce,
    as_sequence,
    communities,
    some_attributes,
)

from reflector.addresses import pack_address, unpack_address
from reflector.plan import (
    PRIORITY_BASE,
    AddCommunity,
    Match,
    NextHopMode,
    Policy,
    PolicyRule,
    SetMed,
    SetNextHop,
    Verdict,
)
from reflector.rib.loc_rib import next_hops
from reflector.verdict import RouteVerdict
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import AS_SEQUENCE, AS_SET, Code, RawAttribute
from reflector.wire.communities import parse_community
from reflector.wire.message import HEADER_LENGTH
from reflector.wire.nlri import pack_nlri
from reflector.wire.update import announcements

P, P6 = "10.1.0.0/26", "fd00:1::/64"
SOURCE = a_client("source", "10.0.0.1")
INTERNAL_LISTENER = a_client("listener", "10.0.0.2")
EXTERNAL_LISTENER = an_ebgp_peer("listener", "10.0.0.2", 65001)


def a_router(listener, source=SOURCE, *, over: str = OUR_ADDRESS, **plan) -> Router:
    router = Router(a_plan(source, listener, **plan))
    router.up("source")
    router.up("listener", local_address=pack_address(over))
    return router


def with_mode(listener, mode: NextHopMode):
    return replace(listener, next_hop_mode=mode)


def advertised_next_hop(router: Router, prefix: str) -> str:
    known = router.tables["listener"].routes
    return unpack_address(known[prefix].next_hop) if prefix in known else "nothing"


# -------------------------------------------------------------------------------------- next hop


@pytest.mark.parametrize(
    ("listener", "mode", "expected"),
    [
        pytest.param(INTERNAL_LISTENER, NextHopMode.AUTO, "10.7.7.7", id="iBGP keeps it"),
        pytest.param(INTERNAL_LISTENER, NextHopMode.KEEP, "10.7.7.7", id="iBGP keep"),
        pytest.param(INTERNAL_LISTENER, NextHopMode.SELF, OUR_ADDRESS, id="iBGP self, also of a reflected route"),
        pytest.param(EXTERNAL_LISTENER, NextHopMode.AUTO, OUR_ADDRESS, id="eBGP is ourselves"),
        pytest.param(EXTERNAL_LISTENER, NextHopMode.SELF, OUR_ADDRESS, id="eBGP self"),
        pytest.param(EXTERNAL_LISTENER, NextHopMode.KEEP, "10.7.7.7", id="eBGP keep"),
    ],
)
def test_next_hop_of_a_learned_route(listener, mode: NextHopMode, expected: str) -> None:
    """RFC 4271 5.1.3."""
    router = a_router(with_mode(listener, mode))
    router.receive("source", announce(P, next_hop="10.7.7.7"))
    assert advertised_next_hop(router, P) == expected


@pytest.mark.parametrize("listener", [INTERNAL_LISTENER, EXTERNAL_LISTENER])
@pytest.mark.parametrize("mode", list(NextHopMode))
def test_the_next_hop_of_our_own_route_is_always_ourselves(listener, mode: NextHopMode) -> None:
    router = a_router(with_mode(listener, mode), originations=(an_origination(P),))
    assert advertised_next_hop(router, P) == OUR_ADDRESS


@pytest.mark.parametrize(("listener", "expected"), [(INTERNAL_LISTENER, "10.7.7.7"), (EXTERNAL_LISTENER, OUR_ADDRESS)])
def test_our_own_route_via_a_gateway_is_treated_like_a_learned_one(listener, expected: str) -> None:
    router = a_router(listener, originations=(an_origination(P, next_hop="10.7.7.7"),))
    assert advertised_next_hop(router, P) == expected


def test_a_family_in_which_we_have_no_address_on_this_session_is_withheld() -> None:
    """An IPv4-mapped address (RFC 4798) is for labelled routes, not for unicast ones."""
    router = a_router(EXTERNAL_LISTENER, originations=(an_origination(P6), an_origination(P)))
    assert router.advertised("listener") == {P}
    router = a_router(EXTERNAL_LISTENER, over=OUR_ADDRESS_V6, originations=(an_origination(P6), an_origination(P)))
    assert router.advertised("listener") == {P6}


def saying(next_hop: str) -> Policy:
    return Policy("says", (PolicyRule(Verdict.ACCEPT, operations=(SetNextHop(next_hop),)),))


@pytest.mark.parametrize("listener", [INTERNAL_LISTENER, EXTERNAL_LISTENER])
@pytest.mark.parametrize("mode", list(NextHopMode))
@pytest.mark.parametrize(("says", "expected"), [("self", OUR_ADDRESS), ("keep", "10.7.7.7"), ("10.8.8.8", "10.8.8.8")])
def test_an_export_policy_stands_above_the_mode(listener, mode: NextHopMode, says: str, expected: str) -> None:
    listener = replace(with_mode(listener, mode), export_policies=("says",))
    router = a_router(listener, policies=(saying(says),))
    router.receive("source", announce(P, next_hop="10.7.7.7"))
    assert advertised_next_hop(router, P) == expected


def test_an_import_policy_may_ask_for_next_hop_self_and_this_node_forwards_as_before() -> None:
    source = replace(SOURCE, import_policies=("says",))
    router = a_router(INTERNAL_LISTENER, source, policies=(saying("self"),))
    turn = router.receive("source", announce(P, next_hop="10.7.7.7"))
    assert advertised_next_hop(router, P) == OUR_ADDRESS
    ((transition, _),) = turn.changes[4]
    assert next_hops(transition.after) == (pack_address("10.7.7.7"),)


def test_an_address_of_an_import_policy_is_the_next_hop_here_and_treated_by_mode_elsewhere() -> None:
    source = replace(SOURCE, import_policies=("says",))
    for listener, expected in ((INTERNAL_LISTENER, "10.8.8.8"), (EXTERNAL_LISTENER, OUR_ADDRESS)):
        router = a_router(listener, source, policies=(saying("10.8.8.8"),))
        turn = router.receive("source", announce(P, next_hop="10.7.7.7"))
        assert advertised_next_hop(router, P) == expected
        ((transition, _),) = turn.changes[4]
        assert next_hops(transition.after) == (pack_address("10.8.8.8"),)


def test_an_export_policy_stands_above_an_import_policy() -> None:
    listener = replace(INTERNAL_LISTENER, export_policies=("keep",))
    policies = (saying("self"), replace(saying("keep"), name="keep"))
    router = a_router(listener, replace(SOURCE, import_policies=("says",)), policies=policies)
    router.receive("source", announce(P, next_hop="10.7.7.7"))
    assert advertised_next_hop(router, P) == "10.7.7.7"


def test_an_external_peer_is_not_sent_itself_as_next_hop() -> None:
    """RFC 4271 5.1.3."""
    router = a_router(with_mode(EXTERNAL_LISTENER, NextHopMode.KEEP))
    router.receive("source", announce(P, next_hop="10.0.0.2"), announce("10.2.0.0/26", next_hop="10.0.0.3"))
    assert router.advertised("listener") == {"10.2.0.0/26"}
    (advertised,) = [each for each in explain(router.engine, P).exports if each.peer == "listener"]
    assert advertised.rule == "its next hop is the peer itself (RFC 4271 5.1.3)"


def test_reflected_ipv6_routes_pass_over_an_ipv4_session() -> None:
    router = a_router(INTERNAL_LISTENER)
    router.receive("source", announce(P6, next_hop="fd00::7"))
    assert advertised_next_hop(router, P6) == "fd00::7"


EXTENDED = frozenset((4,))


def a_router_over(listener, over: str, extended: frozenset[int], **plan) -> Router:
    """The listener's session is over this address of ours."""
    router = Router(a_plan(SOURCE, listener, **plan))
    router.up("source", extended_next_hop=EXTENDED)
    router.up("listener", local_address=pack_address(over), extended_next_hop=extended)
    return router


@pytest.mark.parametrize("over", [OUR_ADDRESS, OUR_ADDRESS_V6])
@pytest.mark.parametrize(("extended", "expected"), [(EXTENDED, "fd00::7"), (frozenset(), "nothing")])
def test_an_ipv4_route_with_an_ipv6_next_hop_is_for_peers_that_take_it(over: str, extended, expected: str) -> None:
    """RFC 8950 4: only where the capability was agreed on."""
    router = a_router_over(INTERNAL_LISTENER, over, extended)
    router.receive("source", announce(P, next_hop="fd00::7"), announce("10.2.0.0/26", next_hop="10.7.7.7"))
    assert advertised_next_hop(router, P) == expected
    assert advertised_next_hop(router, "10.2.0.0/26") == "10.7.7.7"
    (advertised,) = [each for each in explain(router.engine, P).exports if each.peer == "listener"]
    if not extended:
        assert advertised.verdict == RouteVerdict.NO_NEXT_HOP.value
        assert advertised.rule == "its next hop is IPv6, which the peer does not take for IPv4 routes (RFC 8950)"


@pytest.mark.parametrize("listener", [INTERNAL_LISTENER, EXTERNAL_LISTENER])
def test_our_ipv6_address_is_the_next_hop_of_our_ipv4_routes_where_the_peer_takes_it(listener) -> None:
    """RFC 8950 4; without the capability there is no next hop of ours for them on this session."""
    originations = (an_origination(P), an_origination(P6))
    router = a_router_over(listener, OUR_ADDRESS_V6, EXTENDED, originations=originations)
    assert advertised_next_hop(router, P) == advertised_next_hop(router, P6) == OUR_ADDRESS_V6
    router = a_router_over(listener, OUR_ADDRESS_V6, frozenset(), originations=originations)
    assert router.advertised("listener") == {P6}


def test_next_hop_self_on_an_ipv4_session_stays_ipv4_whatever_the_peer_takes() -> None:
    router = a_router_over(EXTERNAL_LISTENER, OUR_ADDRESS, EXTENDED, originations=(an_origination(P),))
    router.receive("source", announce("10.2.0.0/26", next_hop="fd00::7"))
    assert advertised_next_hop(router, P) == advertised_next_hop(router, "10.2.0.0/26") == OUR_ADDRESS


def test_an_ipv6_next_hop_of_a_policy_is_for_ipv6_routes() -> None:
    listener = replace(EXTERNAL_LISTENER, export_policies=("says",))
    router = a_router_over(listener, OUR_ADDRESS, EXTENDED, policies=(saying("fd00::8"),))
    router.receive("source", announce(P), announce(P6))
    assert (advertised_next_hop(router, P), advertised_next_hop(router, P6)) == (OUR_ADDRESS, "fd00::8")


def test_a_link_local_next_hop_stays_on_its_link() -> None:
    """RFC 2545 3."""
    router = a_router(INTERNAL_LISTENER)
    both = pack_address("fd00::7") + pack_address("fe80::7")
    body = announce(P6, next_hop="fd00::7")
    value = pack_address("fd00::7")
    # The next hop grows by 16 octets, and so do MP_REACH_NLRI and the attributes.
    body = body.replace(b"\x10" + value, b"\x20" + both)
    length, reach = int.from_bytes(body[2:4], "big") + 16, int.from_bytes(body[6:8], "big") + 16
    body = body[:2] + length.to_bytes(2, "big") + body[4:6] + reach.to_bytes(2, "big") + body[8:]
    router.receive("source", body)
    assert router.engine.peers["source"].adj_rib_in[6].routes[pack_nlri(P6)].received.next_hop == both
    assert router.attributes("listener", P6).next_hop == value


# ------------------------------------------------------------------------------------- attributes


def test_an_external_peer_gets_our_as_in_front_and_nothing_internal() -> None:
    """RFC 4271 5.1.2, 5.1.4, 5.1.5; RFC 4456 8."""
    router = a_router(EXTERNAL_LISTENER)
    fields = {"originator_id": bytes(4), "cluster_list": (bytes(4),), "communities": (7,), "origin": 2}
    router.receive("source", announce(P, as_path=(65009,), local_pref=150, med=7, **fields))
    advertised = router.attributes("listener", P)
    assert advertised.as_path == as_sequence(OUR_AS, 65009)
    assert (advertised.local_pref, advertised.med, advertised.originator_id, advertised.cluster_list) == (
        None,
        None,
        b"",
        (),
    )
    assert (advertised.communities, advertised.origin) == ((7,), 2)


def test_the_as_of_the_session_is_prepended() -> None:
    router = a_router(an_ebgp_peer("listener", "10.0.0.2", 65001, local_as=64999), originations=(an_origination(P),))
    assert router.attributes("listener", P).as_path == as_sequence(64999)


def test_unknown_transitive_attributes_travel_on() -> None:
    """RFC 4271 5."""
    router = a_router(EXTERNAL_LISTENER)
    router.receive("source", announce(P, others=(RawAttribute(0xC0, 99, b"x"),)))
    assert router.attributes("listener", P).others == (RawAttribute(0xE0, 99, b"x"),)


def test_the_med_of_a_policy_reaches_another_as_and_a_received_one_does_not() -> None:
    """RFC 4271 5.1.4."""
    policy = Policy("p", (PolicyRule(Verdict.ACCEPT, Match(community="65001:7"), operations=(SetMed(3),)),))
    listener = replace(EXTERNAL_LISTENER, export_policies=("p",))
    router = a_router(listener, policies=(policy,))
    router.receive("source", announce(P, med=7, communities=communities("65001:7")), announce("10.2.0.0/26", med=7))
    assert router.attributes("listener", P).med == 3
    assert router.attributes("listener", "10.2.0.0/26").med is None


def test_non_transitive_extended_communities_are_not_sent_to_another_as() -> None:
    """RFC 4360 6."""
    given = (bytes.fromhex("4004fc0000000007"), parse_community("rt:64512:7"))
    for listener, expected in ((INTERNAL_LISTENER, given), (EXTERNAL_LISTENER, given[1:])):
        router = a_router(listener)
        router.receive("source", announce(P, extended_communities=given))
        assert router.attributes("listener", P).extended_communities == expected


AGGREGATE = (
    RawAttribute(0x40, Code.ATOMIC_AGGREGATE, b""),
    RawAttribute(0xC0, Code.AGGREGATOR, (4200000000).to_bytes(4, "big") + pack_address("10.9.9.9")),
)


@pytest.mark.parametrize("listener", [INTERNAL_LISTENER, EXTERNAL_LISTENER])
@pytest.mark.parametrize("four_octet_as", [True, False])
def test_what_an_aggregate_says_of_itself_is_sent_on(listener, four_octet_as: bool) -> None:
    """RFC 4271 5.1.6: ATOMIC_AGGREGATE must not be taken off; 5.1.7: AGGREGATOR; RFC 6793 4.2.2: with a large AS."""
    router = Router(a_plan(SOURCE, listener))
    router.up("source")
    router.up("listener", four_octet_as=four_octet_as)
    router.receive("source", announce(P, as_path=(65009,), others=AGGREGATE))
    assert router.attributes("listener", P).others == AGGREGATE


def test_the_set_of_an_aggregate_is_sent_on_behind_our_as() -> None:
    """RFC 4271 5.1.2 b: a new sequence in front of the set."""
    router = a_router(EXTERNAL_LISTENER)
    path = ((AS_SET, (1, 2)),)
    attributes = some_attributes().replace(as_path=path)
    (message,) = announcements(4, encode_attributes(attributes), attributes.next_hop, [pack_nlri(P)], 4096)
    router.receive("source", message[HEADER_LENGTH:])
    assert router.attributes("listener", P).as_path == ((AS_SEQUENCE, (OUR_AS,)), *path)


@pytest.mark.parametrize("advertised_in_four", [True, False])
@pytest.mark.parametrize("received_in_four", [True, False])
def test_large_as_numbers_pass_through_two_octet_sessions_either_way(
    received_in_four: bool, advertised_in_four: bool
) -> None:
    """RFC 6793 4.2.2 and 4.2.3: from a two-octet peer, to a two-octet peer, and both."""
    source = an_ebgp_peer("source", "10.0.0.1", 65009)
    router = Router(a_plan(source, EXTERNAL_LISTENER))
    router.up("source", four_octet_as=received_in_four)
    router.up("listener", four_octet_as=advertised_in_four)
    body = announce(P, as_path=(65009, 4200000000, 7), local_pref=None, four_octet_as=received_in_four)
    router.receive("source", body)
    assert router.attributes("listener", P).as_path == as_sequence(OUR_AS, 65009, 4200000000, 7)


def test_our_own_large_as_goes_to_a_two_octet_peer_as_as_trans() -> None:
    """RFC 6793 4.2.2."""
    listener = an_ebgp_peer("listener", "10.0.0.2", 65001, local_as=4200000001)
    router = Router(a_plan(listener, originations=(an_origination(P),)))
    router.up("listener", four_octet_as=False)
    assert router.attributes("listener", P).as_path == as_sequence(4200000001)
    assert b"\x02\x01\x5b\xa0" in router.tables["listener"].updates[0]


def test_our_own_route_carries_its_metric_as_local_pref_to_internal_peers() -> None:
    router = a_router(INTERNAL_LISTENER, originations=(an_origination(P, priority=512, communities=("65001:7",)),))
    advertised = router.attributes("listener", P)
    assert (advertised.local_pref, advertised.as_path, advertised.origin) == (PRIORITY_BASE - 512, (), 0)
    assert advertised.communities == communities("65001:7")


def test_a_route_of_an_external_peer_gets_the_default_local_pref_inside() -> None:
    """RFC 4271 5.1.5."""
    router = a_router(INTERNAL_LISTENER, an_ebgp_peer("source", "10.0.0.1", 65009))
    router.receive("source", announce(P, local_pref=None, as_path=(65009,), med=7))
    advertised = router.attributes("listener", P)
    assert (advertised.local_pref, advertised.med, advertised.as_path) == (100, 7, as_sequence(65009))


def test_large_as_numbers_reach_a_two_octet_peer() -> None:
    """RFC 6793 4.2.2; the table reads with a two-octet reader."""
    router = Router(a_plan(SOURCE, EXTERNAL_LISTENER))
    router.up("source")
    router.up("listener", four_octet_as=False)
    router.receive("source", announce(P, as_path=(4200000000, 65009)))
    assert router.attributes("listener", P).as_path == as_sequence(OUR_AS, 4200000000, 65009)


# --------------------------------------------------------------------------------------- withheld


@pytest.mark.parametrize(
    ("community", "internal", "external"),
    [(0xFFFFFF01, True, False), (0xFFFFFF02, False, False), (0xFFFFFF03, True, False), (0xFFFFFF04, True, True)],
    ids=["NO_EXPORT", "NO_ADVERTISE", "NO_EXPORT_SUBCONFED", "another"],
)
def test_well_known_communities(community: int, internal: bool, external: bool) -> None:
    """RFC 1997: NO_ADVERTISE is sent to no peer. Without confederations NO_EXPORT and NO_EXPORT_SUBCONFED mean the
    same: to no other AS."""
    for listener, expected in ((INTERNAL_LISTENER, internal), (EXTERNAL_LISTENER, external)):
        router = a_router(listener)
        router.receive("source", announce(P, communities=(community,)))
        assert (P in router.advertised("listener")) is expected


def test_no_export_that_this_policy_adds_is_for_the_peer_to_obey() -> None:
    policy = Policy("p", (PolicyRule(Verdict.ACCEPT, operations=(AddCommunity("65535:65281"),)),))
    listener = an_ebgp_peer("listener", "10.0.0.2", 65001, export_policies=("p",))
    router = a_router(listener, policies=(policy,), originations=(an_origination(P),))
    assert router.attributes("listener", P).communities == (0xFFFFFF01,)


def test_an_external_peer_is_not_sent_its_own_route() -> None:
    router = Router(a_plan(an_ebgp_peer("x", "10.0.0.1", 65001), an_ebgp_peer("y", "10.0.0.2", 65001)))
    router.up("x")
    router.up("y")
    router.receive("x", announce(P, local_pref=None, as_path=(65001,)))
    assert router.advertised("x") == set()
    assert router.advertised("y") == {P}


def test_an_external_peer_whose_route_becomes_best_is_sent_no_more_of_the_other() -> None:
    router = Router(a_plan(an_ebgp_peer("x", "10.0.0.1", 65001), an_ebgp_peer("y", "10.0.0.2", 65002)))
    router.up("x")
    router.up("y")
    router.receive("x", announce(P, local_pref=None, as_path=(65001, 1, 2)))
    router.receive("y", announce(P, local_pref=None, as_path=(65002, 1)))
    assert (router.advertised("x"), router.advertised("y")) == ({P}, set())


def test_attributes_that_fit_no_message_of_the_peer_are_withheld_and_an_older_route_withdrawn() -> None:
    """RFC 8654 5: they may have come in a longer message."""
    router = Router(a_plan(SOURCE, INTERNAL_LISTENER))
    router.up("source", max_length=65535)
    router.up("listener")
    fits = tuple(range(1, 960))
    router.receive("source", announce(P, communities=fits))
    assert router.attributes("listener", P).communities == fits
    router.receive("source", announce(P, communities=(*fits, *range(1000, 1080))))
    assert router.advertised("listener") == set()
    assert router.selected() == {P: "source"}
    view = router.engine.peers["listener"].group.view  # type: ignore[union-attr]  # it is Established
    path = router.engine.ribs[4].best(pack_nlri(P))
    assert path is not None
    assert view.decide(path, 0).verdict is RouteVerdict.TOO_LONG


def test_every_length_of_attributes_is_either_sent_whole_or_withheld() -> None:
    """Around the limit, octet by octet; a message that is too long fails in the listener's reader."""
    router = Router(a_plan(SOURCE, INTERNAL_LISTENER))
    router.up("source", max_length=65535)
    router.up("listener")
    advertised = []
    for length in range(3950, 4090):
        router.receive("source", announce(P, "10.2.0.0/32", others=(RawAttribute(0xE0, 99, bytes(length)),)))
        advertised.append(len(router.advertised("listener")))
    assert set(advertised) == {2, 0}
    assert advertised == sorted(advertised, reverse=True)


def test_the_decision_of_the_policy_is_explained() -> None:
    policy = Policy("p", (PolicyRule(Verdict.REJECT, defined_by="export rule 1 of BGPFilter no-pods"),))
    router = a_router(a_session("listener", "10.0.0.2", export_policies=("p",)), policies=(policy,))
    router.receive("source", announce(P))
    path = router.engine.ribs[4].best(pack_nlri(P))
    assert path is not None
    decision = router.engine.peers["listener"].group.view.decide(path, 0)  # type: ignore[union-attr]  # Established
    assert decision == (RouteVerdict.EXPORT_REJECTED, "export rule 1 of BGPFilter no-pods", None, None)
