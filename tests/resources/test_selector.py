"""Selectors: the grammar's laws over generated selectors and labels, and its corners one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgpctl.resources.values.selector import (
    All,
    And,
    Compare,
    Has,
    In,
    Not,
    Operator,
    Or,
    Selector,
    SelectorError,
    parse_selector,
)

label_names = st.sampled_from(["a", "in", "not", "has", "kubernetes.io/arch", "route-reflector", "x_1", "contains"])
texts = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="'\"\n"), max_size=6)
values = st.sampled_from(["", "true", "x", "rack-1", "it's"]) | texts
labels = st.dictionaries(label_names, values, max_size=4)

leaves: st.SearchStrategy[Selector] = st.one_of(
    st.builds(All, st.sampled_from(["all", "global"])),
    st.builds(Has, label_names),
    st.builds(Compare, label_names, st.sampled_from(Operator), values),
    st.builds(In, label_names, st.frozensets(values, max_size=3), st.booleans()),
)


def combined(inner: st.SearchStrategy[Selector]) -> st.SearchStrategy[Selector]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(And, several) | st.builds(Or, several)


selectors = st.recursive(leaves, combined, max_leaves=8)


@given(selectors)
def test_printed_selector_parses_to_the_same_value(selector: Selector) -> None:
    assert parse_selector(str(selector)) == selector


@given(selectors, labels)
def test_negation_turns_the_verdict_around(selector: Selector, given_labels: dict[str, str]) -> None:
    negated = parse_selector(f"!({selector})")
    assert negated.matches(given_labels) is not selector.matches(given_labels)


@given(selectors, selectors, labels)
def test_de_morgan(first: Selector, second: Selector, given_labels: dict[str, str]) -> None:
    both = parse_selector(f"({first}) && ({second})")
    neither_fails = parse_selector(f"!(!({first}) || !({second}))")
    assert both.matches(given_labels) == neither_fails.matches(given_labels)


@given(selectors, selectors, selectors, labels)
def test_and_binds_tighter_than_or(
    first: Selector, second: Selector, third: Selector, given_labels: dict[str, str]
) -> None:
    text = f"({first}) || ({second}) && ({third})"
    expected = first.matches(given_labels) or (second.matches(given_labels) and third.matches(given_labels))
    assert parse_selector(text).matches(given_labels) == expected


@given(label_names, st.frozensets(values, max_size=3), labels)
def test_in_is_a_disjunction_of_equalities(label: str, members: frozenset[str], given_labels: dict[str, str]) -> None:
    one_of = any(Compare(label, Operator.EQUAL, member).matches(given_labels) for member in members)
    assert In(label, members).matches(given_labels) == one_of
    assert In(label, members, negated=True).matches(given_labels) != one_of


def position_of_error(text: str) -> int:
    try:
        parse_selector(text)
    except SelectorError as error:
        return error.position
    return 0


@given(st.text(max_size=40))
def test_any_text_is_a_selector_or_an_error_inside_it(text: str) -> None:
    assert 0 <= position_of_error(text) <= len(text)


@pytest.mark.parametrize(
    ("text", "given_labels", "verdict"),
    [
        ("all()", {}, True),
        ("global()", {}, True),
        ("", {}, True),
        ("has(a)", {"a": ""}, True),
        ("!has(a)", {"b": "1"}, True),
        ("a == 'x'", {}, False),
        ("a != 'x'", {}, True),
        ("a not in {'x'}", {}, True),
        ("a in {'x', \"y\"}", {"a": "y"}, True),
        ("a in {}", {"a": "y"}, False),
        ("a contains 'ro'", {"a": "prod"}, True),
        ("a starts with 'pr'", {"a": "prod"}, True),
        ("a ends with 'pr'", {"a": "prod"}, False),
        ("a contains ''", {}, False),
        ("a=='x'||b=='y'&&c=='z'", {"a": "x"}, True),
        ('a == "it\'s"', {"a": "it's"}, True),
        ("\t a \t == 'x' ", {"a": "x"}, True),
        ("node-role.kubernetes.io/rr == 'true'", {"node-role.kubernetes.io/rr": "true"}, True),
    ],
)
def test_selector_matches(text: str, given_labels: dict[str, str], verdict: bool) -> None:
    assert parse_selector(text).matches(given_labels) is verdict


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a = 'x'", 2),
        ("a == x", 5),
        ("a == 'x", 5),
        ("a == 'x' b", 9),
        ("(a == 'x'", 9),
        ("a == 'x')", 8),
        ("has()", 3),
        ("a in 'x'", 5),
        ("a in {'x',}", 10),
        ("a == 'x' &&", 11),
        ("a & b", 2),
        ("a\n== 'x'", 1),
    ],
)
def test_error_names_the_character(text: str, position: int) -> None:
    with pytest.raises(SelectorError) as caught:
        parse_selector(text)
    assert caught.value.position == position


def test_deep_nesting_is_an_error_and_not_a_crash() -> None:
    with pytest.raises(SelectorError, match="levels deep"):
        parse_selector("(" * 1000 + "all()" + ")" * 1000)
