"""`bgpctl node-status`: the nodes that run here, or those of a cluster, as CalicoNodeStatus resources."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.declare import Exit, add_command, option, with_groups
from bgpctl.cli.which_nodes import SomeNodes

if TYPE_CHECKING:
    import typer

    from bgpctl.cli.asked_node import AskedNode


class StatusClass(StrEnum):
    AGENT = "Agent"
    BGP = "BGP"
    ROUTES = "Routes"


class Output(StrEnum):
    YAML = "yaml"
    JSON = "json"


def register(app: typer.Typer) -> None:
    add_command(app, node_status, epilog="Examples: bgpctl node-status --class BGP; bgpctl node-status --all-nodes")


@with_groups
def node_status(
    nodes: SomeNodes,
    classes: Annotated[
        list[StatusClass] | None, option("--class", help="Only this class; may be repeated.", show_default="all")
    ] = None,
    output: Annotated[Output, option("--output", "-o", help="How the resource is written.")] = Output.YAML,
) -> None:
    """Show agent, sessions and routes as a CalicoNodeStatus resource, one for each node. Status 1 when a node does
    not answer."""
    import sys

    import msgspec

    from bgpctl.cli.asking import ask_all, report_silent
    from bgpctl.cli.running import find_nodes

    wanted = tuple(each.value for each in classes or StatusClass)
    answers, silent = ask_all(nodes.find(find_nodes), lambda node: _resource(node, wanted))
    resources = [resource for _, resource in answers]
    if output is Output.JSON:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(resources), indent=2).decode() + "\n")
    else:
        from bgpctl.agent.node_status.text import as_yaml

        sys.stdout.write(as_yaml(resources))
    report_silent(silent)
    if silent:
        raise Exit(1)


def _resource(asked: AskedNode, classes: tuple[str, ...]) -> dict[str, object]:
    """Raises NotReadyError when the agent does not answer."""
    from datetime import UTC, datetime

    import msgspec

    from bgpctl.agent.node_status.asked import Asked, resource
    from bgpctl.agent.node_status.status import NodeStatus, moment

    node, report = asked.node_status(classes)
    status = msgspec.json.decode(report, type=NodeStatus)
    now = moment(datetime.now(UTC).timestamp())
    return resource(Asked(node, node, classes, 0), msgspec.structs.replace(status, last_updated=now))
