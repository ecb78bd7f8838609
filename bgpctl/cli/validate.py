"""`bgpctl validate`: every problem of resource files, and of the cluster that they make, before anything runs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bgpctl.cli.options import with_options
from bgpctl.configuration.compile_options import CompileOptions

if TYPE_CHECKING:
    from bgpctl.yaml_source.problem import Problem

Output = Literal["text", "json"]


def register(app: typer.Typer) -> None:
    app.command()(validate)


@with_options
def validate(
    options: CompileOptions,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or directories.")],
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print what was found.")] = "text",
) -> None:
    """Check resource files and name every problem with its file, line and field; docs/problems explains each code.

    Exit status: 0 without errors (warnings do not count), 1 with errors, 2 when a path is not there.
    """
    from bgpctl.datastore.directory import read_directories
    from bgpctl.guardrails import check_cluster
    from bgpctl.yaml_source.problem import has_errors

    loaded = read_directories(paths)
    found = check_cluster(loaded.resources, options)
    problems = tuple(sorted({*loaded.problems, *found}))
    if output == "json":
        typer.echo(_as_json(problems))
    else:
        for problem in problems:
            typer.echo(str(problem))
        typer.echo(_summary(len(loaded.resources), problems))
    raise typer.Exit(1 if has_errors(problems) else 0)


def _as_json(problems: tuple[Problem, ...]) -> str:
    import json
    from dataclasses import asdict

    return json.dumps([asdict(problem) for problem in problems], indent=2)


def _summary(resources: int, problems: tuple[Problem, ...]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    counts = ((resources, "resource"), (errors, "error"), (len(problems) - errors, "warning"))
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
