"""A comparison as text: what differs first, a line each; then how much is alike, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bgpctl.comparison.outcome import DIFFERENCES, Outcome, Row
from reflector.plan import Family

SHOWN = 40
NAMED = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of one node. `compared`: the families whose routes were; `absent`: families of the node whose were not."""

    node: str
    routes: tuple[Row, ...] = ()
    sessions: tuple[Row, ...] = ()
    compared: frozenset[Family] = frozenset()
    absent: frozenset[Family] = frozenset()

    @property
    def rows(self) -> tuple[Row, ...]:
        return (*self.sessions, *self.routes)


def render(found: Comparison, *, wide: bool = False) -> str:
    """`wide`: what is the same and what was left out has a line each as well."""
    lines = [
        *_section(f"{found.node}: sessions", found.sessions, wide=wide),
        *_section(f"{found.node}: routes", found.routes, wide=wide),
        *(f"routes of IPv{family} were not compared: no output has any" for family in sorted(found.absent)),
    ]
    return "\n".join(lines) + "\n"


def _section(title: str, rows: Sequence[Row], *, wide: bool) -> Iterator[str]:
    if not rows:
        return
    counts = {outcome: sum(row.outcome is outcome for row in rows) for outcome in Outcome}
    yield f"{title}: {', '.join(f'{count} {outcome}' for outcome, count in counts.items() if count)}"
    shown = [row for row in rows if wide or row.outcome in DIFFERENCES or row.outcome is Outcome.UNKNOWN]
    yield from (_line(row) for row in (shown if wide else shown[:SHOWN]))
    if len(shown) > SHOWN and not wide:
        yield f"  and {len(shown) - SHOWN} more; -o wide has them all"
    if not wide:
        yield from _notes("same", (row for row in rows if row.outcome is Outcome.SAME and row.note))
        yield from _notes("left out", (row for row in rows if row.outcome is Outcome.LEFT_OUT))


def _line(row: Row) -> str:
    sides = [f"BIRD {row.bird}" if row.bird else "", f"ours {row.ours}" if row.ours else ""]
    parts = "; ".join(filter(None, (*sides, row.note)))
    return f"  {row.outcome}  {row.what}" + (f": {parts}" if parts else "")


def _notes(word: str, rows: Iterable[Row]) -> Iterator[str]:
    by_note: dict[str, list[str]] = {}
    for row in rows:
        by_note.setdefault(row.note, []).append(row.what)
    for note, whats in by_note.items():
        more = f" and {len(whats) - NAMED} more" if len(whats) > NAMED else ""
        yield f"  {word}  {', '.join(whats[:NAMED])}{more}: {note}"


def comparison_data(found: Comparison) -> dict[str, Any]:
    """As JSON types."""
    return {
        "node": found.node,
        "families": sorted(found.compared),
        "absent_families": sorted(found.absent),
        "sessions": [_row_data("peer", row) for row in found.sessions],
        "routes": [_row_data("prefix", row) for row in found.routes],
    }


def _row_data(key: str, row: Row) -> dict[str, Any]:
    outcome = row.outcome.value.replace(" ", "-")
    return {key: row.what, "outcome": outcome, "bird": row.bird, "ours": row.ours, "note": row.note, "line": row.line}
