"""`bgpctl validate`: every problem of resource files, and of the cluster that they make, before anything runs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from bgpctl.resources import Problem

Output = Literal["text", "json"]
SECRET_NAMESPACE = "kube-system"  # noqa: S105  a namespace, not a password


def register(app: typer.Typer) -> None:
    app.command()(validate)


def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or directories.")],
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print what was found.")] = "text",
    secret_namespace: Annotated[str, typer.Option(help="Where the Secrets of passwords are.")] = SECRET_NAMESPACE,
) -> None:
    """Check resource files and name every problem with its file, line and field; docs/problems explains each code.

    Exit status: 0 without errors (warnings do not count), 1 with errors, 2 when a path is not there.
    """
    from bgpctl.compiler import CompileOptions
    from bgpctl.datastore.directory import read_directories
    from bgpctl.guardrails import check_cluster
    from bgpctl.yaml_source.problem import has_errors

    loaded = read_directories(paths)
    found = check_cluster(loaded.resources, CompileOptions(secret_namespace=secret_namespace))
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
