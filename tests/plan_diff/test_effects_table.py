"""The table of effects is whole, agrees with the engine about what needs policies to be asked again, and is the page
in docs/."""

from __future__ import annotations

import typing
from pathlib import Path
from types import UnionType

import msgspec
import pytest
from changed_fields import PLAN_CHANGES, SESSION_CHANGES, A, B, pair_plan, with_plan_field, with_session_field

from bgpctl.plan_diff.effects import EFFECTS, Effect, worst
from bgpctl.plan_diff.table import render_table
from reflector.plan import READ_AT_START, NodePlan, SessionPlan, Value
from reflector.policy.policy_set import same_policies

PAGE = Path(__file__).parents[2] / "docs" / "applying-changes.md"
TAKEN_UP_IN_PLACE = [field for field, row in EFFECTS[SessionPlan].items() if row.effect is not Effect.RESET]
ENGINE_IS_INDIFFERENT = {Effect.SOFT, Effect.REPLACE}


def kinds_below(kind: type[Value]) -> set[type[Value]]:
    """The kind, and all that its fields are made of."""
    found = {kind}
    waiting: list[object] = list(typing.get_type_hints(kind).values())
    while waiting:
        hint = waiting.pop()
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            if hint not in found:
                found |= kinds_below(typing.cast("type[Value]", hint)) | {typing.cast("type[Value]", hint)}
        elif isinstance(hint, UnionType) or typing.get_args(hint):
            waiting += typing.get_args(hint)
    return found


def test_every_kind_of_value_in_a_plan_is_in_the_table() -> None:
    assert {kind.__name__ for kind in EFFECTS} == {kind.__name__ for kind in kinds_below(NodePlan)}


@pytest.mark.parametrize("kind", EFFECTS, ids=lambda kind: kind.__name__)
def test_every_field_has_a_row_and_every_row_a_field(kind: type[Value]) -> None:
    assert set(EFFECTS[kind]) == set(kind.__struct_fields__)


def test_what_is_read_at_the_start_replaces_the_speaker_and_nothing_else() -> None:
    replacing = {field for field, row in EFFECTS[NodePlan].items() if row.effect is Effect.REPLACE}
    assert replacing == {*READ_AT_START, "version"}


def test_every_row_says_why() -> None:
    assert [(kind, field) for kind, rows in EFFECTS.items() for field, row in rows.items() if not row.reason] == []


@pytest.mark.parametrize("field", PLAN_CHANGES)
def test_the_engine_makes_its_policies_anew_for_a_plan_field_when_the_table_says_so(field: str) -> None:
    """A field that is `refresh` or `reset` makes a new PolicySet, any other does not. Sessions that are gone make no
    difference to the policies of the others."""
    base = pair_plan(A, B)
    keeps = same_policies(base, with_plan_field(base, field))
    assert keeps == (EFFECTS[NodePlan][field].effect in ENGINE_IS_INDIFFERENT)


@pytest.mark.parametrize("field", TAKEN_UP_IN_PLACE)
def test_the_engine_makes_its_policies_anew_for_a_session_field_when_the_table_says_so(field: str) -> None:
    base = pair_plan(A, B)
    keeps = same_policies(base, with_session_field(base, field))
    assert keeps == (EFFECTS[SessionPlan][field].effect is Effect.SOFT)


def test_the_worst_of_several_effects_counts() -> None:
    assert worst([Effect.SOFT, Effect.RESET, Effect.REFRESH]) is Effect.RESET
    assert worst([]) is Effect.SOFT


def test_the_page_in_docs_is_what_the_table_says() -> None:
    """Write it again with: python -m bgpctl.plan_diff.table > docs/applying-changes.md"""
    assert PAGE.read_text() == render_table()


def test_another_value_is_known_for_every_field_that_tests_change() -> None:
    """So that a field which a plan gains is tried on a speaker that runs, too."""
    assert set(PLAN_CHANGES) == set(NodePlan.__struct_fields__)
    assert set(SESSION_CHANGES) == set(SessionPlan.__struct_fields__)
