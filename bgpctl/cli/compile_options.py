"""The options that say how resources are compiled, shared by the commands that do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bgpctl.compiler import CompileOptions

DEFAULT_SECRET_NAMESPACE = "kube-system"  # noqa: S105  a namespace, not a password

WithoutFelixOption = Annotated[
    bool, typer.Option("--without-felix", help="The nodes run no Felix: plan the VXLAN routes and devices as well.")
]
UsePodCidrOption = Annotated[bool, typer.Option("--use-pod-cidr", help="Blocks are status.podCIDRs (host-local IPAM).")]
RouterIdOption = Annotated[str, typer.Option(help="An IPv4 address, or 'hash' for one out of the node's name.")]
SecretNamespaceOption = Annotated[str, typer.Option(help="Where the Secrets of passwords are.")]


def compile_options(without_felix: bool, use_pod_cidr: bool, router_id: str, secret_namespace: str) -> CompileOptions:
    """What these options say, for the compiler."""
    from bgpctl.compiler import CompileOptions

    return CompileOptions(
        without_felix=without_felix,
        use_pod_cidr=use_pod_cidr,
        router_id=router_id,
        secret_namespace=secret_namespace,
    )
