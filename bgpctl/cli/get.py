"""`bgpctl get`: objects of a directory or a cluster as tables, as they are written, or as they change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.declare import Exit, add_command, argument, option
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
from bgpctl.cli.objects.forms import Form
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    import typer

    from bgpctl.kubernetes.access import Access
    from bgpctl.objects import ObjectKind

INTERRUPTED = 130
WHAT = "A kind, kinds with commas, all, or KIND/NAME..."
LABELS = "Only with these labels: key=value, key!=value, key in (a,b), key, !key."


def register(app: typer.Typer) -> None:
    examples = (
        "bgpctl get peers --resources DIRECTORY; bgpctl get nodes,ippools --kubeconfig FILE -o wide; bgpctl get all"
    )
    add_command(app, get, epilog=f"Examples: {examples}")


def get(
    what: Annotated[list[str], argument(metavar="KIND [NAME...]", help=WHAT, autocompletion=complete_what)],
    selector: Annotated[str, option("--selector", "-l", metavar="SELECTOR", help=LABELS)] = "",
    output: Annotated[Form, option("--output", "-o", help="For people, or for programs.")] = Form.TABLE,
    watch: Annotated[bool, option("--watch", "-w", help="Go on with a line for each change.")] = False,
    watch_only: Annotated[bool, option("--watch-only", help="Only the changes.")] = False,
    output_watch_events: Annotated[
        bool, option("--output-watch-events", help="With what each change is: ADDED, MODIFIED or DELETED.")
    ] = False,
    no_headers: Annotated[bool, option("--no-headers", help="Without titles of columns.")] = False,
    show_labels: Annotated[bool, option("--show-labels", help="With the labels as a column.")] = False,
    show_managed_fields: Annotated[
        bool, option("--show-managed-fields", help="With managedFields, in YAML and JSON.")
    ] = False,
    ignore_not_found: Annotated[
        bool, option("--ignore-not-found", help="A name that is not there is no error.")
    ] = False,
    namespace: NamespaceOption = "",
    all_namespaces: AllNamespacesOption = False,
    resources: ResourcesOption = None,
    kubeconfig: KubeconfigOption = None,
    context: ContextOption = "",
    in_cluster: InClusterOption = False,
) -> None:
    """Show objects of a directory or a cluster: Calico's resources, Nodes, Services, NodePlans, and Secrets without
    their values.

    Exit status: 0 shown, 1 an object that was named is not there, 2 something cannot be read; the rest is shown.
    """
    from bgpctl.cli.objects.asked import asked_of
    from bgpctl.cli.objects.showing import Look, Question, Showing
    from bgpctl.objects.label_selector import parse_label_selector
    from bgpctl.objects.store import Query

    place = place_of(resources, kubeconfig, context, in_cluster=in_cluster)
    asked = asked_of(what, everything=everything(place))
    chosen = parse_label_selector(selector)
    if selector and any(each.names for each in asked):
        raise NotReadyError("a selector and names exclude each other")
    if (watch or watch_only) and len(asked) > 1:
        raise NotReadyError("name one kind, or several with commas, to watch them")
    is_namespaced = bool(namespace) or any(kind.namespaced for each in asked for kind in each.kinds)
    wanted = namespace_of(place, namespace, all_namespaces=all_namespaces) if is_namespaced else ""
    questions = [Question(each, Query(each.kinds, each.names, wanted, chosen)) for each in asked]
    look = Look(output, not no_headers, show_labels, show_managed_fields, output_watch_events)
    showing = Showing(place, look, ignores_absent=ignore_not_found)
    try:
        if watch or watch_only:
            status = asyncio.run(showing.watched(questions[0], changes_only=watch_only))
        else:
            status = asyncio.run(showing.once(questions))
    except KeyboardInterrupt:
        status = INTERRUPTED
    if status:
        raise Exit(status)


def everything(place: Path | Access) -> tuple[ObjectKind, ...]:
    """What `all` means there."""
    from bgpctl.objects.kinds import KINDS

    return KINDS if isinstance(place, Path) else tuple(kind for kind in KINDS if kind.is_listed)
