"""Commands that read resources: from paths, or in their place from the API server of a cluster.

    @with_options
    @with_cluster
    def proof(options: CompileOptions, cluster: ClusterAccess, path: ... = None) -> None:
        loaded = read_resources(named(path), cluster, options)

is a command with --kubeconfig, --context and --in-cluster besides its own parameters. What reads a cluster is imported
when one is given.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from bgpctl.cli.program import is_plugin
from bgpctl.configuration.compile_options import CompileOptions

if TYPE_CHECKING:
    from bgpctl.kubernetes.access import Access
    from bgpctl.resources import Loaded

GIVE_ONE = "give a file or directory of resources, or a cluster (--kubeconfig FILE, --context NAME, --in-cluster)"
GIVE_NOT_BOTH = "give a file or directory of resources or a cluster, not both"


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """Where the cluster is, as it was given. `is_meant`: none was, and that of the kubeconfig's context is meant."""

    kubeconfig: Path | None = None
    context: str = ""
    in_cluster: bool = False
    is_meant: bool = False

    @property
    def is_given(self) -> bool:
        return self.kubeconfig is not None or self.in_cluster or bool(self.context) or self.is_meant

    @property
    def access(self) -> Access:
        from bgpctl.kubernetes.access import Access

        return Access(self.in_cluster, self.kubeconfig, self.context)

    def check(self) -> None:
        if self.in_cluster and (self.kubeconfig is not None or self.context):
            raise typer.BadParameter("give --kubeconfig or --in-cluster, not both")

    def in_place_of(self, path_is_missing: bool) -> ClusterAccess:
        """As plugin of kubectl: where a path could stand and none does, the cluster is meant."""
        return ClusterAccess(is_meant=True) if path_is_missing and is_plugin() and not self.is_given else self


_PARAMETERS: dict[str, tuple[Any, Any]] = {
    "kubeconfig": (
        Path | None,
        typer.Option("--kubeconfig", metavar="FILE", help="Read the resources of this cluster, in place of a path."),
    ),
    "context": (str, typer.Option("--context", metavar="NAME", help="Another context of the kubeconfig.")),
    "in_cluster": (
        bool,
        typer.Option("--in-cluster", help="Read those of the cluster of this pod, by its service account."),
    ),
}


def with_cluster(command: Callable[..., None]) -> Callable[..., None]:
    """`command` has one parameter `cluster`, a ClusterAccess."""
    hints = get_type_hints(command, include_extras=True)

    def run(*, kubeconfig: Path | None, context: str, in_cluster: bool, **values: Any) -> None:
        cluster = ClusterAccess(kubeconfig, context, in_cluster)
        cluster.check()
        command(**values, cluster=cluster)

    annotated: Any = Annotated
    own = [
        each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(command).parameters.values()
        if each.name != "cluster"
    ]
    defaults = ClusterAccess()
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=getattr(defaults, name), annotation=annotated[kind, note]
        )
        for name, (kind, note) in _PARAMETERS.items()
    ]
    parameters = [*own, *added]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def named(path: Path | None) -> tuple[Path, ...]:
    """The paths of a command that takes one."""
    return () if path is None else (path,)


def read_resources(paths: Sequence[Path], cluster: ClusterAccess, options: CompileOptions) -> Loaded:
    """Raises NotReadyError when a path is not there, or the cluster cannot be read."""
    cluster = cluster.in_place_of(not paths)
    if cluster.is_given:
        if paths:
            raise typer.BadParameter(GIVE_NOT_BOTH)
        return read_resources_of_cluster(cluster, options)
    from bgpctl.datastore.directory import read_directories

    if not paths:
        raise typer.BadParameter(GIVE_ONE)
    return read_directories(paths)


def read_resources_of_cluster(cluster: ClusterAccess, options: CompileOptions) -> Loaded:
    """Raises NotReadyError when it cannot be read."""
    from bgpctl.datastore.kubernetes import ClusterOptions, read_cluster

    return read_cluster(cluster.access, ClusterOptions.of(options))
