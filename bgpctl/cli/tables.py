"""Answers as people read them (rich tables) and as programs do (JSON). A table is its columns: title and cell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec
from rich.console import Console
from rich.table import Table

from reflector.messages import AgentStatus, DrainStatus, PeerStatus, RouteStatus
from reflector.plan import Family
from reflector.verdict import text_of

T = TypeVar("T")
Columns = Sequence[tuple[str, Callable[[T], str]]]

# Piped into a file or grep, a line must not be cut to the 80 columns that rich assumes then.
_PIPED_WIDTH = 400
_STATE_STYLES = {"established": "green"}

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


def _colored_state(state: str) -> str:
    return f"[{_STATE_STYLES.get(state.lower(), 'yellow')}]{state}[/]"
