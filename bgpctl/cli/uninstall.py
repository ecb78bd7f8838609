"""`bgpctl uninstall`: leave a node as it was before the agent ran on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bgpctl.cli.declare import of_typer
from bgpctl.cli.which_nodes import NodeOption, RunDirOption
from bgpctl.errors import NotReadyError


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: bgpctl uninstall --dry-run")(of_typer(uninstall))


def uninstall(
    node: NodeOption = "",
    run_dir: RunDirOption = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            "--state-dir", help="Where its agent keeps what outlives a reboot.", show_default="/var/lib/bgpctl"
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be removed.")] = False,
) -> None:
    """Stop the agent and the speaker of this node, and remove all their routes, devices and files.

    It works without a running agent, and without its run directory: the kernel knows our routes by their protocol
    number, and our devices and addresses by marks of their own. The last NodePlan, which agents of a cluster keep for a
    start without the API server, is removed as well. Nothing else is touched. Traffic of pods ends with the
    routes; `bgpctl drain --stop` before it leads away what has another path. Whatever starts the agent (systemd, a
    DaemonSet) has to be disabled first.
    """
    from bgpctl.agent.host.state_directory import STATE_ROOT
    from bgpctl.agent.uninstall import Installation

    run_directory, state_directory = _run_directory(node, run_dir), (state_dir or STATE_ROOT).absolute()
    if run_directory is None:
        node = _node_kept(state_directory)
    installation = Installation(run_directory, state_directory, node)
    found = installation.sentences()
    if not found:
        typer.echo("nothing of bgpctl is here")
        return
    if not dry_run:
        installation.remove()
    for sentence in found:
        typer.echo(f"{'would remove' if dry_run else 'removed'}: {sentence}")


def _run_directory(node: str, run_dir: Path | None) -> Path | None:
    """The one that is meant, None when there is none. Raises NotReadyError when several could be."""
    from bgpctl.agent.host.run_directory import RUN_ROOT

    if run_dir is not None or node:
        return run_dir.absolute() if run_dir is not None else RUN_ROOT / node
    found = [path for path in sorted(RUN_ROOT.glob("*")) if path.is_dir() and path.name != "lab"]
    if len(found) > 1:
        raise NotReadyError(f"several nodes are here, choose one with --node: {', '.join(path.name for path in found)}")
    return found[0] if found else None


def _node_kept(state_directory: Path) -> str:
    """A machine that has restarted has no run directory. "" when nothing is kept either. Raises NotReadyError."""
    from bgpctl.agent.host.state_directory import nodes_kept

    found = nodes_kept(state_directory)
    if len(found) > 1:
        raise NotReadyError(f"{state_directory} has several nodes, choose one with --node: {', '.join(found)}")
    return found[0] if found else ""
