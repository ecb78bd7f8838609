"""A new plan on a running engine: every peer ends with what a fresh session would be sent, and is sent no more."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from shown import explain
from speaker_makers import (
    OUR_ADDRESS,
    Router,
    a_client,
    a_plan,
    a_session,
    an_ebgp_peer,
    an_origination,
    announce,
    withdraw,
)

from reflector.addresses import pack_address
from reflector.drain import Stage
from reflector.plan import (
    AddCommunity,
    Match,
    NextHopMode,
    NodePlan,
    Policy,
    PolicyRule,
    PrefixMatch,
    RemoveCommunity,
    Role,
    RouteSource,
    SetLocalPref,
    SetMed,
    SetNextHop,
    Verdict,
)
from reflector.policy.policy_set import PolicySet
from reflector.wire.attributes import GRACEFUL_SHUTDOWN
from reflector.wire.message import MessageType
from reflector.wire.nlri import pack_nlri, unpack_nlri

POD, SERVICE, POD6 = "10.1.0.0/26", "10.2.0.0/16", "fd00:1::/64"
INSIDE_PODS = Match(prefix=PrefixMatch("10.1.0.0/16", 16, 32))
INSIDE_PODS6 = Match(prefix=PrefixMatch("fd00:1::/32", 32, 128))
NO_PODS = PolicyRule(Verdict.REJECT, INSIDE_PODS)
TAG = PolicyRule(Verdict.ACCEPT, operations=(AddCommunity("65001:7"),))
LOW = PolicyRule(Verdict.ACCEPT, INSIDE_PODS, operations=(SetLocalPref(50),))


def fresh(router: Router) -> dict[str, Any]:
    """What every peer would be sent if everything started now: by policies made anew from the plan."""
    engine = router.engine
    policies = PolicySet(engine.plan)
    tables: dict[str, Any] = {}
    for name in router.tables:
        peer = engine.peers[name]
        assert peer.negotiated is not None
        key = policies.export_key(peer.session, peer.negotiated, engine.drain_state.stage)
        view = policies.export_view(key)
        advertised = tables[name] = {}
        for family in peer.negotiated.families:
            for nlri in engine.ribs[family].table:
                path = engine.ribs[family].best(nlri)
                assert path is not None
                decision = view.decide(path, policies.classes[family].classify(nlri))
                if decision.attributes is not None:
                    advertised[unpack_nlri(nlri, family)] = decision.attributes
    return tables


def known(router: Router) -> dict[str, Any]:
    return {name: dict(table.routes) for name, table in router.tables.items()}


def assert_as_if_fresh(router: Router) -> None:
    assert known(router) == fresh(router)
    for name, table in router.tables.items():
        group = router.engine.peers[name].group
        assert group is not None
        assert sum(group.encoder.advertised.values()) == len(table.routes)


def octets(router: Router) -> dict[str, int]:
    return {name: len(table.octets) for name, table in router.tables.items()}


SOURCE = a_client("source", "10.0.0.1")
LISTENER = a_client("listener", "10.0.0.2", export_policies=("out",), import_policies=("in",))
EXTERNAL = an_ebgp_peer("external", "10.0.0.3", 65001, export_policies=("out",))


def plan_with(*rules: PolicyRule, imports: tuple[PolicyRule, ...] = (), **changes: Any) -> NodePlan:
    """All sessions; `rules` are the export policy of the listeners, `imports` the import policy of the source."""
    source = replace(SOURCE, import_policies=("in",))
    sessions = changes.pop("sessions", (source, LISTENER, EXTERNAL))
    return a_plan(*sessions, policies=(Policy("out", rules), Policy("in", imports)), **changes)


@pytest.fixture
def router() -> Router:
    router = Router(plan_with())
    for name in ("source", "listener", "external"):
        router.up(name)
    router.receive("source", announce(POD, SERVICE), announce(POD6))
    return router


# ---------------------------------------------------------------------------------------- export


def test_the_same_plan_changes_nothing_and_sends_nothing(router: Router) -> None:
    before = octets(router)
    turn = router.apply(plan_with())
    assert (turn.ready, turn.changes) == ([], {4: [], 6: []})
    assert octets(router) == before


def test_a_policy_that_decides_the_same_sends_nothing(router: Router) -> None:
    before, groups = octets(router), len(router.engine.groups)
    turn = router.apply(plan_with(PolicyRule(Verdict.REJECT, Match(local_pref=1)), PolicyRule(Verdict.ACCEPT)))
    assert (octets(router), turn.changes) == (before, {4: [], 6: []})
    assert len(router.engine.groups) == groups
    assert_as_if_fresh(router)


def test_a_stricter_export_policy_withdraws_exactly_the_difference(router: Router) -> None:
    updates = len(router.tables["listener"].updates)
    router.apply(plan_with(NO_PODS))
    assert router.advertised("listener") == {SERVICE, POD6}
    assert router.tables["listener"].updates[updates:] == [withdraw(POD)]
    assert router.advertised("source") == {POD, SERVICE, POD6}
    assert_as_if_fresh(router)


def test_a_laxer_export_policy_announces_exactly_the_difference(router: Router) -> None:
    router.apply(plan_with(NO_PODS))
    updates = len(router.tables["listener"].updates)
    router.apply(plan_with())
    assert len(router.tables["listener"].updates) == updates + 1
    assert_as_if_fresh(router)


def test_an_export_operation_announces_again_with_other_attributes(router: Router) -> None:
    router.apply(plan_with(TAG))
    assert {attributes.communities for attributes in router.tables["listener"].routes.values()} == {(65001 << 16 | 7,)}
    assert_as_if_fresh(router)


def test_only_the_listeners_of_a_changed_policy_are_sent(router: Router) -> None:
    before = octets(router)
    router.apply(plan_with(TAG))
    after = octets(router)
    assert after["source"] == before["source"]
    assert after["listener"] > before["listener"]


def test_next_hop_mode_and_export_default_are_export_policy_too(router: Router) -> None:
    source = replace(SOURCE, import_policies=("in",))
    listener = replace(LISTENER, next_hop_mode=NextHopMode.SELF)
    router.apply(plan_with(sessions=(source, listener, replace(EXTERNAL, export_default=Verdict.REJECT))))
    assert router.attributes("listener", POD).next_hop == bytes((10, 0, 0, 100))
    assert router.advertised("external") == set()
    assert_as_if_fresh(router)


def test_groups_that_a_plan_makes_equal_become_one(router: Router) -> None:
    listener = replace(LISTENER, export_policies=(), import_policies=("in",))
    router.apply(plan_with(TAG, sessions=(replace(SOURCE, import_policies=("in",)), listener, EXTERNAL)))
    group = router.engine.peers["listener"].group
    assert group is router.engine.peers["source"].group
    assert group is not None
    router.receive("source", announce("10.1.4.0/26"))
    assert_as_if_fresh(router)


def test_what_a_slow_peer_was_still_to_be_sent_comes_before_the_difference(router: Router) -> None:
    engine = router.engine
    engine.receive("source", MessageType.UPDATE, announce("10.1.4.0/26"), now=0.0)
    engine.flush(0.0)
    engine.apply(plan_with(NO_PODS), now=0.0)
    engine.receive("source", MessageType.UPDATE, announce("10.3.0.0/26"), now=0.0)
    engine.flush(0.0)
    for name, table in router.tables.items():
        while (chunk := engine.peers[name].outbox.take()) is not None:
            table.feed(bytes(chunk))
    assert router.advertised("listener") == {SERVICE, POD6, "10.3.0.0/26"}
    assert_as_if_fresh(router)


# ---------------------------------------------------------------------------------------- import


def test_a_stricter_import_policy_withdraws_everywhere(router: Router) -> None:
    router.apply(plan_with(imports=(NO_PODS,)))
    assert router.advertised("listener") == {SERVICE, POD6}
    assert router.advertised("external") == {SERVICE}  # no IPv6 next hop on this session
    assert router.engine.peers["source"].adj_rib_in[4].routes.keys() == {pack_nlri(POD), pack_nlri(SERVICE)}
    assert_as_if_fresh(router)


def test_a_laxer_import_policy_needs_no_route_refresh(router: Router) -> None:
    router.apply(plan_with(imports=(NO_PODS,)))
    router.apply(plan_with())
    assert router.advertised("listener") == {POD, SERVICE, POD6}
    assert_as_if_fresh(router)


def test_import_policy_may_change_which_route_is_best(router: Router) -> None:
    router.receive("external", announce(POD, as_path=(65001, 1), local_pref=None))
    assert router.selected()[POD] == "source"
    router.apply(plan_with(imports=(LOW,)))
    assert router.selected()[POD] == "external"
    assert POD not in router.advertised("external")
    assert_as_if_fresh(router)


def test_paths_stay_shared_over_a_new_policy(router: Router) -> None:
    router.apply(plan_with(PolicyRule(Verdict.ACCEPT)))
    routes = router.engine.peers["source"].adj_rib_in[4].routes
    before = routes[pack_nlri(SERVICE)]
    turn = router.receive("source", announce(POD, SERVICE))
    assert routes[pack_nlri(POD)] is routes[pack_nlri(SERVICE)] is before
    assert turn.changes == {4: [], 6: []}


def test_an_import_policy_that_only_changes_the_next_hop_sent_is_sent(router: Router) -> None:
    accepts = PolicyRule(Verdict.ACCEPT, defined_by="the same reason")
    router.apply(plan_with(imports=(accepts,)))
    before = router.attributes("listener", POD).next_hop
    router.apply(plan_with(imports=(replace(accepts, operations=(SetNextHop("self"),)),)))
    assert router.attributes("listener", POD).next_hop == pack_address(OUR_ADDRESS) != before
    assert_as_if_fresh(router)


# -------------------------------------------------------------------------------------- sessions


def test_a_removed_session_takes_its_routes_and_the_others_stay_up(router: Router) -> None:
    turn = router.apply(plan_with(sessions=(LISTENER, EXTERNAL)))
    assert router.advertised("listener") == router.advertised("external") == set()
    assert turn.closes == []
    assert router.engine.peers["listener"].is_established
    assert set(router.engine.peers) == {"listener", "external"}
    assert_as_if_fresh(router)


def test_an_added_session_does_not_disturb_the_others(router: Router) -> None:
    before = octets(router)
    added = a_session("added", "10.0.0.9")
    router.apply(plan_with(sessions=(replace(SOURCE, import_policies=("in",)), LISTENER, EXTERNAL, added)))
    assert octets(router) == before
    router.up("added")
    assert router.advertised("added") == {POD, SERVICE, POD6}
    assert_as_if_fresh(router)


@pytest.mark.parametrize("first_another_policy", [False, True])
def test_a_client_that_becomes_a_non_client_and_back(router: Router, first_another_policy: bool) -> None:
    """Also when an earlier plan made the engine forget and evaluate anew."""
    non_clients = (replace(SOURCE, rr_client=False), replace(LISTENER, rr_client=False), EXTERNAL)
    clients = (SOURCE, LISTENER, EXTERNAL)
    rule = (PolicyRule(Verdict.ACCEPT),) if first_another_policy else ()
    if first_another_policy:
        router.apply(plan_with(*rule))
    router.apply(plan_with(*rule, sessions=non_clients))
    assert router.advertised("listener") == set()
    assert_as_if_fresh(router)
    router.apply(plan_with(*rule, sessions=clients))
    assert router.advertised("listener") == {POD, SERVICE, POD6}
    assert_as_if_fresh(router)


def test_a_new_cluster_id_is_sent_to_clients(router: Router) -> None:
    router.apply(plan_with(cluster_id="224.0.0.2"))
    assert router.attributes("listener", POD).cluster_list == (bytes((224, 0, 0, 2)),)
    assert_as_if_fresh(router)


def test_a_session_that_is_defined_anew_has_its_new_address() -> None:
    router = Router(a_plan(SOURCE))
    router.apply(a_plan(replace(SOURCE, peer_address="10.0.0.77")))
    assert router.engine.peers["source"].sender.address == bytes((10, 0, 0, 77))


def test_always_compare_med_decides_again_what_was_decided_and_back() -> None:
    """RFC 4271 9.1.2.2 c."""
    low, high = an_ebgp_peer("low", "10.0.0.9", 65001), an_ebgp_peer("high", "10.0.0.1", 65002)
    router = Router(a_plan(low, high, LISTENER, policies=(Policy("out"), Policy("in"))))
    for name in ("low", "high", "listener"):
        router.up(name)
    router.receive("low", announce(POD, as_path=(65001,), local_pref=None, med=1))
    router.receive("high", announce(POD, as_path=(65002,), local_pref=None, med=20))
    assert router.selected() == {POD: "high"}
    for compares, best in ((True, "low"), (False, "high")):
        router.apply(replace(router.engine.plan, always_compare_med=compares))
        assert router.selected() == {POD: best}
        verdicts = {each.peer: each.verdict for each in explain(router.engine, POD).candidates}
        assert verdicts[best] == "best"
        assert_as_if_fresh(router)
    assert verdicts["low"] == "lost-router-id"


# ---------------------------------------------------------------------------------- originations


def test_originations_come_change_and_go(router: Router) -> None:
    block = "10.1.8.0/26"
    router.apply(plan_with(originations=(an_origination(block),)))
    assert router.attributes("listener", block).local_pref == 2147483647 - 1024
    router.apply(plan_with(originations=(an_origination(block, priority=512),)))
    assert router.attributes("listener", block).local_pref == 2147483647 - 512
    router.apply(plan_with())
    assert block not in router.advertised("listener")
    assert_as_if_fresh(router)


def test_an_unchanged_origination_sends_nothing(router: Router) -> None:
    router.apply(plan_with(originations=(an_origination("10.1.8.0/26"),)))
    before = octets(router)
    two = (an_origination("10.1.8.0/26"), an_origination("10.1.9.0/26"))
    router.apply(plan_with(originations=two))
    updates = router.tables["listener"].updates
    assert b"\x1a\x0a\x01\x08" not in updates[-1]
    assert octets(router)["listener"] > before["listener"]
    before = octets(router)
    router.apply(plan_with(originations=two))
    assert octets(router) == before


def test_our_own_route_replaces_a_learned_one_and_gives_it_back(router: Router) -> None:
    router.apply(plan_with(originations=(an_origination(POD),)))
    assert router.selected()[POD] == ""
    router.apply(plan_with())
    assert router.selected()[POD] == "source"
    assert_as_if_fresh(router)


@pytest.mark.parametrize("sources", [(RouteSource.KERNEL, RouteSource.BLOCK), (RouteSource.BLOCK, RouteSource.KERNEL)])
def test_of_two_originations_of_a_prefix_the_decision_process_picks(sources: tuple[RouteSource, ...]) -> None:
    router = Router(a_plan(originations=tuple(an_origination(POD, source) for source in sources)))
    router.turn()
    path = router.engine.ribs[4].best(pack_nlri(POD))
    assert path is not None
    assert path.source is RouteSource.BLOCK


def test_policies_and_originations_may_change_together(router: Router) -> None:
    originations = (an_origination("10.1.8.0/26"), an_origination("10.4.0.0/26"))
    router.apply(plan_with(NO_PODS, imports=(LOW,), originations=originations))
    assert router.advertised("listener") == {SERVICE, POD6, "10.4.0.0/26"}
    assert_as_if_fresh(router)


# ---------------------------------------------------------------------------------- any sequence

RULES = st.lists(
    st.builds(
        PolicyRule,
        st.sampled_from(list(Verdict)),
        st.sampled_from((Match(), INSIDE_PODS, INSIDE_PODS6, Match(local_pref=50), Match(community="65001:7"))),
        st.sampled_from(
            (
                (),
                (AddCommunity("65001:7"),),
                (SetLocalPref(50),),
                (SetLocalPref(300),),
                (SetNextHop("self"),),
                (SetNextHop("10.8.8.8"), SetMed(9)),
                (RemoveCommunity("65001:*"), SetNextHop("keep")),
            )
        ),
    ),
    max_size=3,
).map(tuple)


def sessions_with(
    reflection: tuple[bool, str], mode: NextHopMode, default: Verdict, external: tuple[Role | None, ...]
) -> tuple[Any, ...]:
    """`reflection` is of the source; `external` has our role on that session, if there is one."""
    is_client, cluster_id = reflection
    source = replace(SOURCE, import_policies=("in",), rr_client=is_client, cluster_id=cluster_id)
    listener = replace(LISTENER, next_hop_mode=mode, export_default=default)
    return source, listener, *(replace(EXTERNAL, role=role) for role in external)


PLANS = st.builds(
    lambda rules, imports, sessions, originations, compares: plan_with(
        *rules, imports=imports, sessions=sessions, originations=originations, always_compare_med=compares
    ),
    RULES,
    RULES,
    st.builds(
        sessions_with,
        st.sampled_from(((True, ""), (True, "224.0.0.2"), (False, ""))),
        st.sampled_from(list(NextHopMode)),
        st.sampled_from((Verdict.ACCEPT, Verdict.REJECT)),
        st.sampled_from(((), (None,), (None,), *((role,) for role in Role))),
    ),
    st.sampled_from(((), (an_origination(POD),), (an_origination("10.4.0.0/26"), an_origination(POD6)))),
    st.booleans(),
)
BODIES = st.sampled_from(
    (
        announce(POD, SERVICE, as_path=(65001,)),
        announce(POD, as_path=(65001,), med=3),
        announce(POD6, as_path=(65001,)),
        withdraw(POD),
        withdraw(SERVICE),
        announce(SERVICE, as_path=(65001,), communities=(65001 << 16 | 7,)),
        announce(SERVICE, as_path=(65001,), communities=(GRACEFUL_SHUTDOWN,)),
        announce(POD, as_path=(65001,), only_to_customer=65001),
    )
)
EVENTS = st.lists(
    st.one_of(PLANS, st.sampled_from(Stage), st.tuples(st.sampled_from(("source", "listener", "external")), BODIES)),
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(EVENTS)
def test_after_any_plans_and_updates_every_peer_knows_what_a_fresh_one_would(events: list) -> None:
    router = Router(plan_with())
    for event in events:
        for name in router.engine.peers.keys() - router.tables.keys():
            router.up(name)
        if isinstance(event, NodePlan):
            router.apply(event)
        elif isinstance(event, Stage):
            router.engine.drain(event, "", router.now)
            router.turn()
        elif event[0] in router.tables:
            router.receive(*event)
        assert_as_if_fresh(router)
    before = octets(router)
    router.apply(router.engine.plan)
    assert octets(router) == before


def test_pairs_of_plans_are_walked_both_ways(router: Router) -> None:
    """Going back to a plan gives the same tables as never having left it."""
    plans = [plan_with(), plan_with(NO_PODS), plan_with(TAG, imports=(LOW,)), plan_with(imports=(NO_PODS,))]
    tables = []
    for plan in (*plans, *reversed(plans)):
        router.apply(plan)
        tables.append(known(router))
    assert tables[:4] == tables[:3:-1]
    assert all(first != second for first, second in pairwise(tables[:4]))


def test_sessions_that_come_and_go_leave_every_policy_as_it_is() -> None:
    """So a new node costs a reflector no second look at the routes it has."""
    one, other = a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")
    router = Router(a_plan(one))
    policies = router.engine.policies
    router.engine.apply(a_plan(one, other), 1.0)
    router.engine.apply(a_plan(other), 2.0)
    assert router.engine.policies is policies


def test_a_session_added_since_the_policies_were_made_still_changes_them() -> None:
    one, other = a_client("a", "10.0.0.1"), a_client("b", "10.0.0.2")
    router = Router(a_plan(one))
    router.engine.apply(a_plan(one, other), 1.0)
    policies = router.engine.policies
    router.engine.apply(a_plan(one, replace(other, next_hop_mode=NextHopMode.SELF)), 2.0)
    assert router.engine.policies is not policies
