"""`bgpctl compare`: what a node's BIRD has today, and what our speaker would have there with the same resources."""

from __future__ import annotations

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
    from bgpctl.comparison.compare import Pasted
    from bgpctl.resources.resource_set import ResourceSet

Output = Literal["text", "table", "wide", "json", "yaml"]
STANDARD_INPUT = "-"


def register(app: typer.Typer) -> None:
    app.command(
        epilog="Example: kubectl exec -n kube-system calico-node-x7k2p -c calico-node -- birdcl -s "
        "/var/run/calico/bird.ctl show route all | bgpctl compare resources --node n2 --birdc -"
    )(of_typer(compare))


@with_options
@with_cluster
def compare(
    options: CompileOptions,
    cluster: ClusterAccess,
    node: Annotated[str, typer.Option("--node", "-n", metavar="NAME", help="The node that the output is of.")],
    birdc: Annotated[
        list[Path],
        typer.Option(
            "--birdc",
            metavar="FILE",
            help="What `birdc show route all`, `show route` or `calicoctl node status` printed on the node; - for "
            "standard input. Several times: IPv4 and IPv6 are two daemons.",
        ),
    ],
    path: Annotated[Path | None, typer.Argument(help="A file or directory of resources.", show_default=False)] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it; wide has every row.")] = "text",
) -> None:
    """Compare the routes and sessions that BIRD has on a node with those that our speaker would have there.

    Nothing is installed and nothing is asked of the node. Exit status: 0 everything would be the same; 1 something
    would be missing, extra or different; 2 a file cannot be read or understood, the resources have errors, or there is
    no such node; 4 nothing differs, and of something no resource says what it would be.
    """
    from bgpctl.comparison.compare import compare as compare_pasted
    from bgpctl.comparison.outcome import Outcome, worst
    from bgpctl.comparison.text import comparison_data, render

    resources = _resources(named(path), cluster, options, node)
    found = compare_pasted(resources, node, options, [_pasted(each) for each in birdc])
    if output in DATA:
        typer.echo(data_text(comparison_data(found), output), nl=False)
    else:
        typer.echo(render(found, wide=output == "wide"), nl=False)
    statuses = {Outcome.SAME: 0, Outcome.OTHER: 1, Outcome.UNKNOWN: 4}
    raise typer.Exit(statuses[worst(found.rows)])


def _resources(paths: tuple[Path, ...], cluster: ClusterAccess, options: CompileOptions, node: str) -> ResourceSet:
    from bgpctl.compiler import ClusterIndex
    from bgpctl.resources.in_force.in_force import in_force

    loaded = read_resources(paths, cluster, options)
    if not loaded.ok:
        for problem in loaded.problems:
            typer.echo(str(problem), err=True)
        raise NotReadyError("the resources have errors: what is wrong in them would be missing in the comparison")
    resources = in_force(loaded).resources
    if node not in resources.nodes:
        raise NotReadyError(f"there is no Node resource named {node!r} among {len(resources.nodes)} nodes")
    if not ClusterIndex(resources).nodes[node].has_speaker:
        raise NotReadyError(f"{node} has no BGP speaker by its Node: nothing of ours would run there")
    return resources


def _pasted(file: Path) -> Pasted:
    from bgpctl.comparison.compare import read_pasted
    from bgpctl.comparison.pasted import PastedError
    from bgpctl.datastore.regular_file import read_any_file
    from bgpctl.datastore.text import not_utf8, text_of

    name = "standard input" if str(file) == STANDARD_INPUT else str(file)
    try:
        return read_pasted(text_of(read_any_file(str(file))))
    except OSError as error:
        raise NotReadyError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line, message = not_utf8(error)
        raise NotReadyError(f"{name}:{line}: {message}") from None
    except PastedError as error:
        raise NotReadyError(f"{name}:{error.line}: {error.message}" if error.line else f"{name}: {error}") from None
