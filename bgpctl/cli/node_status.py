"""`bgpctl node-status`: the nodes that run here as CalicoNodeStatus resources."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from bgpctl.cli.declare import add_command, option
from bgpctl.cli.show import NodeOption, RunDirOption
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    import typer

    from bgpctl.cli.running import RunningNode

# A node with a hundred thousand routes takes its time.
TIMEOUT = 60.0


class StatusClass(StrEnum):
    AGENT = "Agent"
    BGP = "BGP"
    ROUTES = "Routes"


class Output(StrEnum):
    YAML = "yaml"
    JSON = "json"


def register(app: typer.Typer) -> None:
    add_command(app, node_status, epilog="Example: bgpctl node-status --class BGP")


def node_status(
    node: NodeOption = "",
    run_dir: RunDirOption = None,
    classes: Annotated[
        list[StatusClass] | None, option("--class", help="Only this class; may be repeated.", show_default="all")
    ] = None,
    output: Annotated[Output, option("--output", "-o", help="How the resource is written.")] = Output.YAML,
) -> None:
    """Show agent, sessions and routes as a CalicoNodeStatus resource, one for each node."""
    import sys

    import msgspec

    from bgpctl.cli.asking import ask_all, report_silent
    from bgpctl.cli.running import find_nodes

    wanted = tuple(each.value for each in classes or StatusClass)
    answers, silent = ask_all(find_nodes(node, run_dir), lambda running: _resource(running, wanted))
    resources = [resource for _, resource in answers]
    if output is Output.JSON:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(resources), indent=2).decode() + "\n")
    else:
        from bgpctl.agent.node_status.text import as_yaml

        sys.stdout.write(as_yaml(resources))
    report_silent(silent)


def _resource(running: RunningNode, classes: tuple[str, ...]) -> dict[str, object]:
    """Raises NotReadyError when the agent does not answer."""
    from datetime import UTC, datetime

    import msgspec

    from bgpctl.agent.host.run_directory import AGENT_SOCKET
    from bgpctl.agent.node_status.asked import Asked, resource
    from bgpctl.agent.node_status.status import NodeStatus, moment
    from reflector.control.client import ControlClient, ControlError
    from reflector.messages import ShowAgent, ShowNodeStatus

    try:
        with ControlClient(running.run_directory / AGENT_SOCKET, TIMEOUT) as agent:
            node = agent.ask(ShowAgent()).node
            report = agent.ask(ShowNodeStatus(classes)).status
    except ControlError as error:
        raise NotReadyError(f"the agent of {running.name} does not answer: {error}") from error
    status = msgspec.json.decode(report, type=NodeStatus)
    now = moment(datetime.now(UTC).timestamp())
    return resource(Asked(node, node, classes, 0), msgspec.structs.replace(status, last_updated=now))
