"""`bgpctl lab show`, `graph`, `exec` and `capture`: looking at a lab and into its nodes. Nothing is changed."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from bgpctl.errors import NotReadyError
from bgpctl.lab.commands.lab_files import (
    TopologyFile,
    expectations_of,
    node_of,
    not_up,
    running_topology_of,
    topology_of,
)
from bgpctl.lab.topology.drawing_format import DrawingFormat
from bgpctl.lab.traffic.capture_filter import Filter


def show(
    file: TopologyFile,
    node: Annotated[str, typer.Option(help="Whose routes; the first cluster node's if not given.")] = "",
) -> None:
    """Print the sessions of every node, the routes of one, and the ping matrix of the pods."""
    from bgpctl.lab.expect.lab_tables import print_lab
    from bgpctl.lab.topology.document import suggestion

    topology = running_topology_of(file)
    agents = [each.name for each in topology.agents]
    if node and node not in agents:
        raise NotReadyError(f"no agent runs on a node {node!r} of this lab{suggestion(node, agents)}")
    print_lab(topology, node, expectations_of(topology).expectations)


def graph(
    file: TopologyFile,
    form: Annotated[DrawingFormat, typer.Option("--format", help="For Graphviz, for Markdown, for a terminal.")] = (
        DrawingFormat.TEXT
    ),
) -> None:
    """Draw the topology: nodes, links, and the sessions that the resources make. The lab need not be up."""
    from bgpctl.lab.topology.drawing import draw
    from bgpctl.lab.topology.drawing_formats import render

    drawing = draw(topology_of(file))
    for note in drawing.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(render(drawing, form), nl=False)


def execute(
    file: TopologyFile,
    node: Annotated[str, typer.Argument(help="In which node's namespace.")],
    command: Annotated[list[str], typer.Argument(help="The command and its arguments.")],
) -> None:
    """Run a command in a node's namespace, and end with its exit status."""
    from bgpctl.lab.daemons.tools import environment
    from bgpctl.lab.netns import namespaces
    from bgpctl.lab.netns.state import LabState

    topology = topology_of(file)
    state = LabState(topology.name)
    os.environ.update(environment(state, node_of(topology, node)))
    namespace = state.namespace(node)
    if not namespaces.exists(namespace):
        raise not_up(topology, file)
    words = command[1:] if command[0] == "--" else command
    # `ip netns exec` also shows the namespace's own /sys and /etc/netns.
    os.execvp("ip", ["ip", "netns", "exec", namespace, *words])  # noqa: S606 - no shell is meant


def capture(
    file: TopologyFile,
    node: Annotated[str, typer.Argument(help="In which node.")],
    interface: Annotated[str, typer.Argument(help="What passes this interface of the node.")],
    write: Annotated[str, typer.Option("-w", "--write", help="The file; '-' for standard output.")] = "",
    seconds: Annotated[float, typer.Option(min=0, help="For how long; 0: until Ctrl-C.")] = 0,
    which: Annotated[Filter, typer.Option("--filter", help="bgp: TCP port 179.")] = Filter.BGP,
) -> None:
    """Write packets into a pcap file, for Wireshark or `tcpdump -r`. Nothing has to be installed for it."""
    from bgpctl.lab.netns.state import LabState
    from bgpctl.lab.traffic.capture_command import run_capture

    topology = running_topology_of(file)
    namespace = LabState(topology.name).namespace(node_of(topology, node).name)
    target = write or f"{node}-{interface}.pcap"
    done = run_capture(namespace, interface, target, which, seconds)
    dropped = f", {done.dropped} dropped" if done.dropped else ""
    typer.echo(f"{done.packets} packets in {target}{dropped}", err=target == "-")
