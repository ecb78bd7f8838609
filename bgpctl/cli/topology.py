"""`bgpctl topology`: the design of a cluster as a drawing, and with --live how it is now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bgpctl.cli.cluster import ClusterAccess, named, read_resources, with_cluster
from bgpctl.cli.declare import of_typer
from bgpctl.cli.options import with_options
from bgpctl.cli.output import DATA, data_text
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from bgpctl.cli.asked_node import AskedNode
    from bgpctl.topology.states import States

Output = Literal["svg", "html", "dot", "json", "yaml"]
ESTABLISHED = "Established"


def register(app: typer.Typer) -> None:
    examples = "bgpctl topology resources > design.svg; bgpctl topology resources --live -o html > now.html"
    app.command(epilog=f"Examples: {examples}; bgpctl topology resources -o dot | dot -Tpdf > design.pdf")(
        of_typer(topology)
    )


@with_options
@with_cluster
def topology(
    options: CompileOptions,
    cluster: ClusterAccess,
    path: Annotated[Path | None, typer.Argument(help="A file or directory of resources.", show_default=False)] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to draw it.")] = "svg",
    live: Annotated[
        bool, typer.Option("--live", help="Ask the nodes how their sessions are: those here, or of the cluster given.")
    ] = False,
    each: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="So many nodes are drawn one by one; beyond, alike ones together."),
    ] = 60,
    zone_label: Annotated[
        str, typer.Option(metavar="LABEL", help="The node label that makes a zone.")
    ] = "topology.kubernetes.io/zone",
    rack_label: Annotated[str, typer.Option(metavar="LABEL", help="The node label that makes a rack.")] = "rack",
) -> None:
    """Draw zones, racks, reflectors, routers outside and the sessions between them; and what hangs on one of them.

    With --live, what is down, held or drained has its colour, and the reason. Exit status: 0 drawn; 1 drawn, and the
    resources have errors: what is wrong is missing; 2 the path or the cluster is not there, or no node answers.
    """
    from bgpctl.guardrails.proof.prove import prove
    from bgpctl.resources.in_force.in_force import in_force
    from bgpctl.topology.data import picture_data
    from bgpctl.topology.design import Labels, design_of
    from bgpctl.topology.dot import render_dot
    from bgpctl.topology.page import render_page
    from bgpctl.topology.picture import picture_of
    from bgpctl.topology.states import NOT_ASKED
    from bgpctl.topology.svg import render_svg

    loaded = read_resources(named(path), cluster, options)
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    for problem in errors:
        typer.echo(str(problem), err=True)
    resources = in_force(loaded).resources
    design = design_of(resources, options, prove(resources, options, failures=1), Labels(zone_label, rack_label))
    states = _states(_nodes(cluster)) if live else NOT_ASKED
    if live and not states.asked & design.routers.keys():
        raise NotReadyError(f"none of the nodes that answered is in these resources: {', '.join(sorted(states.asked))}")
    picture = picture_of(design, states, each)
    if output in DATA:
        typer.echo(data_text(picture_data(picture), output), nl=False)
    else:
        typer.echo({"svg": render_svg, "html": render_page, "dot": render_dot}[output](picture), nl=False)
    raise typer.Exit(1 if errors else 0)


def _nodes(cluster: ClusterAccess) -> Sequence[AskedNode]:
    from bgpctl.cli.running import find_nodes
    from bgpctl.cli.which_nodes import Cluster

    if cluster.in_cluster:
        raise NotReadyError("--live asks through kubectl: give --kubeconfig or --context in place of --in-cluster")
    return Cluster(cluster.kubeconfig, cluster.context).find((), None) if cluster.is_given else find_nodes("", None)


def _states(nodes: Sequence[AskedNode]) -> States:
    """Raises NotReadyError when none of them answers."""
    from bgpctl.cli.asked_node import AskedNode
    from bgpctl.cli.asking import ask_all, at_once, report_silent
    from bgpctl.topology.states import States

    answers, silent = ask_all(nodes, AskedNode.peers)
    report_silent(silent)
    return States(
        asked={name for name, _ in answers},
        down={
            (name, peer.peer_address): peer.last_error or peer.ended or peer.state
            for name, answer in answers
            for peer in answer.peers
            if peer.state != ESTABLISHED
        },
        held={name for name in at_once(nodes, _name_if_held) if name},
        draining={name for name, answer in answers if answer.drain is not None},
    )


def _name_if_held(node: AskedNode) -> str:
    """ "" also when its agent does not answer, which `bgpctl status` reports."""
    try:
        return node.name if node.agent().held else ""
    except NotReadyError:
        return ""
