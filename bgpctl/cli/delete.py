"""`bgpctl delete`: objects out of a directory or a cluster, judged before they go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from bgpctl.cli.objects.completing import complete_what
from bgpctl.cli.objects.datastore import (
    ContextOption,
    InClusterOption,
    KubeconfigOption,
    NamespaceOption,
    ResourcesOption,
    namespace_of,
    place_of,
)
from bgpctl.cli.options import with_options
from bgpctl.configuration.compile_options import CompileOptions

if TYPE_CHECKING:
    from bgpctl.kubernetes.access import Access
    from bgpctl.objects import Change

ERROR = 2
WHAT = "A kind and names of it, or KIND/NAME..."


def register(app: typer.Typer) -> None:
    examples = (
        "bgpctl delete bgppeer tor-1 --resources DIRECTORY --dry-run; bgpctl delete -f peer.yaml --kubeconfig FILE"
    )
    app.command("delete", cls=DryRunCommand, epilog=f"Examples: {examples}")(of_typer(delete))


@with_options
def delete(
    options: CompileOptions,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KIND NAME...", help="Or KIND/NAME...", autocompletion=complete_what, show_default=False
        ),
    ] = None,
    filename: FilesOption = None,
    dry_run: DryRunOption = "none",
    yes: YesOption = False,
    confirm: ConfirmOption = None,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="What is not there is no error.")
    ] = False,
    output: FormOption = "table",
    namespace: NamespaceOption = "",
    resources: ResourcesOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = "",
    in_cluster: InClusterOption = False,
) -> None:
    """Delete objects, by kind and name or those of files.

    What it would do is judged first, as diff does it. What parts nodes, or what agents would hold, is not deleted
    without --yes or --confirm.

    Exit status: 0 deleted; 1 a part failed, or is not there; 2 nothing is deleted: it is refused, or others would be
    invalid; 3 nothing is deleted: nodes would lose each other, or an agent would hold a part of it. With --dry-run
    that of diff: 0 no node changes, 1 some node does, 2, 3.
    """
    from bgpctl.cli.objects.changing import DryRun, Manner, carry_out
    from bgpctl.cli.objects.forms import Form

    if bool(what) is bool(filename):
        raise typer.BadParameter("give KIND and NAME, or -f FILE")
    place = place_of(resources, kubeconfig, context, in_cluster=in_cluster)
    changes = _named(what, place, namespace) if what else _of_files(filename or ())
    manner = Manner(
        DryRun(dry_run), Form(output), yes, frozenset(confirm or ()), ignores_absent=ignore_not_found
    )  # fmt: skip
    raise typer.Exit(carry_out(place, changes, manner, options))


def _named(what: Sequence[str], place: Path | Access, namespace: str) -> list[Change]:
    from bgpctl.cli.objects.asked import asked_of
    from bgpctl.objects import Change, ObjectId
    from bgpctl.objects.object import DEFAULT_NAMESPACE

    changes: list[Change] = []
    for asked in asked_of(what):
        if not asked.names:
            raise typer.BadParameter(f"name the objects of {what[0]!r} that are to be deleted")
        for kind in asked.kinds:
            where = (
                (namespace_of(place, namespace, all_namespaces=False) or DEFAULT_NAMESPACE) if kind.namespaced else ""
            )
            changes += [Change(ObjectId(kind, name, where), None) for name in asked.names]
    return changes


def _of_files(filename: Sequence[Path]) -> list[Change]:
    from bgpctl.cli.objects.given import given_objects

    given = given_objects(filename, validated=False)
    for line in given.errors:
        typer.echo(line, err=True)
    if given.errors:
        raise typer.Exit(ERROR)
    if not given.objects:
        raise typer.BadParameter(f"no object in {', '.join(map(str, filename))}", param_hint="--filename")
    return given.removals()
