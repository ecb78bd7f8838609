"""`bgpctl validate`: every problem of resources, and of the cluster that they make, before anything runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bgpctl.cli.cluster import ClusterAccess, read_resources, with_cluster
from bgpctl.cli.declare import of_typer
from bgpctl.cli.options import with_options
from bgpctl.cli.output import DATA, data_text
from bgpctl.configuration.compile_options import CompileOptions

if TYPE_CHECKING:
    from bgpctl.cli.change import Change
    from bgpctl.resources import Loaded
    from bgpctl.yaml_source.problem import Problem

Output = Literal["text", "table", "wide", "json", "yaml"]
LOSS = 3


def register(app: typer.Typer) -> None:
    app.command(epilog="Examples: bgpctl validate resources; kubectl get nodes -o yaml | bgpctl validate -")(
        of_typer(validate)
    )


@with_options
@with_cluster
def validate(
    options: CompileOptions,
    cluster: ClusterAccess,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Files or directories.", show_default=False)
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="OLD", help="Resources as they are: also what agents would hold of the change, as in diff."
        ),
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print what was found.")] = "text",
) -> None:
    """Check resources and name every problem with its file, line and field; docs/problems explains each code.

    Exit status: 0 without errors (warnings do not count), 1 with errors, 2 when a path or a cluster is not
    there, 3 with --against when nodes lose each other or an agent would hold a part of the change.
    """
    from bgpctl.guardrails import check_cluster, nothing_read
    from bgpctl.resources.in_force.in_force import in_force
    from bgpctl.yaml_source.problem import has_errors

    loaded = read_resources(paths or (), cluster, options)
    found = check_cluster(in_force(loaded).resources, options)
    problems = tuple(sorted({*loaded.problems, *nothing_read(loaded), *found}))
    is_valid = not has_errors(problems)
    change = _change(against, loaded, options) if against is not None and is_valid else None
    if output in DATA:
        found_data = problems if against is None else {"problems": problems, **_loss_data(change)}
        typer.echo(data_text(found_data, output), nl=False)
    else:
        for problem in problems:
            typer.echo(str(problem))
        for line in _loss_lines(change) if change is not None else ():
            typer.echo(line)
        typer.echo(_summary(len(loaded.resources), problems))
    raise typer.Exit(LOSS if change is not None and change.is_loss else int(not is_valid))


def _change(old: Path, loaded: Loaded, options: CompileOptions) -> Change:
    """From OLD to what was read. OLD may have problems: what can be compiled of it is what runs."""
    from bgpctl.cli.change import Side, change_between

    return change_between(Side.read(old, options), Side("the new resources", loaded, options), options)


def _loss_lines(change: Change) -> Iterator[str]:
    from bgpctl.cli.change_text import loss_lines

    return loss_lines(change)


def _loss_data(change: Change | None) -> dict[str, Any]:
    from bgpctl.cli.change_text import loss_data

    return loss_data(change) if change is not None else {}


def _summary(resources: int, problems: tuple[Problem, ...]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    counts = ((resources, "resource"), (errors, "error"), (len(problems) - errors, "warning"))
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
