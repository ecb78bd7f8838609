"""`bgpctl validate`: every problem of resource files, before anything runs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from bgpctl.resources import Problem

Output = Literal["text", "json"]


def register(app: typer.Typer) -> None:
    app.command()(validate)


def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or directories.")],
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print what was found.")] = "text",
) -> None:
    """Check resource files and name every problem with its file, line and field.

    Exit status: 0 without errors (warnings do not count), 1 with errors, 2 when a path is not there.
    """
    from bgpctl.datastore.directory import read_directories

    loaded = read_directories(paths)
    if output == "json":
        typer.echo(_as_json(loaded.problems))
    else:
        for problem in loaded.problems:
            typer.echo(str(problem))
        typer.echo(_summary(len(loaded.resources), loaded.problems))
    raise typer.Exit(0 if loaded.ok else 1)


def _as_json(problems: tuple[Problem, ...]) -> str:
    import json
    from dataclasses import asdict

    return json.dumps([asdict(problem) for problem in problems], indent=2)


def _summary(resources: int, problems: tuple[Problem, ...]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    counts = ((resources, "resource"), (errors, "error"), (len(problems) - errors, "warning"))
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
