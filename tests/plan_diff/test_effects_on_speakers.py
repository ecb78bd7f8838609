"""Each row of the table of effects, on two speakers that have a session.

One speaker is given a plan in which one field differs, then its first plan again. What it resets is what the table
says and what diff_plans foretold.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from changed_fields import (
    A2,
    B2,
    NAME,
    OTHER_ROUTE,
    PLAN_CHANGES,
    A,
    B,
    pair_plan,
    with_plan_field,
    with_session_field,
)
from msgspec.structs import replace
from segment import Segment, Speaker, eventually

from bgpctl.compiler import render_exabgp_conf
from bgpctl.plan_diff import diff_plans
from bgpctl.plan_diff.effects import EFFECTS, Effect
from reflector.messages import Applied
from reflector.plan import NodePlan, SessionPlan

pytestmark = pytest.mark.netns


@dataclass
class Pair:
    """Speaker `a`, which is given plans, and `b`, which never is."""

    segment: Segment
    a: Speaker
    b: Speaker
    base: NodePlan

    def tell(self, plan: NodePlan) -> Applied:
        return self.a.apply(plan, render_exabgp_conf(plan))

    def flaps(self) -> int:
        """As `b` counts them: whatever `a` calls the session."""
        return self.b.peers()[NAME].flaps

    def restore(self) -> None:
        self.tell(self.base)
        self.a.wait_established()
        self.b.wait_established()
        eventually(lambda: OTHER_ROUTE in self.a.routes(), "a has b's route")


@pytest.fixture(scope="module")
def running_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    segment = Segment(tmp_path_factory.mktemp("pair"))
    try:
        segment.host("a", f"{A}/24", f"{A2}/24")
        segment.host("b", f"{B}/24", f"{B2}/24")
        plans = {"a": pair_plan(A, B), "b": pair_plan(B, A)}
        speakers = {name: segment.speaker(name, plan, render_exabgp_conf(plan)) for name, plan in plans.items()}
        for speaker in speakers.values():
            speaker.wait_established()
        yield Pair(segment, speakers["a"], speakers["b"], plans["a"])
    finally:
        segment.close()


@pytest.fixture
def pair(running_pair: Pair) -> Pair:
    running_pair.restore()
    return running_pair


def fields_with(effect: Effect) -> list[str]:
    return [field for field, row in EFFECTS[SessionPlan].items() if row.effect is effect]


def assert_kept(pair: Pair, before: int) -> None:
    assert pair.a.peers()[NAME].state == "Established"
    pair.restore()
    assert pair.flaps() == before


@pytest.mark.parametrize("field", fields_with(Effect.SOFT) + fields_with(Effect.REFRESH))
def test_a_session_field_that_is_taken_up_in_place_keeps_the_session(pair: Pair, field: str) -> None:
    before, changed = pair.flaps(), with_session_field(pair.base, field)
    applied, foretold = pair.tell(changed), diff_plans(pair.base, changed)
    assert (applied.added, applied.removed, applied.reset) == ((), (), ())
    assert (foretold.added, foretold.removed, foretold.reset) == ((), (), ())
    assert_kept(pair, before)


@pytest.mark.parametrize("field", [field for field in fields_with(Effect.RESET) if field != "name"])
def test_a_session_field_of_the_neighbours_definition_resets_the_session(pair: Pair, field: str) -> None:
    before, changed = pair.flaps(), with_session_field(pair.base, field)
    applied, foretold = pair.tell(changed), diff_plans(pair.base, changed)
    assert (applied.added, applied.removed, applied.reset) == ((), (), (NAME,))
    assert (foretold.added, foretold.removed, foretold.reset) == ((), (), (NAME,))
    eventually(lambda: pair.flaps() > before, "b has lost the session")


def test_another_name_is_another_session(pair: Pair) -> None:
    before, changed = pair.flaps(), with_session_field(pair.base, "name")
    applied, foretold = pair.tell(changed), diff_plans(pair.base, changed)
    assert (applied.added, applied.removed, applied.reset) == (("another",), (NAME,), ())
    assert (foretold.added, foretold.removed, foretold.reset) == (("another",), (NAME,), ())
    eventually(lambda: pair.flaps() > before, "b has lost the session")


IN_PLACE = [field for field in PLAN_CHANGES if EFFECTS[NodePlan][field].effect is not Effect.REPLACE]
REPLACING = [field for field in PLAN_CHANGES if EFFECTS[NodePlan][field].effect is Effect.REPLACE]


@pytest.mark.parametrize("field", [field for field in IN_PLACE if field not in ("router_id", "sessions")])
def test_a_plan_field_that_is_not_in_any_open_keeps_the_session(pair: Pair, field: str) -> None:
    before, changed = pair.flaps(), with_plan_field(pair.base, field)
    applied, foretold = pair.tell(changed), diff_plans(pair.base, changed)
    assert (applied.added, applied.removed, applied.reset) == ((), (), ())
    assert (foretold.added, foretold.removed, foretold.reset) == ((), (), ())
    assert_kept(pair, before)


@pytest.mark.parametrize("field", REPLACING)
def test_a_plan_field_that_takes_another_speaker_is_foretold_as_a_reset(pair: Pair, field: str) -> None:
    """What the agent does about it is in tests/agent; a speaker that is given such a plan keeps its sessions."""
    before, changed = pair.flaps(), with_plan_field(pair.base, field)
    applied, foretold = pair.tell(changed), diff_plans(pair.base, changed)
    assert (applied.added, applied.removed, applied.reset) == ((), (), ())
    assert (foretold.added, foretold.removed, foretold.reset) == ((), (), (NAME,))
    assert_kept(pair, before)


def test_another_router_id_resets_the_session(pair: Pair) -> None:
    changed = with_plan_field(pair.base, "router_id")
    assert pair.tell(changed).reset == diff_plans(pair.base, changed).reset == (NAME,)


def test_a_session_that_leaves_the_plan_is_removed_even_if_it_is_the_last(pair: Pair) -> None:
    changed = with_plan_field(pair.base, "sessions")
    assert pair.tell(changed).removed == diff_plans(pair.base, changed).removed == (NAME,)


def test_a_session_that_comes_leaves_the_other_alone(pair: Pair) -> None:
    before = pair.flaps()
    other = replace(pair.base.sessions[0], name="other", peer_address="10.9.0.99")
    changed = replace(pair.base, sessions=(*pair.base.sessions, other))
    applied, foretold = pair.tell(changed), diff_plans(pair.base, changed)
    assert (applied.added, applied.removed, applied.reset) == (("other",), (), ())
    assert (foretold.added, foretold.removed, foretold.reset) == (("other",), (), ())
    assert_kept(pair, before)


def test_a_session_without_a_local_address_stays_while_another_is_reset(pair: Pair) -> None:
    """ExaBGP has put the address it found into the definition; that must not look like a change."""
    alone = replace(pair.base, sessions=(replace(pair.base.sessions[0], local_address=""),))
    pair.tell(alone)
    pair.a.wait_established()
    other = replace(pair.base.sessions[0], name="other", peer_address="10.9.0.99")
    assert pair.tell(replace(alone, sessions=(*alone.sessions, other))).reset == ()


def test_another_listening_port_needs_a_new_speaker_and_the_difference_has_that(pair: Pair) -> None:
    changed = with_plan_field(pair.base, "listen")
    foretold = diff_plans(pair.base, changed)
    assert foretold.reset == tuple(each.name for each in pair.base.sessions)
    assert pair.tell(changed).needs_restart is foretold.replaces_speaker is True
    assert (listens(pair, 179), listens(pair, 1179)) == (True, False)
    pair.a.process.terminate()
    pair.a.process.wait(10)
    pair.a.restart()
    eventually(lambda: listens(pair, 1179), "it listens on the new port")
    assert not listens(pair, 179)


def listens(pair: Pair, port: int) -> bool:
    with pair.segment.inside("a"), socket.socket() as client:
        return client.connect_ex((A, port)) == 0
