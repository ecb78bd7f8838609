"""Fields of older data, read strictly: a value is of its type and in its range, or a problem names object and field.

Calico's own conversion ignored what it could not read (an address that is none, a mesh that is neither on nor off);
here that is an error, for what is ignored is a session or a node that is silently missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from bgpctl.migration.fate import Origin, shown
from bgpctl.resources.values.notations import parse_as_number
from bgpctl.yaml_source.path import Path
from bgpctl.yaml_source.problem import Problem
from reflector.addresses import Address, parse_address, parse_cidr

T = TypeVar("T")
D = TypeVar("D")
HIGHEST_AS = 4294967295
# Of a text that is read as an address, a number or a word.
LONGEST_TEXT = 1024


class WrongValueError(ValueError):
    """`code` is that of the problem."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


# ----------------------------------------------------------------------------------------- values


def text(value: object) -> str:
    if not isinstance(value, str):
        raise WrongValueError("wrong-type", f"must be text, and is {shown(value)}")
    if len(value) > LONGEST_TEXT:
        raise WrongValueError("too-long", f"must have at most {LONGEST_TEXT} characters, and has {len(value)}")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise WrongValueError("bad-text", f"{shown(value)} is half of a character (a surrogate)")
    return value


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongValueError("wrong-type", f"must be true or false, and is {shown(value)}")
    return value


def mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise WrongValueError("wrong-type", f"must be a mapping, and is {shown(value)}")
    return value


def items(value: object) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise WrongValueError("wrong-type", f"must be a list, and is {shown(value)}")
    return tuple(value)


def as_number(value: object) -> int:
    """A number, or text: "64512", "1.10"."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise WrongValueError("wrong-type", f"must be a whole number or text, and is {shown(value)}")
    try:
        number = parse_as_number(text(value)) if isinstance(value, str) else value
    except WrongValueError:
        raise
    except ValueError as error:
        raise WrongValueError("not-an-as-number", str(error)) from None
    if not 0 <= number <= HIGHEST_AS:
        raise WrongValueError("out-of-range", f"must be from 0 to {HIGHEST_AS}, and is {shown(number)}")
    return number


def address(value: object) -> Address:
    try:
        return parse_address(text(value))
    except WrongValueError:
        raise
    except ValueError:
        raise WrongValueError("not-an-address", f"{shown(value)} is not an IP address") from None


def network(value: object) -> tuple[Address, int]:
    """The address as it is written and the prefix length; of a bare address that is the whole of it."""
    written = text(value)
    try:
        if "/" not in written:
            single = parse_address(written)
            return single, single.max_prefixlen
        found, around = parse_cidr(written)
    except ValueError:
        raise WrongValueError("not-a-cidr", f"{shown(value)} is not a network such as 10.0.0.0/16") from None
    return found, around.prefixlen


def one_of(*words: str) -> Callable[[object], str]:
    """One of these words."""

    def read(value: object) -> str:
        if text(value) not in words:
            listed = ", ".join(repr(word) for word in words)
            raise WrongValueError("not-one-of", f"must be one of {listed}, and is {shown(value)}")
        return str(value)

    return read


# ----------------------------------------------------------------------------------------- fields


def _same_line(_: Path) -> int:
    return 0


class Fields:
    """The fields of one mapping. `problems` is that of the whole source, and grows; `is_right` while it has not."""

    def __init__(
        self,
        origin: Origin,
        data: Mapping[str, Any],
        problems: list[Problem],
        path: Path = (),
        line_of: Callable[[Path], int] = _same_line,
    ) -> None:
        self._origin = origin
        self._data = data
        self._problems = problems
        self._path = path
        self._line_of = line_of
        self._known: set[str] = set()
        self._before = len(problems)

    @property
    def is_right(self) -> bool:
        return len(self._problems) == self._before

    def has(self, name: str) -> bool:
        """Whether it is there, and not null."""
        return self._data.get(name) is not None

    def refuse(self, code: str, name: str, message: str) -> None:
        path = (*self._path, name) if name else self._path
        self._problems.append(self._origin.problem(path, code, message, self._line_of(path)))

    def read(self, name: str, as_type: Callable[[object], T], default: D) -> T | D:
        """The default also where it is null, and where it is wrong."""
        self._known.add(name)
        value = self._data.get(name)
        if value is None:
            return default
        try:
            return as_type(value)
        except WrongValueError as error:
            self.refuse(error.code, name, str(error))
            return default

    def needed(self, name: str, as_type: Callable[[object], T]) -> T | None:
        """None where it is missing or wrong, which is a problem."""
        if self._data.get(name) in (None, ""):
            self._known.add(name)
            self.refuse("required-field", name, "this field is required")
            return None
        return self.read(name, as_type, None)

    def within(self, name: str) -> Fields:
        """The fields of a mapping in it; none where it is missing or wrong."""
        return self._inner((*self._path, name), self.read(name, mapping, {}))

    def each_within(self, name: str) -> list[Fields]:
        """Those of the mappings in a list."""
        found: list[Fields] = []
        for index, value in enumerate(self.read(name, items, ())):
            path = (*self._path, name, index)
            if isinstance(value, dict):
                found.append(self._inner(path, value))
            else:
                message = f"must be a mapping, and is {shown(value)}"
                self._problems.append(self._origin.problem(path, "wrong-type", message, self._line_of(path)))
        return found

    def others(self, ignored: Iterable[str] = ()) -> list[str]:
        """Fields that were not read."""
        return sorted(self._data.keys() - self._known - set(ignored))

    def refuse_others(self, ignored: Iterable[str] = ()) -> None:
        for name in self.others(ignored):
            self.refuse("unknown-field", name, f"there is no field {shown(name)} here; remove it")

    def _inner(self, path: Path, data: Mapping[str, Any]) -> Fields:
        return Fields(self._origin, data, self._problems, path, self._line_of)
