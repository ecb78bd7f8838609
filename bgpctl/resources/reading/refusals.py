"""What pydantic refuses, as Problems: one table from its error types to our codes and sentences.

The input is never repeated in a message that pydantic words, since it may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bgpctl.resources.values.field_finding import FieldFinding
from bgpctl.resources.values.patterns import EXPECTED
from bgpctl.resources.values.rules import BROKEN_RULES, Rule
from bgpctl.yaml_source.path import Path
from bgpctl.yaml_source.spelling import nearest

R = TypeVar("R", bound=BaseModel)

# pydantic's error type -> our code and message; the names in braces come from the error's context.
TABLE = {
    "missing": ("required-field", "this field is required"),
    "literal_error": ("not-one-of", "must be one of {expected}"),
    "string_type": ("wrong-type", "must be text; put it in quotes"),
    "int_type": ("wrong-type", "must be a whole number, without quotes"),
    "bool_type": ("wrong-type", "must be true or false, without quotes"),
    "tuple_type": ("wrong-type", "must be a list"),
    "mapping_type": ("wrong-type", "must be a mapping"),
    "model_type": ("wrong-type", "must be a mapping"),
    "model_attributes_type": ("wrong-type", "must be a mapping"),
    "greater_than_equal": ("out-of-range", "must be at least {ge}"),
    "less_than_equal": ("out-of-range", "must be at most {le}"),
    "string_too_long": ("too-long", "must have at most {max_length} characters"),
    "string_too_short": ("required-field", "must not be empty"),
    "too_long": ("too-long", "must have at most {max_length} items"),
    "too_short": ("too-short", "must have at least {min_length} items"),
}


def refusals(model: type[R], data: dict[str, Any]) -> tuple[R | None, tuple[FieldFinding, ...]]:
    """The model's value, or None and everything that is wrong with the data."""
    try:
        return model.model_validate(data, by_alias=True, by_name=False), ()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    return None, (*_explain(model, found), *_rules_behind(model, data, found))


def _explain(model: type[BaseModel], errors: Any) -> Iterator[FieldFinding]:
    for error in errors:
        path = tuple(step for step in error["loc"] if step != "[key]")
        context = error.get("ctx", {})
        if error["type"] == BROKEN_RULES:
            yield from (_of_rule(rule, path) for rule in context["rules"])
        elif error["type"] == "extra_forbidden":
            yield FieldFinding("unknown-field", path, _unknown(model, str(path[-1])))
        elif error["type"] == "string_pattern_mismatch":
            yield FieldFinding("bad-text", path, f"must be {EXPECTED[context['pattern']]}")
        elif error["type"] in TABLE:
            code, message = TABLE[error["type"]]
            yield FieldFinding(code, path, message.format_map(context))
        else:
            yield FieldFinding(error["type"], path, error["msg"])


def _of_rule(rule: Rule, path: Path) -> FieldFinding:
    return FieldFinding(rule.code, (*path, *(rule.field.split(".") if rule.field else ())), rule.message)


def _rules_behind(model: type[BaseModel], data: dict[str, Any], errors: Any) -> Iterator[FieldFinding]:
    """Rules are only asked of a value whose fields are all right. They are asked again without the bad fields, so that
    a broken rule is not hidden behind them; rules that read a bad field keep silent."""
    bad = {_field(error["loc"]) for error in errors if error["type"] not in (BROKEN_RULES, "missing")}
    if not bad:
        return
    pruned = data
    for path in bad:
        pruned = _without(pruned, path)
    known = {error["loc"] for error in errors if error["type"] == BROKEN_RULES}
    try:
        model.model_validate(pruned, by_alias=True, by_name=False)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            if found["type"] != BROKEN_RULES or found["loc"] in known:
                continue
            for rule in found["ctx"]["rules"]:
                if not any((*found["loc"], field) in bad for field in rule.reads):
                    yield _of_rule(rule, found["loc"])


def _field(path: Path) -> Path:
    """The path up to its last key: of a bad list item the list."""
    while len(path) > 1 and (isinstance(path[-1], int) or path[-1] == "[key]"):
        path = path[:-1]
    return path


def _without(data: Any, path: Path) -> Any:
    """A copy of the data that lacks the field."""
    step, *rest = path
    if isinstance(data, dict) and step in data:
        if not rest:
            return {key: value for key, value in data.items() if key != step}
        return {**data, step: _without(data[step], tuple(rest))}
    if isinstance(data, tuple) and isinstance(step, int) and rest:
        return (*data[:step], _without(data[step], tuple(rest)), *data[step + 1 :])
    return data


def _unknown(model: type[BaseModel], name: str) -> str:
    meant = nearest(name, yaml_names(model))
    if meant:
        return f"there is no field {name!r} here; did you mean {meant!r}?"
    return f"there is no field {name!r} here; remove it"


@cache
def yaml_names(model: type[BaseModel]) -> frozenset[str]:
    """The YAML names of all fields of a model and of everything in it."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    for field in model.model_fields.values():
        for part in _models_in(field.annotation):
            names |= yaml_names(part)
    return frozenset(names)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)
