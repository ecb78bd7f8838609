"""How commands declare their options and arguments without importing what parses them.

    def peers(down: Annotated[bool, option("--down", help="Only ...")] = False) -> None: ...

Options that several commands have in common are the fields of a frozen dataclass, and a command takes it whole:

    @with_groups
    def fib(nodes: SomeNodes, output: OutputOption = Output.TABLE) -> None: ...

A plain command line is read by `plain.py`, which costs nothing. `add_command` makes a typer command of the same
function for everything else: help, completion, and whatever is wrong with a command line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer


@dataclass(frozen=True, slots=True)
class Declaration:
    """`names` of an option, as they are written; () follows from the parameter's. `settings` are those of typer."""

    is_option: bool
    names: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def option(*names: str, **settings: Any) -> Declaration:
    """Of a parameter that is given by name."""
    return Declaration(is_option=True, names=names, settings=settings)


def argument(**settings: Any) -> Declaration:
    """Of a parameter that is given by its place."""
    return Declaration(is_option=False, settings=settings)


class Exit(SystemExit):
    """The command ends with this status."""


def echo(message: str, *, err: bool = False) -> None:
    """A line on standard output, or on standard error."""
    print(message, file=sys.stderr if err else sys.stdout)


def add_command(app: typer.Typer, function: Callable[..., None], *, epilog: str) -> None:
    """The command of this function, under its name with hyphens."""
    app.command(function.__name__.replace("_", "-"), epilog=epilog)(of_typer(function))


def with_groups(function: Callable[..., None]) -> Callable[..., None]:
    """The same command with the fields of each parameter that is a dataclass as options of its own; a field may be such
    a dataclass as well. In the order of the declarations, and all of them by name."""
    import functools
    import inspect
    from typing import get_type_hints

    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(function).parameters.values():
        declared = [each.replace(annotation=hints[each.name])]
        if is_dataclass(hints[each.name]):
            declared = [
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
                for name, hint, default in _fields_of(hints[each.name])
            ]
        parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in declared]

    @functools.wraps(function)
    def run(**values: Any) -> None:
        function(**_given(hints, values))

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _fields_of(kind: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, hint and default."""
    from typing import get_type_hints

    hints = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        if is_dataclass(hints[each.name]):
            yield from _fields_of(hints[each.name])
        else:
            yield each.name, hints[each.name], each.default


def _given(hints: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Of these names: the values that are there, and the dataclasses that are made of them."""
    from typing import get_type_hints

    found: dict[str, Any] = {name: values[name] for name in hints if name in values}
    for name, hint in hints.items():
        if is_dataclass(hint) and isinstance(hint, type):
            found[name] = hint(**_given(get_type_hints(hint, include_extras=True), values))
    return found


def of_typer(function: Callable[..., None]) -> Callable[..., None]:
    """The same function with declarations in the words of typer; what already is in those stays."""
    import functools
    import inspect
    from typing import Annotated, get_args, get_type_hints

    import typer

    annotated: Any = Annotated
    hints = get_type_hints(function, include_extras=True)
    parameters = []
    for each in inspect.signature(function).parameters.values():
        hint = hints[each.name]
        declared = next((found for found in get_args(hint) if isinstance(found, Declaration)), None)
        if declared is not None:
            make = typer.Option if declared.is_option else typer.Argument
            hint = annotated[get_args(hint)[0], make(*declared.names, **declared.settings)]
        parameters.append(each.replace(annotation=hint))

    @functools.wraps(function)
    def run(**values: Any) -> None:
        function(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run
