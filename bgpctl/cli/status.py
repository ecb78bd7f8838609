"""`bgpctl status`: one line a node, and everything that is wrong, each once.

Rule: what several nodes report in the same words concerns the cluster, and is one line with their names. A node whose
agent does not answer, or was stopped and left its plan, is a line as well: its absence must not be taken for health.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgpctl.cli.declare import Exit, add_command, echo, with_groups
from bgpctl.cli.output import Output
from bgpctl.cli.show import OutputOption
from bgpctl.cli.which_nodes import SomeNodes

if TYPE_CHECKING:
    import typer

    from bgpctl.cli.asked_node import AskedNode
    from bgpctl.cli.node_problems import NodeProblem
    from bgpctl.cli.text_table import Columns
    from reflector.messages import AgentStatus

# So many nodes are named that report the same.
MOST_NODES = 3
UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Standing:
    """`agent` is None of a node whose agent does not answer."""

    name: str
    agent: AgentStatus | None
    problems: tuple[NodeProblem, ...]


def register(app: typer.Typer) -> None:
    add_command(
        app, status, epilog="Examples: bgpctl status; bgpctl status --node a1 -o json; bgpctl status --all-nodes"
    )


@with_groups
def status(
    nodes: SomeNodes,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show each node in one line, and everything that is wrong: plan, speaker, sessions, kernel routes, resources.

    SESSIONS: Established, of those in the plan. ROUTES: installed in the kernel, of those desired. Exit status 1 when
    there is an error, or a node does not answer.
    """
    from bgpctl.cli import tables
    from bgpctl.cli.asking import at_once
    from bgpctl.cli.node_problems import ERROR
    from bgpctl.cli.running import find_nodes_and_stopped

    standings = at_once(nodes.find(find_nodes_and_stopped), _standing)
    if output.is_data:
        tables.print_data([_fields(each) for each in standings], output)
    else:
        tables.print_table(_COLUMNS, standings)
        for line in (*problem_lines(standings), *_notes(standings)):
            echo(line)
    if any(problem.severity == ERROR for each in standings for problem in each.problems):
        raise Exit(1)


def _standing(node: AskedNode) -> Standing:
    from bgpctl.cli.node_problems import ERROR, NodeProblem, problems_of
    from bgpctl.errors import NotReadyError

    try:
        agent = node.agent()
    except NotReadyError as error:
        return Standing(node.name, None, (NodeProblem(ERROR, str(error)),))
    return Standing(node.name, agent, problems_of(agent))


def problem_lines(standings: Sequence[Standing]) -> Iterator[str]:
    """Errors first; the same problem of several nodes once."""
    from bgpctl.cli.node_problems import ERROR

    nodes: dict[NodeProblem, list[str]] = {}
    for each in standings:
        for problem in each.problems:
            nodes.setdefault(problem, []).append(each.name)
    for problem in sorted(nodes, key=lambda problem: problem.severity != ERROR):
        whose = _whose(nodes[problem], len(standings))
        yield f"{whose}: {problem.severity}: {problem.sentence}"
        yield from (f"{whose}:   {detail}" for detail in problem.details)


def _whose(names: list[str], nodes: int) -> str:
    if 1 < len(names) == nodes:
        return "all nodes"
    more = f" and {len(names) - MOST_NODES} more" if len(names) > MOST_NODES else ""
    return f"{', '.join(names[:MOST_NODES])}{more}"


def _notes(standings: Sequence[Standing]) -> Iterator[str]:
    """What is as it should be, and good to know."""
    from bgpctl.cli.tables import drain_sentence

    for each in standings:
        if each.agent is not None and each.agent.drain is not None:
            yield drain_sentence(each.name, each.agent.drain)
        for sentence in each.agent.detected_addresses if each.agent is not None else ():
            yield f"{each.name}: detected: {sentence}"


def _fields(standing: Standing) -> dict[str, object]:
    from bgpctl.cli.tables import fields

    own: dict[str, object] = {
        "name": standing.name,
        "answers": standing.agent is not None,
        "node_problems": standing.problems,
    }
    return own | (fields(standing.agent) if standing.agent is not None else {})


# ----------------------------------------------------------------------------------------------- cells


def _uptime(agent: AgentStatus) -> str:
    from bgpctl.cli.text_table import duration

    return duration(agent.uptime)


def _plan(agent: AgentStatus) -> str:
    if not agent.plan_generation:
        return "[red]none[/]"
    return f"{agent.plan_generation}" if agent.plan_is_current else f"[yellow]{agent.plan_generation}, not current[/]"


def _speaker(agent: AgentStatus) -> str:
    restarts = f", {agent.speaker_restarts} restarts" if agent.speaker_restarts else ""
    return f"{agent.speaker_state}{', [red]crash loop[/]' if agent.speaker_crash_loop else ''}{restarts}"


def _sessions(agent: AgentStatus) -> str:
    return _share(agent.sessions_established, agent.sessions_expected) if agent.sessions_known else UNKNOWN


def _routes(agent: AgentStatus) -> str:
    return _share(agent.fib_installed, agent.fib_desired) if agent.fib_enabled else "off"


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}" if part == whole else f"[yellow]{part}/{whole}[/]"


def _problems(standing: Standing) -> str:
    from bgpctl.cli.node_problems import ERROR

    errors = sum(problem.severity == ERROR for problem in standing.problems)
    counts = ((errors, "error", "red"), (len(standing.problems) - errors, "warning", "yellow"))
    cells = [f"[{style}]{count} {noun}{'' if count == 1 else 's'}[/]" for count, noun, style in counts if count]
    return ", ".join(cells) or UNKNOWN


_COLUMNS: Columns[Standing] = (
    ("NODE", lambda row: row.name),
    ("UP", lambda row: _uptime(row.agent) if row.agent else UNKNOWN),
    ("PLAN", lambda row: _plan(row.agent) if row.agent else UNKNOWN),
    ("SPEAKER", lambda row: _speaker(row.agent) if row.agent else "[red]agent gone[/]"),
    ("SESSIONS", lambda row: _sessions(row.agent) if row.agent else UNKNOWN),
    ("ROUTES", lambda row: _routes(row.agent) if row.agent else UNKNOWN),
    ("PROBLEMS", _problems),
)
