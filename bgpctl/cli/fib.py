"""`bgpctl fib`: whether the kernel has the routes that it should have, and what is wrong with those that it has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgpctl.cli.declare import Exit, add_command, echo, with_groups
from bgpctl.cli.output import Output
from bgpctl.cli.show import OutputOption
from bgpctl.cli.which_nodes import SomeNodes

if TYPE_CHECKING:
    import typer

    from bgpctl.cli.text_table import Columns
    from reflector.messages import AgentStatus

_COLUMNS: Columns[tuple[str, AgentStatus]] = (
    ("NODE", lambda row: row[0]),
    ("STATE", lambda row: state_of(row[1])),
    ("DESIRED", lambda row: str(row[1].fib_desired)),
    ("INSTALLED", lambda row: str(row[1].fib_installed)),
    ("FAILED", lambda row: str(row[1].fib_failed)),
    ("FOREIGN", lambda row: str(row[1].fib_foreign)),
    ("UNRESOLVED", lambda row: str(row[1].fib_unresolved)),
    ("UNSAFE", lambda row: str(row[1].fib_unsafe)),
    ("SHADOWED", lambda row: str(row[1].fib_shadowed)),
    ("REPAIRS", lambda row: str(row[1].fib_repairs)),
)


def register(app: typer.Typer) -> None:
    add_command(app, fib, epilog="Examples: bgpctl fib; bgpctl fib --node a1 -o yaml; bgpctl fib --all-nodes")


@with_groups
def fib(
    nodes: SomeNodes,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the kernel's routes against what they should be, and a sentence on each that is not so.

    FAILED: the kernel refused. FOREIGN: another program's route has the same prefix and metric; it is left alone.
    UNRESOLVED: the kernel has no way to a next hop. UNSAFE: not programmed, for it would take the way to the node's own
    network, a peer or a next hop; wrong where it is a blackhole of the node's own. SHADOWED: another program's route of
    lower metric is used instead, which may be intended. REPAIRS: routes that another program changed and that were put
    back. Exit status 1 when something is wrong or a node does not answer.
    """
    from bgpctl.cli import tables
    from bgpctl.cli.asked_node import AskedNode
    from bgpctl.cli.asking import ask_all, report_silent
    from bgpctl.cli.running import find_nodes

    answers, silent = ask_all(nodes.find(find_nodes), AskedNode.agent)
    if output.is_data:
        tables.print_data([_fields(name, agent) for name, agent in answers], output)
    else:
        tables.print_table(_COLUMNS, answers)
        for name, agent in answers:
            for sentence in filter(None, (*agent.fib_failures, *agent.fib_notes, agent.retention)):
                echo(f"{name}: {sentence}")
    report_silent(silent)
    if silent or any(is_wrong(agent) for _, agent in answers):
        raise Exit(1)


def is_wrong(agent: AgentStatus) -> bool:
    """A route is not as it should be, or is not known to be. A node that programs nothing is not wrong."""
    missing = agent.fib_installed != agent.fib_desired or agent.fib_failed or agent.fib_foreign or agent.fib_unresolved
    return agent.fib_enabled and bool(missing or agent.fib_failures or not agent.fib_in_sync)


def state_of(agent: AgentStatus) -> str:
    if not agent.fib_enabled:
        return "off"
    if not agent.fib_in_sync:
        return "not in sync"
    return "wrong" if is_wrong(agent) else "as desired"


def _fields(name: str, agent: AgentStatus) -> dict[str, object]:
    from bgpctl.cli.tables import fields

    of_the_fib = {key.removeprefix("fib_"): value for key, value in fields(agent).items() if key.startswith("fib_")}
    return {
        "node": name,
        "state": state_of(agent),
        **of_the_fib,
        "propagation": agent.propagation,
        "retention": agent.retention,
    }
