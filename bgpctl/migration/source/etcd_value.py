"""The value of one key: text, or JSON with fields. What is wrong with it is a problem of its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bgpctl.migration.source.fields import Fields, WrongValueError, mapping
from bgpctl.migration.source.json_text import json_value
from bgpctl.migration.source.sources import Entry
from bgpctl.yaml_source.path import Path
from bgpctl.yaml_source.problem import Problem
from reflector.addresses import Address

T = TypeVar("T")


class EtcdValue:
    """`problems` grows."""

    def __init__(self, entry: Entry, problems: list[Problem]) -> None:
        self.origin = entry.origin
        self.is_empty = not entry.value.strip()
        self._octets = entry.value
        self._problems = problems

    def refuse(self, code: str, message: str, path: Path = ()) -> None:
        self._problems.append(self.origin.problem(path, code, message))

    def text(self) -> str:
        """ "" also where it is no text, which is a problem."""
        try:
            return self._octets.decode().strip()
        except UnicodeDecodeError as error:
            octet = self._octets[error.start]
            self.refuse("bad-text", f"its value is not text: octet 0x{octet:02x} at offset {error.start}")
            return ""

    def read(self, as_type: Callable[[object], T], value: object = None) -> T | None:
        """The text as this, or a part of the key; None where it is empty or, with a problem, wrong."""
        value = self.text() if value is None else value
        if value == "":
            return None
        try:
            return as_type(value)
        except WrongValueError as error:
            self.refuse(error.code, str(error))
            return None

    def json(self) -> Any:
        """None where it is none, which is a problem."""
        try:
            value = json_value(self.text())
        except ValueError as error:
            hint = "; was this dumped with --keys-only?" if self.is_empty else ""
            self.refuse("not-json", f"its value is {error}{hint}")
            return None
        if value is None:
            self.refuse("wrong-type", "its value is null")
        return value

    def fields(self) -> Fields | None:
        """Of a mapping in JSON; None where it is none, which is a problem."""
        value = self.json()
        found = None if value is None else self.read(mapping, value)
        return None if found is None else Fields(self.origin, found, self._problems)

    def agrees(self, field: str, in_key: str, in_value: str) -> bool:
        """Whether key and value have the same."""
        if in_key != in_value:
            self.refuse("key-mismatch", f"the key has {in_key}, the value {in_value}; remove what is wrong", (field,))
        return in_key == in_value

    def is_of_family(self, found: Address, family: str) -> bool:
        """Whether the address is of the family that the key has."""
        if str(found.version) != family:
            self.refuse("key-mismatch", f"{found} is not of IPv{family}, which the key has")
        return str(found.version) == family
