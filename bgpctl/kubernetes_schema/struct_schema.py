"""A msgspec Struct as a structural schema, as structural.py has it for the models of resources.

    Struct               an object; fields without a default are required
    tuple[X, ...]        a list
    Raw                  an object of any fields
    bytes                text, which is base64

Rule: every Struct and every field has a description, or there is no schema. What is not in this table is refused.
"""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from bgpctl.kubernetes_schema.descriptions import description, field_description
from bgpctl.kubernetes_schema.structural import LIST_TYPE, Schema

PRESERVED = "x-kubernetes-preserve-unknown-fields"


def struct_schema(struct: type) -> Schema:
    """Raises UndescribedError when something in it has no description."""
    found = inspect.type_info(struct)
    if not isinstance(found, inspect.StructType):
        raise TypeError(f"{struct.__name__} is no Struct")
    return _object(found)


def _object(struct: inspect.StructType) -> Schema:
    properties = {}
    for field in struct.fields:
        schema = {name: each for name, each in _of(field.type).items() if name != "description"}
        properties[field.encode_name] = {"description": field_description(struct.cls, field.name)} | schema
    required = sorted(each.encode_name for each in struct.fields if each.required)
    return {
        "description": description(struct.cls),
        "type": "object",
        **({"required": required} if required else {}),
        "properties": properties,
    }


def _of(found: inspect.Type) -> Schema:
    match found:
        case inspect.StructType():
            return _object(found)
        case inspect.VarTupleType():
            return {"type": "array", LIST_TYPE: "atomic", "items": _of(found.item_type)}
        case inspect.IntType():
            return {"type": "integer", "format": "int64"}
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.StrType() | inspect.BytesType():
            return {"type": "string"}
        case inspect.RawType():
            return {"type": "object", PRESERVED: True}
        case _:
            raise TypeError(f"{type(found).__name__} has no schema")


def at(schema: Schema, path: str) -> Any:
    """The schema of a field: "spec.node"; "[]" for what is in a list."""
    for name in path.split("."):
        schema = schema["items"] if name == "[]" else schema["properties"][name]
    return schema
