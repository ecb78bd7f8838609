"""`bgpctl diff`: what changes on the nodes between two states of the resources, before anything is applied.

What a change takes comes first: the pairs of nodes that lose each other, and what agents would hold of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bgpctl.cli.cluster import ClusterAccess, with_cluster
from bgpctl.cli.declare import of_typer
from bgpctl.cli.options import with_options
from bgpctl.cli.output import DATA, data_text
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from bgpctl.cli.change import Change, Side
    from bgpctl.yaml_source.problem import Problem

Output = Literal["text", "table", "wide", "json", "yaml"]
NO_CHANGE, CHANGE, ERROR, LOSS = 0, 1, 2, 3


def register(app: typer.Typer) -> None:
    app.command(
        epilog="Examples: bgpctl diff old new; bgpctl diff old new --node a1 -o json; bgpctl diff --kubeconfig FILE new"
    )(of_typer(diff))


@with_options
@with_cluster
def diff(
    options: CompileOptions,
    cluster: ClusterAccess,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[OLD] NEW", help="Resources as they are, unless they are those of a cluster; and as they shall be."
        ),
    ],
    node: Annotated[str, typer.Option("--node", "-n", metavar="NAME", help="Only this node.")] = "",
    all_nodes: Annotated[bool, typer.Option("--all-nodes", help="Every node; so it is without --node.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Every node and session by itself, with every name.")] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="For people or for programs.")] = "text",
) -> None:
    """Show what a change of the resources does: the pairs of nodes that lose each other, what agents would hold and
    under which digest, sessions that are reset or only updated, routes that are added or removed.

    Exit status: 0 no node changes, 1 some node does, 2 when one of the two has errors or is not there, or when Calico
    refuses to go from OLD to NEW, 3 when nodes lose each other or an agent would hold a part of it; what NEW confirms
    (bgpctl.io/confirm) is neither. Problems go to standard error: errors of both, and the warnings that NEW has and OLD
    has not.
    """
    from bgpctl.cli.change import change_between
    from bgpctl.resources.checks.transition_rules import transition_problems

    if node and all_nodes:
        raise typer.BadParameter("give --node NAME or --all-nodes, not both")
    before, after = _sides(paths, cluster, options)
    if not (before.loaded.ok and after.loaded.ok):
        _report(problem for side in (before, after) for problem in side.loaded.problems if problem.severity == "error")
        raise typer.Exit(ERROR)
    if node and not (before.has(node) or after.has(node)):
        raise NotReadyError(f"there is no Node resource named {node!r}, neither in {before.name} nor in {after.name}")
    change = change_between(before, after, options, node, full=full)
    typer.echo(_as_data(change, output, full=full) if output in DATA else _as_text(change, full=full), nl=False)
    known = {_fingerprint(problem) for problem in before.problems}
    _report(problem for problem in sorted(after.problems) if _fingerprint(problem) not in known)
    refused = transition_problems(before.loaded.resources, after.loaded.resources)
    _report(refused)
    raise typer.Exit(ERROR if refused else _status(change))


def _sides(paths: list[Path], cluster: ClusterAccess, options: CompileOptions) -> tuple[Side, Side]:
    from bgpctl.cli.change import Side

    cluster = cluster.in_place_of(len(paths) == 1)
    if len(paths) != 2 - cluster.is_given:
        raise typer.BadParameter(
            "give OLD and NEW, or a cluster (--kubeconfig FILE, --context NAME, --in-cluster) and NEW"
        )
    old = Side.read_cluster(cluster, options) if cluster.is_given else Side.read(paths[0], options)
    return old, Side.read(paths[-1], options)


def _status(change: Change) -> int:
    if change.is_loss:
        return LOSS
    return CHANGE if change.difference else NO_CHANGE


def _as_text(change: Change, *, full: bool) -> str:
    from bgpctl.cli.change_text import loss_lines
    from bgpctl.plan_diff.text import render_difference, render_nodes

    lines = "".join(f"{line}\n" for line in loss_lines(change))
    difference = (render_nodes if full else render_difference)(change.difference)
    return f"{lines}\n{difference}" if lines else difference


def _as_data(change: Change, form: str, *, full: bool) -> str:
    from bgpctl.cli.change_text import change_data

    return data_text(change_data(change, full=full), form)


def _fingerprint(problem: Problem) -> tuple[str, ...]:
    """What makes it the same problem in another file."""
    return problem.resource, problem.path, problem.code, problem.message


def _report(problems: Iterable[Problem]) -> None:
    for problem in problems:
        typer.echo(str(problem), err=True)
