"""`bgpctl lab up`, `down` and `status`: whether the lab is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bgpctl.lab.commands.lab_files import SIGNALLED, TopologyFile, end_with_problems, topology_of


def up(file: TopologyFile) -> None:
    """Build the lab and leave it running. On a lab that is up: start the agents and daemons that are missing."""
    from rich.console import Console

    from bgpctl.lab.netns.progress import shown
    from bgpctl.lab.running import runner
    from bgpctl.lab.running.interruption import Interrupted
    from bgpctl.lab.topology.document import DocumentError

    topology = topology_of(file)
    for note in topology.notes:
        typer.echo(str(note), err=True)
    try:
        with shown(Console()) as progress:
            result = runner.up(topology, progress=progress)
    except DocumentError as error:
        end_with_problems(error)
    except Interrupted as interrupted:
        typer.echo(f"bgpctl: {interrupted}; the lab was taken down", err=True)
        raise typer.Exit(SIGNALLED + interrupted.signal_number) from None
    if result.built:
        typer.echo(f"lab {topology.name}: {len(topology.nodes)} nodes are up after {result.seconds:.1f} s")
    elif result.started:
        typer.echo(f"lab {topology.name} was up; started what runs in {', '.join(result.started)}")
    else:
        typer.echo(f"lab {topology.name} is up already; nothing to do")


def down(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The topology, or the name of its lab.")],
) -> None:
    """Remove every trace of the lab, also one that a crash has left."""
    from bgpctl.lab.netns.state import LabState
    from bgpctl.lab.running import runner
    from bgpctl.lab.topology.document import DocumentError
    from bgpctl.lab.topology.topology_file import lab_name

    try:
        # A name needs no file: the file may be gone.
        is_name = "/" not in file and not Path(file).exists() and LabState(file).exists()
        name = file if is_name else lab_name(Path(file))
    except DocumentError as error:
        end_with_problems(error)
    was_there = runner.down(name)
    typer.echo(f"lab {name} is gone" if was_there else f"lab {name} is not up; nothing to do")


def status(file: TopologyFile) -> None:
    """Print of every node its role, whether it is down, up or ready, and the processes in it."""
    from bgpctl.lab.console import lab_console
    from bgpctl.lab.running.status import print_status

    print_status(topology_of(file), lab_console())
