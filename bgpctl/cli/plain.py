"""Reads the command line of a declared command (declare.py) where nothing is unusual about it.

Rule: what is not understood here is no error; typer reads it again, and says what is wrong. So only forms that mean the
same there are read: `--name value`, `--name=value`, `-o value`, a flag, and words in the order of the arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

from bgpctl.cli.declare import Declaration


class _Parameter(NamedTuple):
    name: str
    kind: type
    declared: Declaration
    is_required: bool

    @property
    def names(self) -> tuple[str, ...]:
        return self.declared.names or (f"--{self.name.replace('_', '-')}",)


def plain_values(function: Callable[..., None], words: Sequence[str]) -> dict[str, Any] | None:
    """The values of its parameters that are given; None where somebody else has to look."""
    parameters = list(_parameters(function))
    options = {name: each for each in parameters if each.declared.is_option for name in each.names}
    arguments = iter([each for each in parameters if not each.declared.is_option])
    found: dict[str, Any] = {}
    rest = iter(words)
    try:
        for word in rest:
            name, equals, text = word.partition("=")
            parameter = options[name] if word.startswith("-") else next(arguments)
            if parameter.name in found:
                return None
            if not word.startswith("-"):
                text = word
            elif parameter.kind is bool:
                if equals:
                    return None
                found[parameter.name] = True
                continue
            elif not equals:
                text = next(rest)
            found[parameter.name] = parameter.kind(text)
    except (KeyError, StopIteration, ValueError):
        return None
    return None if any(each.is_required and each.name not in found for each in parameters) else found


def _parameters(function: Callable[..., None]) -> Iterator[_Parameter]:
    hints = get_type_hints(function, include_extras=True)
    for name, each in inspect.signature(function).parameters.items():
        kind, declared = get_args(hints[name])[:2]
        kinds = [found for found in (get_args(kind) or (kind,)) if found is not type(None)]
        if kinds not in ([str], [bool], [Path]) and not issubclass(kinds[0], Enum):
            raise TypeError(f"{name} of {function.__name__} is of no plain kind")
        yield _Parameter(name, kinds[0], declared, each.default is inspect.Parameter.empty)
