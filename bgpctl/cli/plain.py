"""Reads the command line of a declared command (declare.py) where nothing is unusual about it.

Rule: what is not understood here is no error; typer reads it again, and says what is wrong. So only forms that mean the
same there are read: `--name value`, `--name=value`, `-o value`, a flag or its opposite, and words in the order of
the arguments, the last of which may be a list. An option that is no text, flag, path or choice is left to typer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from bgpctl.cli.declare import Declaration

PLAIN = (str, bool, Path)
UNIONS = (UnionType, Union)


class _Parameter(NamedTuple):
    """`kind`: None of what is left to typer. `is_list`: each value is one of several."""

    name: str
    kind: type | None
    declared: Declaration
    is_required: bool
    is_list: bool

    @property
    def names(self) -> tuple[str, ...]:
        return self.declared.names or (f"--{self.name.replace('_', '-')}",)


def plain_values(function: Callable[..., None], words: Sequence[str]) -> dict[str, Any] | None:
    """The values of its parameters that are given; None where somebody else has to look."""
    parameters = list(_parameters(function))
    options = {
        name: (each, is_on)
        for each in parameters
        if each.declared.is_option
        for names in each.names
        for name, is_on in zip(names.split("/"), (True, False), strict=False)
    }
    arguments = [each for each in parameters if not each.declared.is_option]
    found: dict[str, Any] = {}
    rest = iter(words)
    try:
        for word in rest:
            name, equals, text = word.partition("=")
            is_option = word.startswith("-")
            parameter, is_on = options[name] if is_option else (_next_argument(arguments, found), True)
            if parameter.kind is None or (parameter.name in found and not parameter.is_list):
                return None
            if not is_option:
                text = word
            elif parameter.kind is bool:
                if equals:
                    return None
                found[parameter.name] = is_on
                continue
            elif not equals:
                text = next(rest)
            value = parameter.kind(text)
            found[parameter.name] = [*found.get(parameter.name, ()), value] if parameter.is_list else value
    except (KeyError, StopIteration, ValueError):
        return None
    return None if any(each.is_required and each.name not in found for each in parameters) else found


def _next_argument(arguments: Sequence[_Parameter], found: Mapping[str, Any]) -> _Parameter:
    """The first that has no value, or else the list that takes more. Raises StopIteration when there is none."""
    return next(each for each in arguments if each.is_list or each.name not in found)


def _parameters(function: Callable[..., None]) -> Iterator[_Parameter]:
    hints = get_type_hints(function, include_extras=True)
    for name, each in inspect.signature(function).parameters.items():
        hint, declared = get_args(hints[name])[:2]
        kinds = [
            found for found in (get_args(hint) if get_origin(hint) in UNIONS else (hint,)) if found is not NoneType
        ]
        is_list = get_origin(kinds[0]) is list
        kind = get_args(kinds[0])[0] if is_list else kinds[0]
        is_plain = len(kinds) == 1 and (kind in PLAIN or issubclass(kind, Enum))
        yield _Parameter(name, kind if is_plain else None, declared, each.default is inspect.Parameter.empty, is_list)
