"""`bgpctl diff`: what changes on the nodes between two states of the resources, before anything is applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bgpctl.cli.options import with_options
from bgpctl.configuration.compile_options import CompileOptions
from bgpctl.errors import NotReadyError

if TYPE_CHECKING:
    from bgpctl.compiler import ClusterIndex
    from bgpctl.plan_diff import ClusterDifference
    from bgpctl.resources import Loaded
    from bgpctl.yaml_source.problem import Problem
    from reflector.plan import NodePlan

Output = Literal["text", "json"]
NO_CHANGE, CHANGE, ERROR = 0, 1, 2


def register(app: typer.Typer) -> None:
    app.command()(diff)


@with_options
def diff(
    options: CompileOptions,
    old: Annotated[Path, typer.Argument(help="A file or directory of resources: as it is.")],
    new: Annotated[Path, typer.Argument(help="The same: as it shall be.")],
    node: Annotated[str, typer.Option("--node", "-n", metavar="NAME", help="Only this node.")] = "",
    all_nodes: Annotated[bool, typer.Option("--all-nodes", help="Every node; so it is without --node.")] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="For people or for programs.")] = "text",
) -> None:
    """Show what a change of the resources does: sessions that are reset or only updated, routes that are added or
    removed.

    Exit status: 0 no node changes, 1 some node does, 2 when one of the two has errors or is not there, or when Calico
    refuses to go from OLD to NEW. Problems go to standard error: errors of both, and the warnings that NEW has and OLD
    has not.
    """
    from bgpctl.resources.checks.transition_rules import transition_problems

    if node and all_nodes:
        raise typer.BadParameter("give --node NAME or --all-nodes, not both")
    before, after = _Side(old, options), _Side(new, options)
    if not (before.loaded.ok and after.loaded.ok):
        _report(problem for side in (before, after) for problem in side.loaded.problems if problem.severity == "error")
        raise typer.Exit(ERROR)
    difference = _compare(before, after, node)
    typer.echo(_renderers()[output](difference), nl=False)
    known = {_fingerprint(problem) for problem in before.problems}
    _report(problem for problem in sorted(after.problems) if _fingerprint(problem) not in known)
    refused = transition_problems(before.loaded.resources, after.loaded.resources)
    _report(iter(refused))
    if refused:
        raise typer.Exit(ERROR)
    raise typer.Exit(CHANGE if difference else NO_CHANGE)


class _Side:
    """OLD or NEW. `problems` grow while plans are compiled."""

    def __init__(self, path: Path, options: CompileOptions) -> None:
        from bgpctl.datastore.directory import read_directory

        self.path = path
        self.loaded: Loaded = read_directory(path)
        self.problems: set[Problem] = set(self.loaded.problems)
        self._options = options
        self._index: ClusterIndex | None = None

    def has(self, node: str) -> bool:
        return node in self.loaded.resources.nodes

    def plans(self, node: str) -> Iterator[NodePlan]:
        """The plans of all nodes in name order, or of the one that is named, if it is there."""
        for name in self.loaded.resources.nodes:
            if node in ("", name):
                yield self._plan(name)

    def _plan(self, node: str) -> NodePlan:
        from bgpctl.compiler import ClusterIndex, CompileError, compile_node

        if self._index is None:
            self._index = ClusterIndex(self.loaded.resources)
        try:
            compiled = compile_node(self.loaded.resources, node, self._options, self._index)
        except CompileError as error:
            raise NotReadyError(f"{self.path}: {error}") from None
        self.problems.update(compiled.problems)
        return compiled.plan


def _compare(before: _Side, after: _Side, node: str) -> ClusterDifference:
    from bgpctl.plan_diff import diff_clusters

    if node and not (before.has(node) or after.has(node)):
        raise NotReadyError(f"there is no Node resource named {node!r}, neither in {before.path} nor in {after.path}")
    return diff_clusters(before.plans(node), after.plans(node))


def _renderers() -> dict[str, Callable[[ClusterDifference], str]]:
    from bgpctl.plan_diff.text import render_difference

    return {"text": render_difference, "json": _as_json}


def _as_json(difference: ClusterDifference) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(difference)).decode() + "\n"


def _fingerprint(problem: Problem) -> tuple[str, ...]:
    """What makes it the same problem in another file."""
    return problem.resource, problem.path, problem.code, problem.message


def _report(problems: Iterator[Problem]) -> None:
    for problem in problems:
        typer.echo(str(problem), err=True)
