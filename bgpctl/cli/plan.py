"""`bgpctl plan show`: the plan of a node as people read it, out of a NodePlan, compressed or not, or compiled here."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bgpctl.cli.declare import of_typer
from bgpctl.cli.objects.datastore import (
    ContextOption,
    InClusterOption,
    KubeconfigOption,
    ResourcesOption,
    place_of,
)
from bgpctl.cli.options import with_options
from bgpctl.cli.output import Output
from bgpctl.cli.program import program_name
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from bgpctl.kubernetes.access import Access
    from bgpctl.objects import Object

FILE_ENDINGS = (".yaml", ".yml", ".json")
STANDARD_INPUT = "-"
WHAT = "A node, or a file with its NodePlan: what has a / or an ending, or - for standard input."
MOST_NAMES = 3
HELP = "Plans of nodes, as the controller writes them."


def register(app: typer.Typer) -> None:
    examples = "bgpctl plan show a1 --kubeconfig FILE; kubectl get nodeplan a1 -o yaml | bgpctl plan show -"
    plan = typer.Typer(name="plan", help=HELP, epilog=f"Examples: {examples}", no_args_is_help=True)
    # With a callback it stays a group, though it has only one command.
    plan.callback(epilog=f"Examples: {examples}")(_nothing_else)
    plan.command("show", epilog=f"Examples: {examples}")(of_typer(show))
    app.add_typer(plan)


def _nothing_else() -> None:
    """The group takes no options of its own."""


@with_options
def show(
    options: CompileOptions,
    what: Annotated[
        str,
        typer.Argument(metavar="NODE|FILE", help="A node, or a file with its NodePlan (-, or with a / or an ending)."),
    ],
    output: Annotated[Output, typer.Option("--output", "-o", help="For people or for programs.")] = Output.TABLE,
    resources: ResourcesOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = "",
    in_cluster: InClusterOption = False,
) -> None:
    """Show the plan of a node: what its NodePlan has, in a cluster or in a file, also where it is compressed; or, of a
    directory of resources, what compile prints.

    Exit status: 0 shown, 1 there is no such plan, or it is not readable as one; what can be read of it is shown then.
    """
    if what == STANDARD_INPUT or "/" in what or what.endswith(FILE_ENDINGS):
        _show(_in_file(what), output)
    place = place_of(resources, kubeconfig, context, in_cluster=in_cluster)
    if not isinstance(place, Path):
        _show(_in_cluster(place, what), output)
    from bgpctl.cli.compile import show_one
    from bgpctl.datastore.directory import read_directory

    show_one(read_directory(place), options, what, output.value if output.is_data else "plan")


def _in_cluster(access: Access, node: str) -> Object:
    from bgpctl.objects import NODE_PLAN, Found, Query, open_store

    async def read() -> Found:
        async with open_store(access) as store:
            return await store.read(Query((NODE_PLAN,), (node,)))

    found = asyncio.run(read())
    if found.failures:
        raise NotReadyError(found.failures[0])
    if not found.objects:
        typer.echo(f"{program_name()}: NodePlan/{node} not found", err=True)
        raise typer.Exit(1)
    return found.objects[0]


def _in_file(name: str) -> Object:
    from bgpctl.datastore.regular_file import read_any_file
    from bgpctl.datastore.text import text_of
    from bgpctl.objects import NODE_PLAN
    from bgpctl.objects.documents import read_objects

    try:
        file = read_objects(name, text_of(read_any_file(name)))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise NotReadyError(f"{name} cannot be read: {reason}") from error
    if file.problems:
        raise NotReadyError(str(file.problems[0]))
    plans = [each.object for each in file.objects if each.object.id.kind is NODE_PLAN]
    if len(plans) != 1:
        names = ", ".join(each.id.name for each in plans[:MOST_NAMES])
        has = f"{len(plans)} NodePlans ({names}, ...)" if plans else "no NodePlan"
        raise NotReadyError(f"{name} has {has}; kubectl get nodeplan NODE -o yaml writes a file with one")
    return plans[0]


def _show(found: Object, output: Output) -> NoReturn:
    from bgpctl.cli.objects.plan_object import plan_text, readable_plan
    from bgpctl.cli.output import data_text
    from bgpctl.node_plan.spec import UnreadablePlanError

    try:
        text = plan_text(found)
        typer.echo(data_text(readable_plan(found), output) if output.is_data else text, nl=False)
    except UnreadablePlanError as error:
        typer.echo(f"{program_name()}: {found.id}: {error}", err=True)
        with suppress(UnreadablePlanError):  # the sentence is printed already
            typer.echo(data_text(readable_plan(found), Output.JSON if output is Output.JSON else Output.YAML), nl=False)
        raise typer.Exit(1) from None
    raise typer.Exit(0)
