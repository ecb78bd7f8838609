"""Label selectors as kubectl has them in `-l` (equality and sets), which are not the selectors of Calico.

    selector      = requirement { "," requirement }           all of them hold
    requirement   = label ( "=" | "==" | "!=" ) [ value ]
                  | label ( "in" | "notin" ) "(" value { "," value } ")"
                  | label                                      the label is there
                  | "!" label                                  it is not

`!=` and `notin` hold for an object that lacks the label. Source: Kubernetes, "Labels and Selectors".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bgpctl.errors import NotReadyError

_LABEL = r"(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)?"
_REQUIREMENT = re.compile(
    rf"\s*(?:"
    rf"(?P<label>{_LABEL})\s*(?P<sign>==|=|!=)\s*(?P<value>{_VALUE})"
    rf"|(?P<member>{_LABEL})\s+(?P<word>in|notin)\s*\(\s*(?P<values>{_VALUE}(?:\s*,\s*{_VALUE})*)\s*\)"
    rf"|(?P<absent>!)?\s*(?P<present>{_LABEL})"
    rf")\s*"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """The label's value is one of these, or the label is there at all; `negated`: it is not so."""

    label: str
    values: frozenset[str] | None = None
    negated: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.label)
        holds = value is not None if self.values is None else value in self.values
        return holds != self.negated


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """`text` as it was given, which an API server understands."""

    text: str = ""
    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(each.matches(labels) for each in self.requirements)


EVERYTHING = LabelSelector()


def parse_label_selector(text: str) -> LabelSelector:
    """Raises NotReadyError."""
    if not text.strip():
        return EVERYTHING
    requirements: list[Requirement] = []
    position = 0
    while True:
        found = _REQUIREMENT.match(text, position)
        if found is None or text[found.end() : found.end() + 1] not in ("", ","):
            raise NotReadyError(_sentence(text, found.end() if found else position))
        requirements.append(_requirement(found))
        if found.end() == len(text):
            return LabelSelector(text, tuple(requirements))
        position = found.end() + 1


def _requirement(found: re.Match[str]) -> Requirement:
    if found["label"]:
        return Requirement(found["label"], frozenset({found["value"]}), negated=found["sign"] == "!=")
    if found["member"]:
        values = frozenset(each.strip() for each in found["values"].split(","))
        return Requirement(found["member"], values, negated=found["word"] == "notin")
    return Requirement(found["present"], negated=bool(found["absent"]))


def _sentence(text: str, position: int) -> str:
    hint = ""
    if "==" in text and ("'" in text or '"' in text):
        hint = "; values have no quotes here"
    elif "(" in text and ")" in text and re.search(r"\b(has|all|global)\(", text):
        hint = "; this is a selector of Calico, and labels are selected as with kubectl: key=value, key, !key"
    return f"{text!r} is no label selector: character {position + 1} is not expected{hint}"
