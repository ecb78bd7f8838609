"""How commands declare their options and arguments without importing what parses them.

    def peers(down: Annotated[bool, option("--down", help="Only ...")] = False) -> None: ...

A plain command line is read by `plain.py`, which costs nothing. `add_command` makes a typer command of the same
function for everything else: help, completion, and whatever is wrong with a command line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
