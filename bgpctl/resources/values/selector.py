"""Selectors: the label expressions of nodeSelector, peerSelector and localWorkloadSelector.

    selector   = and { "||" and }
    and        = operation { "&&" operation }
    operation  = { "!" } primary
    primary    = "(" selector ")" | "all()" | "global()" | "has(" label ")"
               | label ( "==" | "!=" | "contains" | "starts with" | "ends with" ) string
               | label [ "not" ] "in" "{" [ string { "," string } ] "}"

A label is made of letters, digits and `_ . / -`; a string stands in '...' or "..." and has no escapes; blanks are
spaces and tabs. `!=` and `not in` hold for an object that lacks the label. The empty selector is all().
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

MAX_LENGTH = 1024
MAX_DEPTH = 100
Labels = Mapping[str, str]


class SelectorError(ValueError):
    """The text is no selector. `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} at character {position + 1}")
        self.position = position


class Selector(Protocol):
    """A parsed selector; `str()` is its canonical text, which parses to an equal value."""

    def matches(self, labels: Labels) -> bool: ...


@dataclass(frozen=True, slots=True)
class All:
    """all() and global(): every object. Only their spelling differs; IPPools may not say global()."""

    word: str = "all"

    def matches(self, labels: Labels) -> bool:  # noqa: ARG002 - the protocol's signature
        return True

    def __str__(self) -> str:
        return f"{self.word}()"


@dataclass(frozen=True, slots=True)
class Has:
    label: str

    def matches(self, labels: Labels) -> bool:
        return self.label in labels

    def __str__(self) -> str:
        return f"has({self.label})"


class Operator(StrEnum):
    EQUAL = "=="
    NOT_EQUAL = "!="
    CONTAINS = "contains"
    STARTS_WITH = "starts with"
    ENDS_WITH = "ends with"


# What each operator asks of the label's value (None: the label is absent) and the operand.
COMPARISONS: dict[Operator, Callable[[str | None, str], bool]] = {
    Operator.EQUAL: lambda value, operand: value == operand,
    Operator.NOT_EQUAL: lambda value, operand: value != operand,
    Operator.CONTAINS: lambda value, operand: value is not None and operand in value,
    Operator.STARTS_WITH: lambda value, operand: value is not None and value.startswith(operand),
    Operator.ENDS_WITH: lambda value, operand: value is not None and value.endswith(operand),
}


@dataclass(frozen=True, slots=True)
class Compare:
    label: str
    operator: Operator
    operand: str

    def matches(self, labels: Labels) -> bool:
        return COMPARISONS[self.operator](labels.get(self.label), self.operand)

    def __str__(self) -> str:
        return f"{self.label} {self.operator} {_quote(self.operand)}"


@dataclass(frozen=True, slots=True)
class In:
    """`negated` is "not in"; it holds for an absent label."""

    label: str
    values: frozenset[str]
    negated: bool = False

    def matches(self, labels: Labels) -> bool:
        return (labels.get(self.label) in self.values) != self.negated

    def __str__(self) -> str:
        word = "not in" if self.negated else "in"
        return f"{self.label} {word} {{{', '.join(map(_quote, sorted(self.values)))}}}"


@dataclass(frozen=True, slots=True)
class Not:
    operand: Selector

    def matches(self, labels: Labels) -> bool:
        return not self.operand.matches(labels)

    def __str__(self) -> str:
        return f"!{_nested(self.operand)}"


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Selector, ...]

    def matches(self, labels: Labels) -> bool:
        return all(operand.matches(labels) for operand in self.operands)

    def __str__(self) -> str:
        return " && ".join(map(_nested, self.operands))


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Selector, ...]

    def matches(self, labels: Labels) -> bool:
        return any(operand.matches(labels) for operand in self.operands)

    def __str__(self) -> str:
        return " || ".join(map(_nested, self.operands))


def _nested(selector: Selector) -> str:
    return f"({selector})" if isinstance(selector, (And, Or)) else str(selector)


def _quote(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


@lru_cache(maxsize=4096)
def parse_selector(text: str) -> Selector:
    """The value of a selector's text. Raises SelectorError with the position of what does not fit."""
    parser = _Parser(text)
    if parser.at_end():
        return All()
    selector = parser.either(MAX_DEPTH)
    parser.expect_end()
    return selector


_BLANKS = re.compile(r"[ \t]*")
_LABEL = re.compile(r"[A-Za-z0-9_./-]+")
_STRING = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_EVERYTHING = re.compile(r"(all|global)\([ \t]*\)")
_HAS = re.compile(r"has\([ \t]*([A-Za-z0-9_./-]+)[ \t]*\)")
_COMPARISON = re.compile(r"==|!=|contains\b|starts[ \t]+with\b|ends[ \t]+with\b")
_IN = re.compile(r"(not[ \t]+)?in\b")


_STRING_PATTERN = """('[^']*'|"[^"]*")"""
_PRIMARY_PATTERN = "|".join(
    (
        r"(all|global)\([ \t]*\)",
        r"has\([ \t]*[A-Za-z0-9_./-]+[ \t]*\)",
        rf"[A-Za-z0-9_./-]+[ \t]*(==|!=|contains|starts[ \t]+with|ends[ \t]+with)[ \t]*{_STRING_PATTERN}",
        r"[A-Za-z0-9_./-]+[ \t]*(not[ \t]+)?in[ \t]*"
        rf"\{{[ \t]*({_STRING_PATTERN}[ \t]*(,[ \t]*{_STRING_PATTERN}[ \t]*)*)?\}}",
    )
)
_OPERATION_PATTERN = rf"([ \t]*[!(])*[ \t]*({_PRIMARY_PATTERN})([ \t]*\))*"
# What every selector matches; what else does has parentheses that do not match, or too many of them.
SELECTOR_PATTERN = rf"^({_OPERATION_PATTERN}([ \t]*(&&|\|\|){_OPERATION_PATTERN})*)?[ \t]*$"


class _Parser:
    """Reads the text from left to right; each method takes what it is named after."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def at_end(self) -> bool:
        self._skip_blanks()
        return self._position == len(self._text)

    def expect_end(self) -> None:
        if not self.at_end():
            raise self._error("expected && or || or the end")

    def either(self, depth: int) -> Selector:
        operands = [self._both(depth)]
        while self._take("||"):
            operands.append(self._both(depth))
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _both(self, depth: int) -> Selector:
        operands = [self._operation(depth)]
        while self._take("&&"):
            operands.append(self._operation(depth))
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _operation(self, depth: int) -> Selector:
        if depth == 0:
            raise self._error(f"more than {MAX_DEPTH} levels deep")
        if self._take("!"):
            return Not(self._operation(depth - 1))
        if self._take("("):
            inner = self.either(depth - 1)
            self._expect(")")
            return inner
        return self._everything() or self._has() or self._condition()

    def _everything(self) -> Selector | None:
        found = self._match(_EVERYTHING)
        return All(found[1]) if found else None

    def _has(self) -> Selector | None:
        found = self._match(_HAS)
        return Has(found[1]) if found else None

    def _condition(self) -> Selector:
        label = self._match(_LABEL)
        if label is None:
            raise self._error("expected a label, all(), has(label), ! or (")
        if comparison := self._match(_COMPARISON):
            return Compare(label[0], Operator(" ".join(comparison[0].split())), self._string())
        if found := self._match(_IN):
            return In(label[0], self._set(), negated=found[1] is not None)
        raise self._error(f"expected ==, !=, in, not in, contains, starts with or ends with after {label[0]!r}")

    def _set(self) -> frozenset[str]:
        self._expect("{")
        if self._take("}"):
            return frozenset()
        values = {self._string()}
        while self._take(","):
            values.add(self._string())
        self._expect("}")
        return frozenset(values)

    def _string(self) -> str:
        found = self._match(_STRING)
        if found is None:
            raise self._error("expected a string in quotes")
        return found[1] if found[1] is not None else found[2]

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"expected {sign}")

    def _take(self, sign: str) -> bool:
        self._skip_blanks()
        taken = self._text.startswith(sign, self._position)
        self._position += len(sign) * taken
        return taken

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self._skip_blanks()
        found = pattern.match(self._text, self._position)
        if found:
            self._position = found.end()
        return found

    def _skip_blanks(self) -> None:
        found = _BLANKS.match(self._text, self._position)
        self._position = found.end() if found else self._position

    def _error(self, message: str) -> SelectorError:
        return SelectorError(message, self._position)
