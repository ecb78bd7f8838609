"""YAML as Kubernetes reads it, and as it is written."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bgpctl.yaml_source.document import Duplicate, read_document
from bgpctl.yaml_source.documents import split_documents
from bgpctl.yaml_source.nodes import NotYamlError
from bgpctl.yaml_source.scalars import AS_WRITTEN, KUBERNETES, Notation

# PyYAML writes 1e3 and 0o7 without quotes because to itself they are text; to Kubernetes they are numbers.
texts = st.text(max_size=12).filter(lambda text: not re.fullmatch(r"[-+.0-9eEo_]+", text))
scalars = st.none() | st.booleans() | st.integers() | texts
data = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))


def as_read(value: Any) -> Any:
    """What we read where PyYAML's writer was given this: tuples, and no null values in mappings."""
    if isinstance(value, list):
        return tuple(as_read(item) for item in value)
    if isinstance(value, dict):
        return {key: as_read(item) for key, item in value.items() if item is not None}
    return value


@given(data, st.booleans())
def test_what_a_yaml_writer_writes_is_read_back(value: Any, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow)
    assert read_document(text).data == as_read(value)


@given(st.lists(st.dictionaries(st.text("abc", min_size=1), st.integers(), min_size=1), max_size=4))
def test_documents_are_cut_where_they_begin(documents: list[dict[str, int]]) -> None:
    text = yaml.safe_dump_all(documents, explicit_start=True)
    lines = text.splitlines()
    parts = list(split_documents(text))
    assert [read_document(part).data for _, part in parts] == documents
    assert all(lines[line - 1] == part.splitlines()[0] for line, part in parts)


def line_of_error(text: str) -> int:
    try:
        read_document(text)
    except NotYamlError as error:
        return error.line
    return 1


@given(st.text(max_size=60))
def test_any_text_is_a_document_or_an_error_with_a_line(text: str) -> None:
    for _, part in split_documents(text):
        assert 1 <= line_of_error(part) <= part.count("\n") + 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5663:12", "5663:12"),
        ("1:30:00", "1:30:00"),
        ("yes", True),
        ("off", False),
        ("y", "y"),
        ("0x1f", 31),
        ("010", 8),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("2024-01-01", "2024-01-01"),
        ("'12'", "12"),
        ("10.0.0.1", "10.0.0.1"),
        ("fd00::1", "fd00::1"),
        ("~", None),
        ("-", (None,)),
    ],
)
def test_scalar_is_read_as(text: str, value: Any) -> None:
    found = read_document(text).data
    assert found == value
    assert type(found) is type(value)


def test_key_that_stands_twice_is_found_and_the_first_counts() -> None:
    document = read_document("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")
    assert document.data == {"a": 1, "b": {"c": 1}}
    assert document.duplicates == (Duplicate(("b", "c"), 4), Duplicate(("a",), 5))


def test_null_is_an_absent_field_but_an_empty_label() -> None:
    assert read_document("spec: null\nlabels: {rr: null}").data == {"labels": {"rr": None}}


def test_merge_key_fills_what_is_not_said() -> None:
    text = "base: &base {a: 1, b: 2}\nitem:\n  <<: *base\n  b: 3\n"
    assert read_document(text).data["item"] == {"a": 1, "b": 3}


def test_line_of_a_field() -> None:
    document = read_document("# comment\nspec:\n  filters:\n    - one\n    - two\n  node: x\n")
    lines = [document.line_of(path) for path in [(), ("spec", "filters", 1), ("spec", "node"), ("spec", "gone")]]
    assert lines == [2, 5, 6, 2]


def test_comments_and_directives_before_the_first_document_are_none() -> None:
    assert list(split_documents("# cluster\n%YAML 1.1\n\n---\na: 1\n")) == [(4, "---\na: 1\n")]


def test_separator_inside_a_line_separates_nothing() -> None:
    assert [line for line, _ in split_documents("a: '---'\nb: x---\n----: 1\n")] == [1]


def test_alias_bomb_is_an_error() -> None:
    levels = ["l0: &l0 [x]"] + [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(NotYamlError, match="unfold"):
        read_document("\n".join(levels))


def test_recursive_alias_is_an_error() -> None:
    with pytest.raises(NotYamlError, match="nested"):
        read_document("&a [*a]")


DEEP = 30_000
IN_PROPER = "[{{a: {0}}}, {0}]".format("[" * 99 + "]" * 99)


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        "[" * DEEP + "]" * DEEP,
        "{a: " * DEEP,
        "{" * DEEP,
        "[{a: " * DEEP,
        "- " * DEEP + "a",
        "? " * DEEP + "a",
        "a: &x\n" + "b: " + "[" * DEEP,
        "\n".join(" " * depth + "a:" for depth in range(3000)),
        "{ ? " * DEEP,
        "&a [" * 200,
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.parametrize("notation", [KUBERNETES, AS_WRITTEN], ids=["resources", "labs and options"])
def test_nesting_ends_no_process(text: str, notation: Notation) -> None:
    with pytest.raises(NotYamlError):
        read_document(text, notation)


def test_brackets_in_text_are_not_nesting() -> None:
    assert read_document(f"a: '{'[' * DEEP}'").data == {"a": "[" * DEEP}
    assert read_document("a: |\n  " + "[" * DEEP).data == {"a": "[" * DEEP}


def test_nesting_is_counted_from_the_root_of_each_branch() -> None:
    read_document(IN_PROPER)
    read_document("[" + "[[a]], " * 1000 + "]")


@pytest.mark.parametrize(
    "text", ["a: &a {<<: *a}", "a: &a\n  <<: [*a, *a]\n", "&a {b: &b {<<: *a}, <<: *b}", "a: &a {b: {<<: {<<: *a}}}"]
)
def test_merge_of_a_mapping_into_itself_is_an_error(text: str) -> None:
    with pytest.raises(NotYamlError, match="nested"):
        read_document(text)


def test_merges_that_unfold_without_end_are_an_error() -> None:
    lines = ["m0: &m0 {a: b}", *(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}" for n in range(1, 12))]
    with pytest.raises(NotYamlError, match="unfold"):
        read_document("\n".join(lines))


def test_json_indented_with_tabs_is_read() -> None:
    assert read_document('{\n\t"kind": "List",\n\t"items": []\n}').data == {"kind": "List", "items": ()}


def test_a_field_that_comes_by_a_merge_key_has_its_line_where_it_is_written() -> None:
    document = read_document("base: &base\n  a: 1\nmore: &more\n  a: 2\n  b: 3\nitem:\n  <<: [*base, *more]\n  c: 4\n")
    assert document.data["item"] == {"a": 1, "b": 3, "c": 4}
    assert [document.line_of(("item", key)) for key in "abc"] == [2, 5, 8]


def test_scalars_as_written_are_text_and_nothing_is_none() -> None:
    document = read_document("a: yes\nb: 02:42\nc: 1e3\nd:\ne: ~\n2: [0x1f, null]\n", AS_WRITTEN)
    assert document.data == {"a": "yes", "b": "02:42", "c": "1e3", "d": None, "e": None, "2": ("0x1f", None)}


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "9" * 5000, "0b" + "1" * 5000, "-" + "9" * 101])
def test_numbers_of_any_length_raise_nothing_else(number: str) -> None:
    for text in (f"a: {number}", f"? {number}\n: a"):
        with pytest.raises(NotYamlError, match="does not fit"):
            read_document(text)
