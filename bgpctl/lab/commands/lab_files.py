"""What every command does first: it reads the lab's files, and finds the lab and the node that are meant.

The rule: a mistake in a file ends with status 1 and all problems, one a line; a lab that is not up with status 2.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from bgpctl.lab.rehearse.expectations_file import ExpectationsFile
    from bgpctl.lab.topology.topology import Node, Topology

TopologyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A containerlab topology (*.clab.yml).")]
# bash(1): the exit status of a command that a signal has ended is this and the signal's number.
SIGNALLED = 128


def topology_of(file: Path) -> Topology:
    from bgpctl.lab.topology.document import DocumentError
    from bgpctl.lab.topology.topology_file import read_topology

    try:
        return read_topology(file)
    except DocumentError as error:
        end_with_problems(error)


def running_topology_of(file: Path) -> Topology:
    """The topology of a lab that is up. Raises NotReadyError otherwise."""
    from bgpctl.lab.netns.state import LabState

    topology = topology_of(file)
    if os.geteuid() != 0:
        raise NotReadyError("looking into a lab needs root: it enters network namespaces")
    record = LabState(topology.name).record()
    if record is None or not record.complete:
        raise not_up(topology, file)
    return topology


def not_up(topology: Topology, file: Path) -> NotReadyError:
    return NotReadyError(f"the lab {topology.name} is not up; run `bgpctl lab up {file}` first")


def node_of(topology: Topology, name: str) -> Node:
    from bgpctl.lab.topology.document import suggestion

    found = {node.name: node for node in topology.nodes}
    if name not in found:
        raise NotReadyError(f"{topology.file} has no node {name!r}{suggestion(name, found)}")
    return found[name]


def expectations_of(topology: Topology) -> ExpectationsFile:
    from bgpctl.lab.rehearse.expectations_file import EXPECTATIONS, read_expectations
    from bgpctl.lab.topology.document import DocumentError

    try:
        return read_expectations(topology.file.with_name(EXPECTATIONS), topology)
    except DocumentError as error:
        end_with_problems(error)


def end_with_problems(error: Exception) -> NoReturn:
    print(error, file=sys.stderr)  # noqa: T201 - the problems, one a line
    raise typer.Exit(1) from None
