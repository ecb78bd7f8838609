"""`bgpctl compile`: what a node would run with these resources. Nothing is started, nothing is applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bgpctl.cli.cluster import ClusterAccess, named, read_resources, with_cluster
from bgpctl.cli.declare import of_typer
from bgpctl.cli.options import with_options
from bgpctl.configuration.compile_options import CompileOptions

if TYPE_CHECKING:
    from bgpctl.compiler import Compiled
    from bgpctl.resources import Loaded
    from bgpctl.resources.in_force.invalid import Invalid
    from bgpctl.yaml_source.problem import Problem
    from reflector.plan import NodePlan

FORMATS = ("plan", "exabgp", "json")
PRIVATE_FILE, PRIVATE_DIRECTORY = 0o600, 0o700


def register(app: typer.Typer) -> None:
    app.command("compile", epilog="Example: bgpctl compile resources --node a1")(of_typer(compile_plans))


@with_options
@with_cluster
def compile_plans(
    options: CompileOptions,
    cluster: ClusterAccess,
    path: Annotated[Path | None, typer.Argument(help="A file or directory of resources.", show_default=False)] = None,
    node: Annotated[str, typer.Option("--node", "-n", metavar="NAME", help="The node to compile for.")] = "",
    all_nodes: Annotated[bool, typer.Option("--all-nodes", help="Write the files of every node.")] = False,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FORMAT|DIR", help="plan, exabgp or json; with --all-nodes a directory."
        ),
    ] = "plan",
    with_passwords: Annotated[
        bool, typer.Option("--with-passwords", help="Write passwords into exabgp.conf; they are hidden otherwise.")
    ] = False,
) -> None:
    """Show what a node would run, or write it for every node.

    Exit status: 0 without errors in the resources, 1 with errors or without such a node, 2 when the path or the cluster
    is not there. Problems go to standard error, and what can be compiled without the bad resources still is, as a node
    would do that has no earlier version of them; what that leaves out is named. With --all-nodes the guardrails are
    asked as well, and the verdict of the topology proof is printed (`bgpctl proof` has the whole).
    """
    if all_nodes == bool(node):
        raise typer.BadParameter("give either --node NAME or --all-nodes")
    if not all_nodes and output not in FORMATS:
        raise typer.BadParameter(f"with --node the output is one of {', '.join(FORMATS)}", param_hint="--output")
    if all_nodes and output in FORMATS:
        raise typer.BadParameter("with --all-nodes the output is a directory", param_hint="--output")
    if all_nodes:
        _write_all(read_resources(named(path), cluster, options), options, Path(output), with_passwords)
    else:
        show_one(read_resources(named(path), cluster, options), options, node, output, with_passwords=with_passwords)


def show_one(
    loaded: Loaded, options: CompileOptions, node: str, output: str, *, with_passwords: bool = False
) -> NoReturn:
    """The plan of one node in one of the forms of `_renderers`. Ends with the exit status."""
    from bgpctl.compiler import CompileError, compile_node
    from bgpctl.resources.in_force.in_force import in_force

    found = in_force(loaded)
    try:
        compiled = compile_node(found.resources, node, options)
    except CompileError as error:
        _report(loaded.problems)
        _report(found.invalid)
        typer.echo(f"bgpctl: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(_renderers(with_passwords)[output](compiled.plan), nl=False)
    _finish((*loaded.problems, *compiled.problems), found.invalid)


def _write_all(loaded: Loaded, options: CompileOptions, folder: Path, with_passwords: bool) -> None:
    """DIR/<node>/plan.json and exabgp.conf for every node; then the verdict on the cluster as a whole."""
    from bgpctl.compiler import compile_cluster
    from bgpctl.guardrails import check_cluster
    from bgpctl.guardrails.proof.proof_text import verdict
    from bgpctl.guardrails.proof.prove import prove
    from bgpctl.resources.in_force.in_force import in_force

    found = in_force(loaded)
    problems = {*loaded.problems, *check_cluster(found.resources, options)}
    for compiled in compile_cluster(found.resources, options):
        _write_node(folder / compiled.plan.node, compiled, with_passwords)
        problems.update(compiled.problems)
    typer.echo(f"wrote {len(found.resources.nodes)} nodes to {folder}")
    errors = sum(problem.severity == "error" for problem in loaded.problems)
    typer.echo(verdict(prove(found.resources, options, unread=errors)))
    _finish(sorted(problems), found.invalid)


def _write_node(folder: Path, compiled: Compiled, with_passwords: bool) -> None:
    folder.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    renderers = _renderers(with_passwords)
    for name, output in (("plan.json", "json"), ("exabgp.conf", "exabgp")):
        file = folder / name
        file.touch(mode=PRIVATE_FILE)
        file.chmod(PRIVATE_FILE)
        file.write_text(renderers[output](compiled.plan))


def _renderers(with_passwords: bool) -> dict[str, Callable[[NodePlan], str]]:
    from bgpctl.compiler import render_exabgp_conf
    from bgpctl.compiler.rendering.plan_text import render_plan, without_passwords

    return {
        "plan": render_plan,
        "exabgp": lambda plan: render_exabgp_conf(plan, hide_passwords=not with_passwords),
        "json": lambda plan: plan_json(without_passwords(plan)),
        "yaml": lambda plan: plan_yaml(without_passwords(plan)),
    }


def plan_json(plan: NodePlan) -> str:
    import msgspec

    from reflector.plan import encode_plan

    return msgspec.json.format(encode_plan(plan)).decode() + "\n"


def plan_yaml(plan: NodePlan) -> str:
    """The same as YAML."""
    import msgspec

    from bgpctl.yaml_source.dump import yaml_text
    from reflector.plan import encode_plan

    return yaml_text(msgspec.json.decode(encode_plan(plan)))


def _report(lines: Iterable[Problem | Invalid]) -> None:
    for line in lines:
        typer.echo(str(line), err=True)


def _finish(problems: Iterable[Problem], invalid: Iterable[Invalid]) -> NoReturn:
    from bgpctl.yaml_source.problem import has_errors

    found = tuple(problems)
    _report(found)
    _report(invalid)
    raise typer.Exit(1 if has_errors(found) else 0)
