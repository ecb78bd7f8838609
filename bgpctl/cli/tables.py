"""Answers as people read them (tables) and as programs do (JSON)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from bgpctl.cli.output import Output, data_text
from bgpctl.cli.text_table import Columns, duration, render
from reflector.messages import AgentStatus, DrainStatus, PeerStatus, RouteStatus
from reflector.plan import Family
from reflector.verdict import text_of

T = TypeVar("T")

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
    render(columns, rows)


def print_routes(routes: Sequence[RouteStatus], *, with_verdict: bool = False) -> None:
    verdict: Columns[RouteStatus] = (("VERDICT", _verdict),) if with_verdict else ()
    path: Columns[RouteStatus] = (("PATH", lambda route: str(route.path_id)),) if _has_path_ids(routes) else ()
    render((*_ROUTE_COLUMNS, *path, *verdict), routes)


def print_data(rows: Sequence[dict[str, object]], output: Output) -> None:
    sys.stdout.write(data_text(rows, output))


def fields(value: AgentStatus | PeerStatus | RouteStatus) -> dict[str, object]:
    """The value's fields under their own names."""
    return msgspec.structs.asdict(value)


def families_of(prefix: str) -> tuple[Family, ...]:
    """The families to look in: both when no prefix was given."""
    if not prefix:
        return (4, 6)
    return (6,) if ":" in prefix else (4,)


def _has_path_ids(routes: Sequence[RouteStatus]) -> bool:
    return any(route.path_id for route in routes)


def _verdict(route: RouteStatus) -> str:
    return f"{text_of(route.verdict)}{', stale' if route.stale else ''}"
