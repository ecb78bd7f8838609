"""Rules over several fields of one value: written as data, checked together, reported together.

A model lists its Rules; when its fields are all right, every rule is asked, and the ones that are broken travel out
of pydantic in one error that refusals.py takes apart. So a value that exists has kept all its rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from bgpctl.resources.values.model import ResourcePart

BROKEN_RULES = "broken-rules"


@dataclass(frozen=True, slots=True)
class Rule:
    """`broken` is asked about the value that lists the rule.

    field     the YAML name of the field to point at; "" for the value itself
    reads     YAML names of all fields that `broken` looks at: it is not asked when one of them is bad in itself
    cel       what holds when it is not broken, in CEL, for an API server to ask about objects that it stores; "" where
              CEL has no words for it, or an API server no time
    """

    code: str
    field: str
    reads: tuple[str, ...]
    broken: Callable[[Any], bool]
    message: str
    cel: str = ""


def written(field: str, empty: str = "''") -> str:
    """In CEL: the text, or what else is written so when it is empty, is there and is not empty."""
    return f"(has(self.{field}) && self.{field} != {empty})"


class RuledValue(ResourcePart):
    """A value with rules over its fields."""

    RULES: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        broken = tuple(rule for rule in self.RULES if rule.broken(self))
        if broken:
            message = "; ".join(rule.message for rule in broken)
            raise PydanticCustomError(BROKEN_RULES, "{message}", {"message": message, "rules": broken})
        return self
