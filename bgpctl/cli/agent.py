"""`bgpctl agent`: the per-node daemon, in the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgpctl.agent import AgentOptions, run_agent
from bgpctl.cli.declare import Exit, add_command
from bgpctl.cli.options import with_options

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    add_command(app, agent, epilog="Example: bgpctl agent --node a1 --resources /etc/calico --no-fib")


@with_options
def agent(options: AgentOptions) -> None:
    """Run the daemon of one node: watch resources, run the speaker, program routes.

    An option can also be set in the environment (--route-table as BGPCTL_ROUTE_TABLE) or in the file of --config
    (route-table: 200). The command line goes before the environment, and the environment before the file.
    """
    raise Exit(run_agent(options))
