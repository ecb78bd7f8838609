"""Policies: every condition and operation, how rules follow each other, and classes of prefixes (plan.Policy)."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speaker_makers import a_session, as_sequence, some_attributes

from reflector.addresses import pack_address
from reflector.plan import (
    PRIORITY_BASE,
    AddCommunity,
    Match,
    NextHopMode,
    Policy,
    PolicyRule,
    PrefixMatch,
    PrependAsPath,
    RemoveCommunity,
    RouteSource,
    SessionType,
    SetLocalPref,
    SetMed,
    SetNextHop,
    Verdict,
)
from reflector.policy.prefix_classes import PrefixClasses
from reflector.policy.rules import Outcome, PolicyChain
from reflector.rib.path import Path
from reflector.session.sender import sender_of
from reflector.wire.attributes import AS_SEQUENCE, AS_SET, PathAttributes
from reflector.wire.communities import parse_community
from reflector.wire.nlri import pack_nlri

ACCEPT, REJECT, CONTINUE = Verdict.ACCEPT, Verdict.REJECT, Verdict.CONTINUE
POOL = PrefixMatch("10.0.0.0/16", 16, 28)


def a_path(
    attributes: PathAttributes | None = None, source: RouteSource = RouteSource.BGP, interface: str = ""
) -> Path:
    sent_by = sender_of(a_session("peer", "10.0.0.1")) if source is RouteSource.BGP else None
    path = Path(sent_by, 4, attributes or some_attributes(), attributes or some_attributes())
    path.source, path.interface = source, interface
    return path


def evaluate(
    *policies: Policy | PolicyRule,
    prefix: str = "10.0.1.0/24",
    path: Path | None = None,
    default: Verdict = REJECT,
    session_type: SessionType = SessionType.IBGP,
) -> Outcome:
    """Bare rules are one policy called "p"."""
    rules = tuple(item for item in policies if isinstance(item, PolicyRule))
    chain = (Policy("p", rules),) if rules else tuple(item for item in policies if isinstance(item, Policy))
    family = 6 if ":" in prefix else 4
    matches = [rule.match.prefix for policy in chain for rule in policy.rules if rule.match.prefix]
    classes = PrefixClasses(family, matches)
    path = path or a_path()
    assert path.attributes is not None
    prefix_class = classes.classify(pack_nlri(prefix))
    return PolicyChain(chain, default, session_type, classes).evaluate(path, path.attributes, prefix_class)


def matches(match: Match, **given) -> bool:
    return evaluate(PolicyRule(ACCEPT, match), **given).attributes is not None


# ------------------------------------------------------------------------------------ conditions


def test_no_condition_matches_every_route() -> None:
    assert matches(Match())


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("10.0.0.0/16", True),
        ("10.0.255.240/28", True),
        ("10.0.0.0/15", False),
        ("10.0.0.0/8", False),
        ("10.0.0.0/29", False),
        ("10.1.0.0/24", False),
    ],
)
def test_prefix_inside_a_network_with_a_length_in_range(prefix: str, expected: bool) -> None:
    assert matches(Match(prefix=POOL), prefix=prefix) is expected


def test_a_negated_prefix_matches_all_others_of_its_family() -> None:
    outside = Match(prefix=PrefixMatch("10.0.0.0/16", 16, 28, negate=True))
    assert not matches(outside, prefix="10.0.1.0/24")
    assert matches(outside, prefix="10.0.1.0/29")
    assert matches(outside, prefix="10.1.0.0/24")
    assert not matches(outside, prefix="fd00::/64")


def test_ipv6_prefixes() -> None:
    pool = Match(prefix=PrefixMatch("fd00:10::/32", 32, 122))
    assert matches(pool, prefix="fd00:10:0:1::/122")
    assert not matches(pool, prefix="fd00:11::/64")
    assert not matches(pool, prefix="fd00:10::/128")
    assert not matches(pool, prefix="10.0.1.0/24")


def test_the_default_route_of_either_family() -> None:
    assert matches(Match(prefix=PrefixMatch("0.0.0.0/0", 0, 0)), prefix="0.0.0.0/0")
    assert not matches(Match(prefix=PrefixMatch("0.0.0.0/0", 0, 0)), prefix="128.0.0.0/1")
    assert matches(Match(prefix=PrefixMatch("::/0", 0, 128)), prefix="fd00::1/128")


def test_sources() -> None:
    kernel = Match(sources=(RouteSource.KERNEL, RouteSource.DIRECT))
    assert matches(kernel, path=a_path(source=RouteSource.KERNEL))
    assert not matches(kernel, path=a_path(source=RouteSource.BGP))


def test_session_type_is_that_of_the_session_the_policy_is_for() -> None:
    external = Match(session_type=SessionType.EBGP)
    assert matches(external, session_type=SessionType.EBGP)
    assert not matches(external, session_type=SessionType.IBGP)


@pytest.mark.parametrize(
    ("interface", "globs", "expected"),
    [
        ("cali0123", ("eth*", "cali*"), True),
        ("eth0", ("eth?",), True),
        ("eth10", ("eth?",), False),
        ("ETH0", ("eth0",), False),
        ("", ("*",), False),
    ],
)
def test_interfaces_are_globs_and_a_blackhole_has_none(interface: str, globs: tuple[str, ...], expected: bool) -> None:
    path = a_path(source=RouteSource.KERNEL, interface=interface)
    assert matches(Match(interfaces=globs), path=path) is expected


def test_communities_of_either_size() -> None:
    path = a_path(some_attributes(communities=(65001 << 16 | 7,), large_communities=((65001, 1, 2),)))
    assert matches(Match(community="65001:7"), path=path)
    assert matches(Match(community="65001:1:2"), path=path)
    assert not matches(Match(community="65001:8"), path=path)
    assert not matches(Match(community="65001:2:1"), path=path)


def test_extended_communities_are_matched_by_kind_and_type() -> None:
    """RFC 4360 3.1, RFC 5668 2."""
    given = tuple(map(parse_community, ("rt:65001:7", "ro:4200000000:8", "rt:10.0.0.1:9")))
    path = a_path(some_attributes(extended_communities=given))
    for present in ("rt:65001:7", "ro:4200000000:8", "rt:10.0.0.1:9"):
        assert matches(Match(community=present), path=path)
    for absent in ("ro:65001:7", "rt:65001L:7", "rt:10.0.0.1:8", "65001:7"):
        assert not matches(Match(community=absent), path=path)


@pytest.mark.parametrize(
    ("as_path", "wanted", "expected"),
    [
        (as_sequence(1, 2, 3), (1, 2), True),
        (as_sequence(1, 2), (1, 2), True),
        (as_sequence(1, 2), (2,), False),
        (as_sequence(1), (1, 2), False),
        ((), (1,), False),
        (((AS_SEQUENCE, (1,)), (AS_SEQUENCE, (2,))), (1, 2), True),
        (((AS_SEQUENCE, (1,)), (AS_SET, (2,))), (1, 2), False),
        (((AS_SET, (1,)),), (1,), False),
    ],
)
def test_the_path_starts_with_these_as_numbers(as_path, wanted: tuple[int, ...], expected: bool) -> None:
    path = a_path(some_attributes().replace(as_path=as_path))
    assert matches(Match(as_path_prefix=wanted), path=path) is expected


def test_local_pref_is_matched_exactly() -> None:
    assert matches(Match(local_pref=100))
    assert not matches(Match(local_pref=101))


@pytest.mark.parametrize(("metric", "expected"), [(511, True), (512, False), (1024, False)])
def test_metric_below_counts_down_from_the_priority_base(metric: int, expected: bool) -> None:
    path = a_path(some_attributes(local_pref=PRIORITY_BASE - metric))
    assert matches(Match(metric_below=512), path=path) is expected


def test_all_conditions_must_hold() -> None:
    both = Match(prefix=POOL, local_pref=100)
    assert matches(both)
    assert not matches(both, prefix="10.1.0.0/24")
    assert not matches(both, path=a_path(some_attributes(local_pref=1)))


# ------------------------------------------------------------------------------------ operations


def test_operations_of_the_accepting_rule_are_applied_in_order() -> None:
    operations = (AddCommunity("65001:7"), AddCommunity("1:2:3"), PrependAsPath((7, 8)), SetLocalPref(50))
    outcome = evaluate(PolicyRule(ACCEPT, operations=operations), path=a_path(some_attributes(as_path=(9,))))
    expected = some_attributes(
        as_path=(7, 8, 9), local_pref=50, communities=(65001 << 16 | 7,), large_communities=((1, 2, 3),)
    )
    assert outcome.attributes is expected


def test_a_community_that_is_there_is_not_added_again() -> None:
    path = a_path(some_attributes(communities=(65001 << 16 | 7,), large_communities=((1, 2, 3),)))
    rule = PolicyRule(ACCEPT, operations=(AddCommunity("65001:7"), AddCommunity("1:2:3")))
    assert evaluate(rule, path=path).attributes is path.attributes


def test_extended_communities_are_added_once_and_removed_by_pattern() -> None:
    add = PolicyRule(CONTINUE, operations=tuple(map(AddCommunity, ("rt:65001:7", "ro:65001:7", "rt:65001:7"))))
    added = evaluate(add, default=ACCEPT).attributes
    expected = tuple(map(parse_community, ("rt:65001:7", "ro:65001:7")))
    assert added is some_attributes(extended_communities=expected)
    removed = evaluate(add, PolicyRule(ACCEPT, operations=(RemoveCommunity("rt:*:*"),))).attributes
    assert removed is some_attributes(extended_communities=expected[1:])


def test_a_pattern_removes_from_the_kind_that_it_is_written_as() -> None:
    path = a_path(some_attributes(communities=(65001 << 16 | 7, 7), large_communities=((65001, 7, 7),)))
    removed = evaluate(PolicyRule(ACCEPT, operations=(RemoveCommunity("65001:*"),)), path=path).attributes
    assert removed is some_attributes(communities=(7,), large_communities=((65001, 7, 7),))


def test_med_is_set_and_removed() -> None:
    path = a_path(some_attributes(med=5))
    assert evaluate(PolicyRule(ACCEPT, operations=(SetMed(0),)), path=path).attributes is some_attributes(med=0)
    assert evaluate(PolicyRule(ACCEPT, operations=(SetMed(),)), path=path).attributes is some_attributes()


@pytest.mark.parametrize(
    ("operations", "next_hop", "mode"),
    [
        ((SetNextHop("10.9.9.9"),), "10.9.9.9", NextHopMode.KEEP),
        ((SetNextHop("self"),), "10.0.0.1", NextHopMode.SELF),
        ((SetNextHop("10.9.9.9"), SetNextHop("keep")), "10.0.0.1", NextHopMode.KEEP),
        ((SetNextHop("10.9.9.9"), SetNextHop("self")), "10.0.0.1", NextHopMode.SELF),
        ((SetNextHop("fd00::9"),), "10.0.0.1", None),
        ((SetNextHop("fd00::9"), SetNextHop("10.9.9.9")), "10.9.9.9", NextHopMode.KEEP),
        ((SetMed(1),), "10.0.0.1", None),
    ],
)
def test_the_last_word_on_the_next_hop_counts(operations: tuple, next_hop: str, mode: NextHopMode | None) -> None:
    outcome = evaluate(PolicyRule(ACCEPT, operations=operations))
    assert outcome.attributes is not None
    assert (outcome.attributes.next_hop, outcome.next_hop_mode) == (pack_address(next_hop), mode)


# ---------------------------------------------------------------------------------- rules in turn


def test_the_first_final_rule_decides() -> None:
    assert evaluate(PolicyRule(REJECT), PolicyRule(ACCEPT)).attributes is None
    assert evaluate(PolicyRule(ACCEPT), PolicyRule(REJECT)).attributes is not None


def test_continue_applies_its_operations_and_goes_on() -> None:
    outcome = evaluate(PolicyRule(CONTINUE, operations=(SetLocalPref(7),)), PolicyRule(ACCEPT, Match(local_pref=7)))
    assert outcome.attributes is some_attributes(local_pref=7)


def test_what_continue_did_counts_also_when_the_default_accepts() -> None:
    rule = PolicyRule(CONTINUE, operations=(SetLocalPref(7),))
    assert evaluate(rule, default=ACCEPT).attributes is some_attributes(local_pref=7)


def test_a_metric_is_that_of_the_local_pref_as_it_stands() -> None:
    set_high = PolicyRule(CONTINUE, operations=(SetLocalPref(PRIORITY_BASE - 10),))
    assert evaluate(set_high, PolicyRule(ACCEPT, Match(metric_below=11))).attributes is not None


def test_a_policy_that_does_not_decide_leaves_it_to_the_next() -> None:
    first = Policy("first", (PolicyRule(REJECT, Match(prefix=PrefixMatch("10.9.0.0/16", 16, 32))),))
    second = Policy("second", (PolicyRule(ACCEPT, defined_by="the second"),))
    assert evaluate(first, second) == Outcome(some_attributes(), "the second")


@pytest.mark.parametrize(("default", "accepted"), [(ACCEPT, True), (REJECT, False)])
def test_the_default_decides_when_no_rule_did(default: Verdict, accepted: bool) -> None:
    outcome = evaluate(PolicyRule(REJECT, Match(local_pref=1)), default=default)
    assert (outcome.attributes is not None) is accepted


def test_the_outcome_names_the_rule_or_its_policy() -> None:
    assert evaluate(PolicyRule(REJECT, defined_by="rule 3 of BGPFilter x")).rule == "rule 3 of BGPFilter x"
    assert evaluate(PolicyRule(REJECT)).rule == "policy p"
    assert evaluate(PolicyRule(ACCEPT, Match(local_pref=1))).rule == "no policy accepts it"


def test_a_chain_knows_whether_prefixes_matter() -> None:
    """Rules of the other session type and of the other family do not count: they can never match."""
    of_external = PolicyRule(REJECT, Match(prefix=POOL, session_type=SessionType.EBGP))
    of_ipv6 = PolicyRule(REJECT, Match(prefix=PrefixMatch("fd00::/8", 8, 128)))
    policy = Policy("p", (of_external, of_ipv6, PolicyRule(ACCEPT)))
    classes = PrefixClasses(4, [POOL, PrefixMatch("fd00::/8", 8, 128)])
    assert not PolicyChain((policy,), REJECT, SessionType.IBGP, classes).uses_prefix
    assert PolicyChain((policy,), REJECT, SessionType.EBGP, classes).uses_prefix


# ---------------------------------------------------------------------------------------- classes


NETWORKS = st.builds(
    lambda address, length: ip_network((address << 24, length), strict=False), st.integers(0, 3), st.integers(0, 12)
)
CONDITIONS = st.builds(
    lambda network, low, high, negate: PrefixMatch(str(network), low, high, negate),
    NETWORKS,
    st.integers(0, 16),
    st.integers(4, 32),
    st.booleans(),
)
PREFIXES = st.builds(
    lambda address, length: ip_network((address << 20, length), strict=False), st.integers(0, 63), st.integers(0, 16)
)


@given(st.lists(CONDITIONS, max_size=6), st.lists(PREFIXES, min_size=1, max_size=10))
def test_a_class_has_the_bit_of_exactly_the_conditions_that_hold(conditions: list[PrefixMatch], prefixes: list) -> None:
    classes = PrefixClasses(4, conditions)
    for prefix in prefixes:
        found = classes.classify(pack_nlri(str(prefix)))
        for condition in conditions:
            inside = prefix.subnet_of(ip_network(condition.network))
            holds = inside and condition.min_length <= prefix.prefixlen <= condition.max_length
            assert bool(found & classes.bit(condition)) is (holds is not condition.negate)


def test_equal_conditions_share_a_bit_and_other_families_have_none() -> None:
    classes = PrefixClasses(4, [POOL, POOL, PrefixMatch("fd00::/8", 8, 128)])
    assert classes.bit(POOL) == 1
    assert classes.bit(PrefixMatch("fd00::/8", 8, 128)) == 0
