"""The forms in which objects are printed: as kubectl has them, one object as itself and several as a List."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from bgpctl.cli.objects.hidden import shown
from bgpctl.objects.object import Object


class Form(StrEnum):
    TABLE = "table"
    WIDE = "wide"
    YAML = "yaml"
    JSON = "json"
    NAME = "name"

    @property
    def is_data(self) -> bool:
        return self in (Form.YAML, Form.JSON)


def names_text(objects: Iterable[Object]) -> str:
    return "".join(f"{each.id.resource}\n" for each in objects)


def objects_text(objects: Sequence[Object], form: Form, *, is_one: bool, managed_fields: bool = False) -> str:
    """In YAML or JSON. `is_one`: one object was asked for by its name."""
    data = [shown(each, managed_fields=managed_fields) for each in objects]
    if is_one and len(data) == 1:
        return data_text(data[0], form)
    return data_text({"apiVersion": "v1", "kind": "List", "items": data, "metadata": {"resourceVersion": ""}}, form)


def data_text(value: Any, form: Form) -> str:
    if form is Form.JSON:
        return msgspec.json.format(msgspec.json.encode(value), indent=4).decode() + "\n"
    from bgpctl.yaml_source.dump import yaml_text

    return yaml_text(value)
