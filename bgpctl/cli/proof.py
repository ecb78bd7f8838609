"""`bgpctl proof`: does every prefix reach every node, and which failures break that?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bgpctl.cli.cluster import ClusterAccess, named, read_resources, with_cluster
from bgpctl.cli.declare import of_typer
from bgpctl.cli.options import with_options
from bgpctl.cli.output import DATA, data_text
from bgpctl.configuration.compile_options import CompileOptions

Output = Literal["text", "table", "wide", "json", "yaml"]


def register(app: typer.Typer) -> None:
    app.command(epilog="Examples: bgpctl proof resources --failures 2; bgpctl proof - < cluster.yaml")(of_typer(proof))


@with_options
@with_cluster
def proof(
    options: CompileOptions,
    cluster: ClusterAccess,
    path: Annotated[Path | None, typer.Argument(help="A file or directory of resources.", show_default=False)] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = "text",
    failures: Annotated[
        int, typer.Option(min=0, max=2, help="How many reflectors, nodes or racks fail at the same time.")
    ] = 1,
    rack_label: Annotated[
        str,
        typer.Option(
            metavar="LABEL", help="The node label that makes a rack; else topology.kubernetes.io/zone, or rack."
        ),
    ] = "",
) -> None:
    """Prove that what every node originates reaches every other node, or name who is missed, and why.

    Exit status: 0 complete, with all routers up; 1 not complete; 2 the path or the cluster is not there; 4 not
    known: it depends on routers that are no nodes, or on what was not looked at, as the verdict says. Failures that
    break it are named and do not change the status.
    """
    from bgpctl.guardrails.proof.proof_text import proof_data, render_proof
    from bgpctl.guardrails.proof.prove import FailureDepth, Verdict, prove
    from bgpctl.resources.in_force.in_force import in_force

    loaded = read_resources(named(path), cluster, options)
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    for problem in errors:
        typer.echo(str(problem), err=True)
    depths: dict[int, FailureDepth] = {0: 0, 1: 1, 2: 2}
    found = prove(in_force(loaded).resources, options, depths[failures], rack_label, len(errors))
    if output in DATA:
        typer.echo(data_text(proof_data(found), output), nl=False)
    else:
        typer.echo(render_proof(found))
    statuses = {Verdict.COMPLETE: 0, Verdict.NOT_COMPLETE: 1, Verdict.NOT_KNOWN: 4}
    raise typer.Exit(statuses[found.verdict])
