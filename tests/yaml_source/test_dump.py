"""YAML that is written reads back as the same data, here and where YAML 1.1 is read."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bgpctl.yaml_source.document import read_document
from bgpctl.yaml_source.documents import split_documents
from bgpctl.yaml_source.dump import yaml_text

# What either reader takes for something else than text.
ODD = [
    "1e3", "yes", "No", "on", "0o7", "017", "0x1F", "0b1", "5663:12", "2024-01-01", "1_0", "+1", ".5", "1.10", "~",
    "null", "", "=", "<<", "true", ".inf", "- a", "a: b", "#", "'", '"', "---", "a\n--- b", "\t", " a", "a ", "\ufeff",
]  # fmt: skip
TEXTS = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
DATA = st.recursive(
    st.one_of(TEXTS, st.booleans(), st.integers(-(2**63), 2**64)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=20,
)


def as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_lists(inner) for key, inner in value.items()}
    return [as_lists(inner) for inner in value] if isinstance(value, tuple) else value


@given(st.dictionaries(TEXTS, DATA, max_size=5))
def test_it_reads_back_as_the_same(data: dict[str, Any]) -> None:
    text = yaml_text(data)
    assert as_lists(read_document(text).data) == data
    assert yaml.safe_load(text) == data


@given(st.lists(st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_documents_stay_apart(documents: list[dict[str, str]]) -> None:
    written = "---\n".join(map(yaml_text, documents))
    parts = [text for _, text in split_documents(written)]
    assert [read_document(part).data for part in parts] == documents


@pytest.mark.parametrize("text", ["1e3", "0o7", "5663:12", "yes"])
def test_what_looks_like_a_number_is_in_quotes(text: str) -> None:
    assert yaml_text({"a": text}) == f"a: '{text}'\n"


def test_no_aliases_are_written() -> None:
    inner = {"a": [1]}
    assert yaml_text({"x": inner, "y": inner}) == "x:\n  a:\n  - 1\ny:\n  a:\n  - 1\n"
