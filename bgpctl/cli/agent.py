"""`bgpctl agent`: the per-node daemon, in the foreground."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from bgpctl.agent import (
    DEFAULT_METRICS_ADDRESS,
    ENDPOINT_STATUS_PREFIX,
    AgentOptions,
    LogFormat,
    MetricsAddress,
    PeerMetrics,
    RoutePlace,
    TlsFiles,
    run_agent,
)
from bgpctl.agent.autodetection.settings import detection_settings
from bgpctl.agent.host.run_directory import RUN_ROOT
from bgpctl.agent.plan.node_name import node_name
from reflector.plan import MAIN_TABLE, ROUTE_PROTOCOL


def register(app: typer.Typer) -> None:
    app.command()(agent)


def agent(
    resources: Annotated[Path, typer.Option(help="A file or a directory of Calico v3 resources.")],
    node: Annotated[
        str,
        typer.Option(
            help="The name of the Node resource that this machine is.", show_default="$NODENAME, else the host name"
        ),
    ] = "",
    run_dir: Annotated[
        Path | None, typer.Option(help="Where plan and control sockets are.", show_default=f"{RUN_ROOT}/NODE")
    ] = None,
    no_fib: Annotated[bool, typer.Option("--no-fib", help="Leave the kernel alone (reflectors).")] = False,
    without_felix: Annotated[
        bool, typer.Option("--without-felix", help="No Felix here: program the VXLAN routes and devices as well.")
    ] = False,
    route_protocol: Annotated[
        int, typer.Option(metavar="NUMBER", help="Marks the kernel routes that are ours: 5 to 255.")
    ] = ROUTE_PROTOCOL,
    route_table: Annotated[
        int,
        typer.Option(metavar="NUMBER", help="Where our kernel routes are; another one than main needs an `ip rule`."),
    ] = MAIN_TABLE,
    metrics_address: Annotated[
        str, typer.Option(help="ADDRESS:PORT of /metrics, /livez and /readyz; empty: none.")
    ] = DEFAULT_METRICS_ADDRESS,
    metrics_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="PEM certificate: serve these pages over TLS.")
    ] = None,
    metrics_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its key, if that is not in the same file.")
    ] = None,
    metrics_client_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="/metrics only for certificates that this CA has signed.")
    ] = None,
    peer_metrics: Annotated[
        PeerMetrics, typer.Option(help="Series for each session, their sums by type of peer, or neither.")
    ] = PeerMetrics.EACH,
    ip_autodetection: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="How to find an IPv4 address that the Node does not say: first-found, can-reach=DESTINATION, "
            "interface=REGEX,..., skip-interface=REGEX,..., cidr=CIDR,..., kubernetes-internal-ip; none: not at all.",
            show_default="$IP, $IP_AUTODETECTION_METHOD",
        ),
    ] = "",
    ip6_autodetection: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="The same for IPv6; without it, none is looked for.",
            show_default="$IP6, $IP6_AUTODETECTION_METHOD",
        ),
    ] = "",
    speaker_user: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Whom the speaker runs as, when the agent is root.", show_default="bgpctl, else nobody"
        ),
    ] = "",
    endpoint_status: Annotated[
        Path,
        typer.Option(
            metavar="PREFIX",
            help="Under it Felix says in endpoint-status/ which workloads peer with the node.",
            envvar="CALICO_ENDPOINT_STATUS_PATH_PREFIX",
        ),
    ] = ENDPOINT_STATUS_PREFIX,
    log_format: Annotated[LogFormat, typer.Option(help="How log lines look.")] = LogFormat.CONSOLE,
) -> None:
    """Run the daemon of one node: watch resources, run the speaker, program routes."""
    name = node_name(node, os.environ, socket.gethostname())
    options = AgentOptions(
        node=name,
        resources=resources,
        run_directory=run_dir or RUN_ROOT / name,
        program_fib=not no_fib,
        without_felix=without_felix,
        routes=RoutePlace.of(route_protocol, route_table),
        metrics_address=MetricsAddress.parse(metrics_address) if metrics_address else None,
        metrics_tls=TlsFiles.parse(metrics_cert, metrics_key, metrics_client_ca),
        peer_metrics=peer_metrics,
        log_format=log_format,
        speaker_user=speaker_user,
        endpoint_status=endpoint_status,
        detection=detection_settings({4: ip_autodetection, 6: ip6_autodetection}, os.environ),
    )
    raise typer.Exit(run_agent(options))
