"""Each row of the table of effects, on a session with BIRD 2.

Soft and refresh: BIRD has the session since the same moment as before, we have lost none, and BIRD has been sent
no ROUTE-REFRESH (RFC 2918): the Adj-RIB-In has all routes as they came, so that even a new import policy asks a peer
for nothing. The change itself is seen at BIRD. Reset: BIRD has a new session, and only that one.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pytest
from bird_rows import (
    ANOTHER,
    ASIDE,
    LIMIT_ROWS,
    NOT_WITH_BIRD,
    ORIGINATION_ROWS,
    PLAN_ROWS,
    RULE_ROWS,
    SESSION_ROWS,
    UNSEEN,
    Look,
    RuleRow,
)
from bird_world import ADDED, CLIENT, KEY, LATE, MAIN, MORE, SECRET, BirdWorld, added_session
from msgspec.structs import replace
from segment import Segment, eventually

from bgpctl.plan_diff.effects import EFFECTS, Effect
from reflector.plan import MaximumPrefixes, NodePlan, Origination, Password, Policy, SessionPlan, Value

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module")
def running_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BirdWorld]:
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    segment = Segment(tmp_path_factory.mktemp("bird"))
    try:
        yield BirdWorld(segment)
    finally:
        segment.close()


@pytest.fixture
def world(running_world: BirdWorld) -> BirdWorld:
    if not running_world.has_all:
        pytest.fail("an earlier test has lost a session for good")
    running_world.wait_established()
    return running_world


def kept(world: BirdWorld, plan: NodePlan, session: str, look: Look | None, over: str = "") -> None:
    """The change is seen, and all sessions are those of before: a route that is announced afterwards comes over
    `over`, or `session` itself. A plan that needs a new speaker changes nothing either: it is the agent that replaces
    the speaker, with every session, as foretold."""
    if look is not None:
        eventually(lambda: not look(world, session), "not there yet")
    before, refreshes = world.standings(), world.refreshes()
    applied, foretold = world.tell(plan)
    assert (applied.added, applied.removed, applied.reset) == ((), (), ())
    assert (foretold.added, foretold.removed) == ((), ())
    assert applied.needs_restart or not foretold.replaces_speaker
    every = {each.name for each in plan.sessions}
    assert set(foretold.reset) == (every if foretold.replaces_speaker else set())
    if look is not None:
        eventually(lambda: look(world, session), f"the change is there; BIRD: {world.shown(session)}")
    world.wait_told(over or session, world.originate_marker())
    assert world.standings() == before
    assert world.refreshes() == refreshes


def row_name(row: tuple[tuple[type[Value], str], RuleRow]) -> str:
    (kind, field), _ = row
    return f"{kind.__name__}.{field}"


def fields(*effects: Effect) -> list[str]:
    return [field for field, row in EFFECTS[SessionPlan].items() if row.effect in effects]


# --------------------------------------------------------------------------------- fields of a session


@pytest.mark.parametrize("field", fields(Effect.SOFT, Effect.REFRESH))
def test_a_session_field_that_is_taken_up_in_place_keeps_the_session(world: BirdWorld, field: str) -> None:
    row, session = SESSION_ROWS[field], f"row_{field}"
    is_told = field != "export_policies" and "peer_as" not in row.before
    kept(world, world.with_session(session, **{field: row.value}), session, row.look, over=session if is_told else MAIN)


def test_another_keepalive_time_counts_from_the_next_keepalive_on(world: BirdWorld) -> None:
    """RFC 4271 4.4. A third of the hold time of nine seconds before, one second after: two in less than two thirds."""
    session = "row_keepalive_time"
    world.tell(world.with_session(session, keepalive_time=1))
    before, seen = world.standings(), world.keepalives(session)
    eventually(lambda: world.keepalives(session) > seen, "the next KEEPALIVE")
    next_at = time.monotonic()
    eventually(lambda: world.keepalives(session) > seen + 2, "two more")
    assert time.monotonic() - next_at < 5
    assert world.standings() == before


def test_a_first_limit_of_prefixes_counts_from_the_next_route_on(world: BirdWorld) -> None:
    session = "row_maximum_prefixes"
    world.tell(world.with_session(session, maximum_prefixes=SESSION_ROWS["maximum_prefixes"].value))
    before = world.standings()
    assert world.us.peers()[session].prefix_warnings == 0
    world.announce_more(LATE)
    eventually(lambda: world.us.peers()[session].prefix_warnings, "the second route is one too many")
    assert world.standings() == before


@pytest.mark.parametrize("field", fields(Effect.RESET))
def test_a_session_field_of_the_neighbours_definition_makes_a_new_session(world: BirdWorld, field: str) -> None:
    """RFC 4486 4: a Cease says why the old one ended."""
    row, session = SESSION_ROWS[field], f"row_{field}"
    assert row.look is None or not row.look(world, session)
    before, new = world.standings(), "another" if field == "name" else session
    applied, foretold = world.tell(world.with_session(session, **{field: row.value}))
    changes = ((), (), (session,)) if new == session else ((new,), (session,), ())
    assert (applied.added, applied.removed, applied.reset) == changes
    assert (foretold.added, foretold.removed, foretold.reset) == changes
    bird_name = f"{session}_again" if row.other_end else session
    eventually(lambda: world.ceased(session), f"BIRD has got a Cease: {world.shown(session)}")
    if row.other_end:
        world.switch(session, bird_name)
    world.wait_established()
    if row.look is not None:
        assert row.look(world, session), world.shown(session)
    world.wait_told(bird_name, world.originate_marker())
    after = world.standings()
    assert {name for name in before if after.get(name) != before[name]} == {session}


# ------------------------------------------------------------------------------------ fields of a plan


@pytest.mark.parametrize("field", PLAN_ROWS)
def test_a_plan_field_that_is_not_in_any_open_keeps_all_sessions(world: BirdWorld, field: str) -> None:
    row = PLAN_ROWS[field]
    kept(world, replace(world.plan, **{field: row.value}), CLIENT, row.look)


def test_a_session_that_comes_leaves_the_others_alone(world: BirdWorld) -> None:
    before = world.standings()
    applied, _ = world.tell(replace(world.plan, sessions=(*world.plan.sessions, added_session())))
    assert (applied.added, applied.removed, applied.reset) == ((ADDED,), (), ())
    world.wait_established()
    assert {name: standing for name, standing in world.standings().items() if name != ADDED} == before


def test_another_router_id_makes_every_session_anew(world: BirdWorld) -> None:
    before = world.standings()
    applied, _ = world.tell(replace(world.plan, router_id="10.9.0.77"))
    assert set(applied.reset) == {session.name for session in world.plan.sessions}
    eventually(lambda: not before.items() & world.standings().items(), "BIRD has lost all")
    world.wait_established()
    assert re.search(r"Neighbor ID:\s+10\.9\.0\.77\n", world.shown(MAIN))


# ----------------------------------------------------------------------------- what a policy is made of


@pytest.mark.parametrize("row", RULE_ROWS.items(), ids=row_name)
def test_another_policy_is_taken_up_in_place(world: BirdWorld, row: tuple[tuple[type[Value], str], RuleRow]) -> None:
    _, (before, after, look) = row
    world.tell(with_policy(world, before))
    silent = after.rules == () or look is not UNSEEN
    kept(world, with_policy(world, after), MAIN, look, over=CLIENT if silent else MAIN)


def with_policy(world: BirdWorld, policy: Policy) -> NodePlan:
    """Instead of the one that the session MAIN asks."""
    old = next(name for session in world.plan.sessions if session.name == MAIN for name in session.export_policies)
    policies = tuple(policy if one.name == old else one for one in world.plan.policies)
    return replace(world.with_session(MAIN, export_policies=(policy.name,)), policies=policies)


# -------------------------------------------------------------------------- limits, keys, own routes


@pytest.mark.parametrize("field", LIMIT_ROWS)
def test_another_limit_of_prefixes_is_taken_up_in_place(world: BirdWorld, field: str) -> None:
    """RFC 4271 6.7, RFC 2918: where the new limit has room for what was dropped, BIRD is asked to send it again. That
    is the one change for which a peer is asked."""
    session, (_, limit, look) = f"limit_{field}", LIMIT_ROWS[field]
    world.announce_more(MORE)
    eventually(lambda: world.us.peers()[session].received + world.us.peers()[session].prefixes_dropped == 2, "two came")
    before, refreshes = world.standings(), world.refreshes(session)
    assert look is None or not look(world, session)
    applied, _ = world.tell(world.with_session(session, maximum_prefixes=limit))
    assert (applied.added, applied.removed, applied.reset) == ((), (), ())
    if look is not None:
        eventually(lambda: look(world, session), "the route that was left out")
    world.wait_told(session, world.originate_marker())
    assert world.standings() == before
    assert world.refreshes(session) == refreshes + (look is not None)


def test_another_key_is_set_on_the_living_connection(world: BirdWorld) -> None:
    """RFC 2385: what is sent under a key that BIRD does not have never arrives, until the key is the old one again."""
    before, refused = world.standings(), world.segments_with_a_wrong_key()
    world.tell(world.with_session(SECRET, password=Password("another")))
    marker = world.originate_marker()
    eventually(lambda: world.segments_with_a_wrong_key() > refused, "BIRD's kernel has refused a segment")
    assert not world.received(SECRET, marker)
    world.tell(world.with_session(SECRET, password=KEY))
    world.wait_told(SECRET, marker)
    assert world.standings() == before


@pytest.mark.parametrize("field", ORIGINATION_ROWS)
def test_another_origination_is_announced_in_place(world: BirdWorld, field: str) -> None:
    value, look = ORIGINATION_ROWS[field]
    others = tuple(one for one in world.plan.originations if one.prefix not in (ANOTHER.prefix, value))
    world.tell(replace(world.plan, originations=(*others, ANOTHER)))
    world.wait_told(CLIENT, ANOTHER.prefix)
    kept(world, replace(world.plan, originations=(*others, replace(ANOTHER, **{field: value}))), CLIENT, look)


# ------------------------------------------------- what is for people, the FIB or the next start alone


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        pytest.param(kind, field, id=f"{kind.__name__}.{field}")
        for kind, aside in ASIDE.items()
        for field in aside.another
    ],
)
def test_what_is_for_people_the_fib_or_the_next_start_touches_no_session(
    world: BirdWorld, kind: type[Value], field: str
) -> None:
    value, place, another = ASIDE[kind]
    world.tell(replace(world.plan, **place(value)))
    kept(world, replace(world.plan, **place(replace(value, **{field: another[field]}))), CLIENT, UNSEEN)


def test_every_row_is_tried_on_bird_or_says_why_not() -> None:
    """(NodePlan, "listen") is tried and in the list: that nothing happens is only half of it."""
    tried = {(SessionPlan, field) for field in SESSION_ROWS}
    tried |= {(NodePlan, field) for field in (*PLAN_ROWS, "sessions", "router_id")}
    tried |= {(MaximumPrefixes, field) for field in LIMIT_ROWS} | {(Origination, field) for field in ORIGINATION_ROWS}
    tried |= RULE_ROWS.keys() | {(Password, "secret")}
    tried |= {(kind, field) for kind, aside in ASIDE.items() for field in aside.another}
    assert tried | NOT_WITH_BIRD.keys() == {(kind, field) for kind, rows in EFFECTS.items() for field in rows}
    assert all(NOT_WITH_BIRD.values())
