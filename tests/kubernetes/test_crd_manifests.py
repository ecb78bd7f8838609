"""config/crd is what the types say, and what the types say to an API server is what they say to us."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from bgpctl.agent.node_status import status
from bgpctl.kubernetes_schema import SERVED_KINDS, definition, reported_status
from bgpctl.kubernetes_schema.descriptions import UndescribedError, field_description
from bgpctl.kubernetes_schema.manifests import manifests
from bgpctl.kubernetes_schema.node_plan import node_plan_definition
from bgpctl.kubernetes_schema.struct_schema import struct_schema
from bgpctl.resources.values.model import ResourcePart
from bgpctl.resources.values.notations import (
    COMMUNITY_PATTERN,
    DURATION_PATTERN,
    EXACT_COMMUNITY_PATTERN,
    parse_community,
    parse_duration,
)
from bgpctl.resources.values.rules import RuledValue
from bgpctl.resources.values.selector import SELECTOR_PATTERN, SelectorError, parse_selector

DIRECTORY = Path(__file__).parents[2] / "config" / "crd"


def test_files_are_what_the_types_say() -> None:
    files = (file for folder in ("calico", "nodeplan") for file in (DIRECTORY / folder).iterdir())
    found = {str(file.relative_to(DIRECTORY)): file.read_text() for file in files}
    assert found == manifests(), "make crds writes them again"


def test_text_is_the_definition() -> None:
    """Patterns and rules are written in a style of their own, which changes no octet of them."""
    texts = manifests()
    for kind in SERVED_KINDS:
        assert yaml.safe_load(texts[f"calico/projectcalico.org_{kind.plural}.yaml"]) == definition(kind)
    assert yaml.safe_load(texts["nodeplan/nodeplans.yaml"]) == node_plan_definition()


def test_every_file_says_whose_copy_it_is() -> None:
    for kind in SERVED_KINDS:
        metadata = definition(kind)["metadata"]
        assert metadata["labels"] == {"app.kubernetes.io/part-of": "bgpctl"}
        assert "for clusters without Calico" in metadata["annotations"]["bgpctl.io/origin"]


def test_every_rule_has_words_in_cel() -> None:
    models = {model for kind in SERVED_KINDS for model in _models(kind.model)}
    ruled = [model for model in models if issubclass(model, RuledValue)]
    assert [rule.code for model in ruled for rule in model.RULES if not rule.cel] == []
    assert len(ruled) >= 7


def test_field_without_docstring_is_refused() -> None:
    class Silent(ResourcePart):
        node: str = ""

    with pytest.raises(UndescribedError, match=r"Silent\.node has no docstring behind it"):
        field_description(Silent, "node")


def test_struct_without_docstrings_is_refused_and_so_is_what_has_no_schema() -> None:
    class Silent(msgspec.Struct):
        """Of one field."""

        node: str

    class Open(msgspec.Struct):
        """Of any."""

        fields: dict[str, str]
        """What there is."""

    with pytest.raises(UndescribedError, match=r"Silent\.node has no docstring behind it"):
        struct_schema(Silent)
    with pytest.raises(TypeError, match="DictType has no schema"):
        struct_schema(Open)


# ----------------------------------------------------------------------------------------------- patterns

PIECES = (
    "a", "rack", "in", "not", "not in", "has(a)", "all()", "global( )", "==", "!=", "contains", "starts  with",
    "ends with", "'x'", '"y"', "'a == b'", "{", "}", "{}", "{'a', \"b\"}", ",", "(", ")", "!", "&&", "||", " ", "\t",
    "has( a/b )", "'",
)  # fmt: skip
WORDS = st.sampled_from(PIECES)
SELECTORS = st.lists(WORDS, max_size=12).map(" ".join) | st.lists(WORDS, max_size=8).map("".join)


@given(SELECTORS)
def test_pattern_of_selectors_lets_every_selector_through(text: str) -> None:
    try:
        parse_selector(text)
    except SelectorError:
        return
    assert re.fullmatch(SELECTOR_PATTERN, text)


@pytest.mark.parametrize(
    "text", ["rack = 'a'", "rack == a", "has(a) && ", "has(a) has(b)", "a in 'b'", "all", "!", "((", "a == 'b"]
)
def test_pattern_of_selectors_refuses_what_people_get_wrong(text: str) -> None:
    with pytest.raises(SelectorError):
        parse_selector(text)
    assert not re.fullmatch(SELECTOR_PATTERN, text)


NUMBERS = st.sampled_from(
    ["0", "1", "00", "065535", "65535", "65536", "99999", "4294967295", "4294967296", "9999999999", "", "a"]
)
COMMUNITIES = st.lists(NUMBERS, min_size=1, max_size=4).map(":".join)


@given(COMMUNITIES)
def test_patterns_of_communities_are_what_is_read(text: str) -> None:
    try:
        canonical = parse_community(text)
    except ValueError:
        canonical = ""
    assert bool(re.fullmatch(COMMUNITY_PATTERN, text)) == bool(canonical)
    assert bool(re.fullmatch(EXACT_COMMUNITY_PATTERN, text)) == (text == canonical != "")


QUANTITIES = st.sampled_from(["0", "1s", "1.5h", ".5m", "1.m", "-", "+", "2", "s", "100ms", "3us", "3µs", "1 s", ""])


@given(st.lists(QUANTITIES, max_size=4).map("".join))
def test_pattern_of_durations_is_what_is_read(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError:
        assert not re.fullmatch(DURATION_PATTERN, text)
    else:
        assert re.fullmatch(DURATION_PATTERN, text)


# ------------------------------------------------------------------------------------------- the status half

# What an agent writes, and the schema of it.
WRITTEN: dict[Any, type[BaseModel]] = {
    status.NodeStatus: reported_status.NodeStatus,
    status.AgentPart: reported_status.AgentStatus,
    status.DaemonStatus: reported_status.DaemonStatus,
    status.BGPPart: reported_status.BGPStatus,
    status.PeerPart: reported_status.PeerStatus,
    status.RoutesPart: reported_status.RoutesStatus,
    status.RoutePart: reported_status.RouteStatus,
    status.LearnedFrom: reported_status.LearnedFrom,
}


@pytest.mark.parametrize("struct", WRITTEN, ids=lambda struct: struct.__name__)
def test_schema_of_the_status_has_the_fields_that_agents_write(struct: Any) -> None:
    written = {field.encode_name for field in msgspec.structs.fields(struct)}
    assert written == {field.alias for field in WRITTEN[struct].model_fields.values()}


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    parts = [part for field in model.model_fields.values() for part in _parts(field.annotation)]
    return [model, *(inner for part in parts for inner in _models(part))]


def _parts(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for argument in getattr(annotation, "__args__", ()) for part in _parts(argument)]
