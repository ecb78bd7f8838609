"""Answers as people read them (rich tables) and as programs do (JSON). A table is its columns: title and cell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec
from rich.console import Console
from rich.table import Table

from reflector.messages import AgentStatus, DrainStatus, PeerStatus, ProblemStatus, RouteStatus
from reflector.plan import Family
from reflector.verdict import text_of

T = TypeVar("T")
Columns = Sequence[tuple[str, Callable[[T], str]]]

# Piped into a file or grep, a line must not be cut to the 80 columns that rich assumes then.
_PIPED_WIDTH = 400
# So many objects are named that take something away.
MOST_CAUSES = 8
_STATE_STYLES = {"established": "green"}

_AGENT_COLUMNS: Columns[tuple[str, AgentStatus]] = (
    ("NODE", lambda row: row[0]),
    ("UP", lambda row: duration(row[1].uptime)),
    ("PLAN", lambda row: _plan(row[1])),
    ("SPEAKER", lambda row: _speaker(row[1])),
    ("KERNEL ROUTES", lambda row: _kernel(row[1])),
    ("SUPPRESSED", lambda row: str(len(row[1].suppressed))),
    ("PROBLEMS", lambda row: str(len(row[1].problems))),
)

_PEER_COLUMNS: Columns[tuple[str, PeerStatus]] = (
    ("PEER", lambda row: row[1].peer_address),
    ("PEER NODE", lambda row: row[1].peer_node or "-"),
    ("AS", lambda row: str(row[1].peer_as)),
    ("TYPE", lambda row: f"{row[1].session_type} {row[1].kind}{' client' if row[1].rr_client else ''}"),
    ("STATE", lambda row: _colored_state(row[1].state)),
    ("SINCE", lambda row: duration(row[1].since)),
    ("RECEIVED", lambda row: str(row[1].received)),
    ("ACCEPTED", lambda row: str(row[1].accepted)),
    ("BEST", lambda row: str(row[1].best)),
    ("ADVERTISED", lambda row: str(row[1].advertised)),
    ("FLAPS", lambda row: str(row[1].flaps)),
    ("LAST ERROR", lambda row: row[1].last_error or "-"),
)

_ROUTE_COLUMNS: Columns[RouteStatus] = (
    ("PREFIX", lambda route: route.prefix),
    ("NEXT HOP", lambda route: route.next_hop or "-"),
    ("SOURCE", lambda route: route.source.value),
    ("PEER", lambda route: route.peer or "-"),
    ("LOCAL PREF", lambda route: "-" if route.local_pref is None else str(route.local_pref)),
    ("AS PATH", lambda route: route.as_path or "-"),
    ("COMMUNITIES", lambda route: " ".join(route.communities) or "-"),
    ("PATHS", lambda route: str(route.candidates)),
)


def print_agents(statuses: Sequence[tuple[str, AgentStatus]]) -> None:
    console = _console()
    console.print(_table(_AGENT_COLUMNS, statuses))
    for name, agent in statuses:
        if agent.speaker_failures:
            console.print(f"{name}: speaker: {_failure(agent)}", markup=False, soft_wrap=True)
        if agent.drain is not None:
            console.print(drain_sentence(name, agent.drain), markup=False, soft_wrap=True)
        for line in held_lines(agent):
            console.print(f"{name}: {line}", markup=False, soft_wrap=True)
        for problem in agent.problems:
            console.print(f"{name}: {_problem(problem)}", markup=False, soft_wrap=True)
        for sentence in agent.detected_addresses:
            console.print(f"{name}: detected: {sentence}", markup=False, soft_wrap=True)
        for failure in agent.fib_failures:
            console.print(f"{name}: kernel: {failure}", markup=False, soft_wrap=True)
        if agent.retention:
            console.print(f"{name}: {agent.retention}", markup=False, soft_wrap=True)
        for session in agent.suppressed:
            console.print(f"{name}: suppressed session {session}", markup=False, soft_wrap=True)


def held_lines(agent: AgentStatus) -> Iterator[str]:
    """What is held, which objects take it away, and how it is confirmed."""
    for held in agent.held:
        yield f"held: {held.sentence}"
        yield from (f"  by {cause}" for cause in held.causes[:MOST_CAUSES])
        if len(held.causes) > MOST_CAUSES:
            yield f"  and by {len(held.causes) - MOST_CAUSES} more objects"
    if agent.held:
        yield f"held: digest {agent.held_digest}; put the resources right, or bgpctl confirm {agent.node}"


def drain_sentence(name: str, drain: DrainStatus) -> str:
    reason = f" ({drain.reason})" if drain.reason else ""
    since = f"{name} has been drained for {duration(drain.seconds)}, its routes are {drain.stage}{reason}"
    return f"{since}; bgpctl drain --undo ends that"


def print_table(columns: Columns[T], rows: Iterable[T]) -> None:
    _console().print(_table(columns, rows))


def print_peers(sessions: Sequence[tuple[str, PeerStatus]], *, with_node: bool) -> None:
    node: Columns[tuple[str, PeerStatus]] = (("NODE", lambda row: row[0]),) if with_node else ()
    console = _console()
    console.print(_table((*node, *_PEER_COLUMNS), sessions))
    for name, peer in sessions:
        where = f"{name}: " if with_node else ""
        if peer.warning:
            console.print(f"{where}{peer.peer_address}: {peer.warning}", markup=False, soft_wrap=True)
        if peer.stale:
            stay = f"{peer.stale} routes outlive its session, for {duration(peer.stale_left)} at most"
            console.print(f"{where}{peer.peer_address}: {stay}", markup=False, soft_wrap=True)


def print_routes(routes: Sequence[RouteStatus], *, with_verdict: bool = False) -> None:
    verdict: Columns[RouteStatus] = (("VERDICT", _verdict),) if with_verdict else ()
    path: Columns[RouteStatus] = (("PATH", lambda route: str(route.path_id)),) if _has_path_ids(routes) else ()
    _console().print(_table((*_ROUTE_COLUMNS, *path, *verdict), routes))


def print_json(rows: Sequence[dict[str, object]]) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")


def fields(value: AgentStatus | PeerStatus | RouteStatus) -> dict[str, object]:
    """The value's fields under their own names."""
    return msgspec.structs.asdict(value)


def families_of(prefix: str) -> tuple[Family, ...]:
    """The families to look in: both when no prefix was given."""
    if not prefix:
        return (4, 6)
    return (6,) if ":" in prefix else (4,)


def duration(seconds: float) -> str:
    """ "12s", "3m05s", "2h07m", "5d03h": the two units that matter."""
    whole = int(seconds)
    for name, size, smaller, small in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size}{name}{whole % size // small:02d}{smaller}"
    return f"{whole}s"


def _table(columns: Columns[T], rows: Iterable[T]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, _ in columns:
        table.add_column(title)
    for row in rows:
        table.add_row(*(cell(row) for _, cell in columns))
    return table


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)


def _has_path_ids(routes: Sequence[RouteStatus]) -> bool:
    return any(route.path_id for route in routes)


def _verdict(route: RouteStatus) -> str:
    return f"{text_of(route.verdict)}{', stale' if route.stale else ''}"


def _plan(agent: AgentStatus) -> str:
    if not agent.plan_generation:
        return "[red]none[/red]"
    return f"{agent.plan_generation}" if agent.plan_is_current else f"[yellow]{agent.plan_generation}, not current[/]"


def _speaker(agent: AgentStatus) -> str:
    restarts = f", {agent.speaker_restarts} restarts" if agent.speaker_restarts else ""
    return f"{agent.speaker_state}{', [red]crash loop[/red]' if agent.speaker_crash_loop else ''}{restarts}"


def _failure(agent: AgentStatus) -> str:
    """The last line of the speaker that failed last; the one that runs now does not have it."""
    pause = f"; the next one starts after {agent.speaker_pause:g} s" if agent.speaker_pause else ""
    return f"ended {agent.speaker_failures} times in a row{pause}; its last line: {agent.speaker_last_line or '-'}"


def _kernel(agent: AgentStatus) -> str:
    if not agent.fib_enabled:
        return "off"
    counts = {"failed": agent.fib_failed, "foreign": agent.fib_foreign, "unresolved": agent.fib_unresolved}
    failures = "".join(f", {count} {what}" for what, count in counts.items() if count)
    return f"{agent.fib_installed}/{agent.fib_desired}{failures}{'' if agent.fib_in_sync else ', not in sync'}"


def _colored_state(state: str) -> str:
    return f"[{_STATE_STYLES.get(state.lower(), 'yellow')}]{state}[/]"


def _problem(problem: ProblemStatus) -> str:
    place = ":".join(part for part in (problem.file, str(problem.line or "")) if part)
    return ": ".join(part for part in (place, problem.severity, problem.path, problem.message) if part)
