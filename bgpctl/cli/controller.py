"""`bgpctl controller`: compiles the plans of a Kubernetes cluster's nodes, in the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgpctl.cli.declare import Exit, add_command
from bgpctl.cli.options import with_options
from bgpctl.controller.options import ControllerOptions

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    epilog = "Example: bgpctl controller --kubeconfig ~/.kube/config --namespace bgpctl-system"
    add_command(app, controller, epilog=epilog)


@with_options
def controller(options: ControllerOptions) -> None:
    """Compile every node's plan out of a cluster's resources, and write it as a NodePlan.

    Of several that run, the one that holds the Lease writes. An option can also be set in the environment (--run-dir as
    BGPCTL_RUN_DIR) or in the file of --config; the command line goes before the environment, the environment before
    the file.
    """
    from bgpctl.controller.daemon import run_controller

    raise Exit(run_controller(options))
