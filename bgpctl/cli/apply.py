"""`bgpctl apply`: objects into a directory or a cluster, judged before they are written."""

from __future__ import annotations

from typing import Annotated

import typer

from bgpctl.cli.declare import of_typer
from bgpctl.cli.objects.change_options import (
    ConfirmOption,
    DryRunCommand,
    DryRunOption,
    FilesOption,
    FormOption,
    YesOption,
)
from bgpctl.cli.objects.datastore import (
    ContextOption,
    InClusterOption,
    KubeconfigOption,
    ResourcesOption,
    place_of,
)
from bgpctl.cli.options import with_options
from bgpctl.configuration.compile_options import CompileOptions

ERROR = 2


def register(app: typer.Typer) -> None:
    examples = "bgpctl apply -f peer.yaml --resources DIRECTORY --dry-run; bgpctl apply -f - --kubeconfig FILE"
    app.command("apply", cls=DryRunCommand, epilog=f"Examples: {examples}")(of_typer(apply))


@with_options
def apply(
    options: CompileOptions,
    filename: FilesOption = None,
    dry_run: DryRunOption = "none",
    yes: YesOption = False,
    confirm: ConfirmOption = None,
    force_conflicts: Annotated[
        bool, typer.Option("--force-conflicts", help="Take fields over that others have written; in a cluster.")
    ] = False,
    output: FormOption = "table",
    resources: ResourcesOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = "",
    in_cluster: InClusterOption = False,
) -> None:
    """Create objects, or change them: in a directory where they stand, in a cluster by server-side apply.

    What it would do is judged first, as diff does it. What parts nodes, or what agents would hold, is not written
    without --yes or --confirm.

    Exit status: 0 written; 1 a part failed, which is named; 2 nothing is written: an object is not valid, or is
    refused; 3 nothing is written: nodes would lose each other, or an agent would hold a part of it. With --dry-run
    that of diff: 0 no node changes, 1 some node does, 2, 3.
    """
    from bgpctl.cli.objects.changing import DryRun, Manner, carry_out
    from bgpctl.cli.objects.forms import Form
    from bgpctl.cli.objects.given import given_objects

    if not filename:
        raise typer.BadParameter("give the objects: -f FILE, a directory, or -", param_hint="--filename")
    place = place_of(resources, kubeconfig, context, in_cluster=in_cluster)
    given = given_objects(filename, validated=True)
    for line in (*given.errors, *given.warnings):
        typer.echo(line, err=True)
    if given.errors:
        raise typer.Exit(ERROR)
    if not given.objects:
        raise typer.BadParameter(f"no object in {', '.join(map(str, filename))}", param_hint="--filename")
    manner = Manner(DryRun(dry_run), Form(output), yes, frozenset(confirm or ()), force_conflicts)
    raise typer.Exit(carry_out(place, given.changes(), manner, options))
