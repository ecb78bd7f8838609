"""`bgpctl agent`: the per-node daemon, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bgpctl.agent import DEFAULT_METRICS_ADDRESS, RUN_ROOT, AgentOptions, LogFormat, MetricsAddress, run_agent


def register(app: typer.Typer) -> None:
    app.command()(agent)


def agent(
    node: Annotated[str, typer.Option(help="The name of the Node resource that this machine is.")],
    resources: Annotated[Path, typer.Option(help="A file or a directory of Calico v3 resources.")],
    run_dir: Annotated[
        Path | None, typer.Option(help="Where plan and control sockets are.", show_default=f"{RUN_ROOT}/NODE")
    ] = None,
    no_fib: Annotated[bool, typer.Option("--no-fib", help="Leave the kernel alone (reflectors).")] = False,
    without_felix: Annotated[
        bool, typer.Option("--without-felix", help="No Felix here: program the VXLAN routes and devices as well.")
    ] = False,
    metrics_address: Annotated[
        str, typer.Option(help="ADDRESS:PORT of /metrics, /livez and /readyz; empty: none.")
    ] = DEFAULT_METRICS_ADDRESS,
    log_format: Annotated[LogFormat, typer.Option(help="How log lines look.")] = LogFormat.CONSOLE,
) -> None:
    """Run the daemon of one node: watch resources, run the speaker, program routes."""
    options = AgentOptions(
        node=node,
        resources=resources,
        run_directory=run_dir or RUN_ROOT / node,
        program_fib=not no_fib,
        without_felix=without_felix,
        metrics_address=MetricsAddress.parse(metrics_address) if metrics_address else None,
        log_format=log_format,
    )
    raise typer.Exit(run_agent(options))
