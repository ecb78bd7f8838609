"""A model as a structural schema, which is the part of JSON schema that a CustomResourceDefinition may have.

    pydantic's JSON schema           structural schema
    $ref                             what it refers to
    anyOf of a type and null         the type: an API server takes null for a field that is not there
    additionalProperties: false      nothing: strict validation refuses unknown fields
    no additionalProperties          unknown fields are preserved: we know only some of the fields
    default                          nothing: an object has what was written
    x-served (resources.values)      keywords of an API server, beside the others
    rules of a RuledValue            CEL

Rule: every field has a description, or there is no schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from bgpctl.kubernetes_schema.descriptions import description, field_description
from bgpctl.resources.values.model import Metadata
from bgpctl.resources.values.rules import RuledValue
from bgpctl.resources.values.served import SERVED

Schema = dict[str, Any]

# Keywords that are in both and mean the same.
KEPT = (
    "type", "format", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
)  # fmt: skip
RULES = "x-kubernetes-validations"
LIST_TYPE = "x-kubernetes-list-type"
INT32 = range(-(2**31), 2**31)


def structural_schema(model: type[BaseModel]) -> Schema:
    """The schema of an object, without its metadata, which is the API server's own.

    Raises UndescribedError when something in it has no description.
    """
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    models = {each.__name__: each for each in _models(model)}
    return _Converter(definitions, models).of_model(model, schema)


class _Converter:
    """Knows what a $ref refers to, as schema and as model."""

    def __init__(self, definitions: dict[str, Schema], models: dict[str, type[BaseModel]]) -> None:
        self._definitions = definitions
        self._models = models

    def of_model(self, model: type[BaseModel], schema: Schema) -> Schema:
        properties = {}
        for name, field in model.model_fields.items():
            if field.annotation is Metadata:
                continue
            yaml = field.alias or name
            converted = self._convert(schema["properties"][yaml])
            properties[yaml] = {"description": field_description(model, name)} | _without_description(converted)
        found: Schema = {"description": description(model), "type": "object", "properties": properties}
        if required := sorted(set(schema.get("required", ())) & set(properties)):
            found["required"] = required
        if "additionalProperties" not in schema:
            found["x-kubernetes-preserve-unknown-fields"] = True
        if rules := list(_rules(model)):
            found[RULES] = rules
        return found

    def _convert(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self.of_model(self._models[name], self._definitions[name])
        if "anyOf" in schema:
            (only,) = (each for each in schema["anyOf"] if each != {"type": "null"})
            return self._convert({**only, SERVED: {**only.get(SERVED, {}), **schema.get(SERVED, {})}})
        found = {keyword: schema[keyword] for keyword in KEPT if keyword in schema}
        if "const" in schema:
            found["enum"] = [schema["const"]]
        served = schema.get(SERVED, {})
        longest = [bounds["maxLength"] for bounds in (found, served) if "maxLength" in bounds]
        found |= served | ({"maxLength": min(longest)} if longest else {})
        if found.get("type") == "integer":
            bounds = (found.get("minimum", 0), found.get("maximum", 0))
            found["format"] = "int32" if all(bound in INT32 for bound in bounds) else "int64"
        if found.get("type") == "array":
            found = {LIST_TYPE: "atomic", **found, "items": self._convert(schema["items"])}
        return found


def _rules(model: type[BaseModel]) -> Iterator[Schema]:
    for rule in model.RULES if issubclass(model, RuledValue) else ():
        if rule.cel:
            where = {"fieldPath": f".{rule.field}"} if rule.field else {}
            yield {"rule": rule.cel, "message": rule.message, **where}


def _without_description(schema: Schema) -> Schema:
    return {keyword: value for keyword, value in schema.items() if keyword != "description"}


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and all in it."""
    yield model
    for field in model.model_fields.values():
        for part in _models_in(field.annotation):
            yield from _models(part)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)
