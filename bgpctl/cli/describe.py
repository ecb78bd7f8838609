"""`bgpctl describe`: an object with all its fields, the nodes that it concerns, what refers to it, what is wrong with
it, and what the API server has recorded about it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bgpctl.cli.declare import of_typer
from bgpctl.cli.objects.completing import complete_what
from bgpctl.cli.objects.datastore import (
    AllNamespacesOption,
    ContextOption,
    InClusterOption,
    KubeconfigOption,
    NamespaceOption,
    ResourcesOption,
    namespace_of,
    place_of,
)
from bgpctl.cli.options import with_options
from bgpctl.cli.program import program_name
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from bgpctl.cli.objects.description import Events, Surroundings
    from bgpctl.kubernetes.access import Access
    from bgpctl.objects import Object, ObjectId, Query

NOT_FOUND, NOT_READY = 1, 2
WHAT = "A kind and names of it, a kind for all of it, or KIND/NAME..."


def register(app: typer.Typer) -> None:
    examples = "bgpctl describe bgppeer tor-1 --resources DIRECTORY; bgpctl describe nodeplan a1 --kubeconfig FILE"
    app.command("describe", epilog=f"Examples: {examples}")(of_typer(describe))


@with_options
def describe(
    options: CompileOptions,
    what: Annotated[
        list[str], typer.Argument(metavar="KIND [NAME...]", help=WHAT, autocompletion=complete_what, show_default=False)
    ],
    selector: Annotated[
        str, typer.Option("--selector", "-l", metavar="SELECTOR", help="Only with these labels, as in get.")
    ] = "",
    namespace: NamespaceOption = "",
    all_namespaces: AllNamespacesOption = False,
    resources: ResourcesOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = "",
    in_cluster: InClusterOption = False,
) -> None:
    """Show everything about objects: all fields, which nodes they concern and in which sessions, what they refer to
    and what refers to them, their problems and what the guardrails find, and in a cluster their Events.

    Exit status: 0 shown, 1 an object that was named is not there, 2 something cannot be read; the rest is shown.
    """
    from bgpctl.cli.objects.asked import asked_of
    from bgpctl.objects.label_selector import parse_label_selector
    from bgpctl.objects.store import Query

    place = place_of(resources, kubeconfig, context, in_cluster=in_cluster)
    chosen = parse_label_selector(selector)
    status = 0
    for asked in asked_of(what):
        if selector and asked.names:
            raise NotReadyError("a selector and names exclude each other")
        is_namespaced = any(kind.namespaced for kind in asked.kinds)
        wanted = namespace_of(place, namespace, all_namespaces=all_namespaces) if is_namespaced else ""
        status = max(status, _describe(place, Query(asked.kinds, asked.names, wanted, chosen), options))
    raise typer.Exit(status)


def _describe(place: Path | Access, query: Query, options: CompileOptions) -> int:
    """The exit status."""
    from bgpctl.cli.objects.description import description
    from bgpctl.cli.objects.showing import in_order
    from bgpctl.objects.kinds import NODE_PLAN

    found, failures, events = asyncio.run(_read(place, query))
    status = 0
    around = None
    if any(each.id.kind is not NODE_PLAN for each in found):
        try:
            around = _surroundings(place, options)
        except NotReadyError as error:
            failures = (*failures, str(error))
    for number, each in enumerate(in_order(found, query.kinds)):
        typer.echo(("\n" if number else "") + description(each, around, events.get(each.id), time.time()), nl=False)
    for failure in failures:
        typer.echo(f"{program_name()}: {failure}", err=True)
        status = NOT_READY
    for name in query.names:
        if not failures and name not in {each.id.name for each in found}:
            typer.echo(f"{program_name()}: {query.kinds[0].kind}/{name} not found", err=True)
            status = NOT_FOUND
    if not (found or query.names or failures):
        typer.echo("No resources found", err=True)
    return status


async def _read(
    place: Path | Access, query: Query
) -> tuple[tuple[Object, ...], tuple[str, ...], dict[ObjectId, Events]]:
    """With what has happened to each, where that is recorded."""
    from bgpctl.cli.objects.description import Events
    from bgpctl.objects.opening import open_store

    async with open_store(place) as store:
        answer = await store.read(query)
        is_recorded = not isinstance(place, Path)
        events = {each.id: Events(*await store.events(each.id)) for each in answer.objects} if is_recorded else {}
    return answer.objects, answer.failures, events


def _surroundings(place: Path | Access, options: CompileOptions) -> Surroundings:
    """A role that does not read all of it is named by the problems of what it does not read."""
    from bgpctl.cli.objects.description import Surroundings

    if isinstance(place, Path):
        from bgpctl.datastore.directory import read_directory

        return Surroundings(read_directory(place), options)
    from bgpctl.datastore.kubernetes import ClusterOptions, read_cluster

    loaded = read_cluster(place, replace(ClusterOptions.of(options), secret_values=False))
    for each in loaded.problems:
        if each.code == "cluster-forbidden":
            typer.echo(str(each), err=True)
    return Surroundings(loaded, replace(options, keys_by_reference=True))
