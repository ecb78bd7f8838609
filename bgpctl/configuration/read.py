"""Makes the value of a dataclass of options: option > environment > file > default.

Rule: nothing is read before everything is: all errors are raised together, each naming where the text stands - the
option, the variable, or file, line and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bgpctl.configuration.option import Declared, declared_options, parts
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file has for one key, as it is written."""

    text: str
    line: int


@dataclass(frozen=True)
class OptionsFile:
    """A file's keys. `problems` are sentences about the file itself, each with its place."""

    path: Path
    entries: Mapping[str, FileEntry] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where options may stand. `given` is the command line, by field name; None or no entry: not given."""

    given: Mapping[str, str | bool | None] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    file: OptionsFile | None = None


class OptionsError(NotReadyError):
    """Options that make no sense: one line for each."""


def read_options(kind: type[T], sources: Sources) -> T:
    """Raises OptionsError with everything that is wrong."""
    problems = list(sources.file.problems) if sources.file is not None else []
    found: dict[str, Any] = {}
    for option in declared_options(kind):
        try:
            found |= _value(option, sources)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise OptionsError("\n".join(problems))
    return _make(kind, found)


def _make(kind: type[T], found: Mapping[str, Any]) -> T:
    """Raises OptionsError for values that do not go together."""
    made: dict[str, Any] = {name: _make(part, found) for name, part in parts(kind)}
    made |= {each.name: found[each.name] for each in fields(kind) if each.name in found}
    try:
        return kind(**made)
    except ValueError as error:
        raise OptionsError(str(error)) from None


def _value(option: Declared, sources: Sources) -> dict[str, Any]:
    """The value under the field's name; nothing where the default holds. Raises ValueError."""
    given = sources.given.get(option.name)
    if isinstance(given, bool):
        return {option.name: given}
    if given is not None and (given or option.option.takes_empty):
        return {option.name: _parsed(option, given, option.flag)}
    if text := sources.environment.get(option.variable, "").strip():
        return {option.name: _parsed(option, text, option.variable)}
    if option.option.variables is not None:
        value = option.option.variables.read(sources.environment)
        if value is not None:
            return {option.name: value}
    entry = sources.file.entries.get(option.key) if sources.file is not None else None
    if entry is not None and sources.file is not None and (entry.text or option.option.takes_empty):
        return {option.name: _parsed(option, entry.text, f"{sources.file.path}:{entry.line}: {option.key}")}
    if option.is_required:
        places = f"{option.flag}, {option.variable} or {option.key} in the file of --config"
        raise ValueError(f"{option.key} is not set: it is set by {places}")
    return {}


def _parsed(option: Declared, text: str, place: str) -> Any:
    try:
        return option.parse(text)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
