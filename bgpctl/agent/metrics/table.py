"""docs/metrics.md, written from the rows of metrics:

python -m bgpctl.agent.metrics.table > docs/metrics.md
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bgpctl.agent.metrics.row import PREFIX, InfoRow, LabelledRow, Row, is_counter, labels_of, type_of, unit_of
from bgpctl.agent.metrics.rows import (
    AGENT_ROWS,
    BUILD,
    EVENTS,
    HISTOGRAM_ROWS,
    LABELLED_ROWS,
    LABELLED_SESSION_ROWS,
    LAST_CHANGE,
    SESSION_INFO,
    SESSION_ROWS,
    SPEAKER_ROWS,
)

# UPDATE, KEEPALIVE, NOTIFICATION, ROUTE-REFRESH; received and sent.
MESSAGE_SERIES = 2 * 4
PER_SESSION = len((SESSION_INFO, LAST_CHANGE)) + len(SESSION_ROWS) + MESSAGE_SERIES
MESH = 200
PER_NODE = (MESH - 1) * PER_SESSION
PER_MESH = MESH * PER_NODE

AnyRow = Row[Any] | LabelledRow[Any] | InfoRow[Any]

AGENT_AND_SPEAKER: tuple[AnyRow, ...] = (BUILD, *AGENT_ROWS, *SPEAKER_ROWS, *LABELLED_ROWS)
SESSIONS: tuple[AnyRow, ...] = (SESSION_INFO, LAST_CHANGE, *SESSION_ROWS, *LABELLED_SESSION_ROWS)

OPENING = f"""\
# Metrics

What `/metrics` of an agent ([agent-pages.md](agent-pages.md)) says. This page is written from the rows in
`bgpctl/agent/metrics/rows.py` (`python -m bgpctl.agent.metrics.table > docs/metrics.md`); the tests hold it against an
agent with a session. A metric without a unit counts things, or is 1 for yes and 0 for no. A counter begins again at 0
with the process that counts: the agent for restarts, repairs and sums by type, the speaker for everything else.

A page is made when it is asked for, and for all who ask within a second: an agent that nobody scrapes does nothing for
it. The speaker makes its answer in parts, between which it routes on: with 1,000 sessions it takes 25 ms of its time in
all and 3 ms in one piece. The agent then takes 0.2 s in a thread with `each` (3 MB) and 0.02 s with `by-type`.

## How many series

Nothing is labelled with a prefix. What grows with the cluster are the series of sessions, and `--peer-metrics` of
`bgpctl agent` says how many there are of those:

| `--peer-metrics` | labels | series |
|---|---|---|
| `each` (default) | `session`, `peer` | {PER_SESSION} a session, and one for each reason why routes are refused |
| `by-type` | `kind`, `session_type` | as many for a thousand sessions of a type as for one (column "by type") |
| `none` | | none; `bgpctl_sessions` still counts them by state |

`kind` is what asked for the session (mesh, node, global, workload), `session_type` is ibgp or ebgp. In a full mesh of
{MESH} nodes each has {MESH - 1} sessions: with `each` {PER_NODE:,} series a node and {PER_MESH:,} in all,
with `by-type` fewer than {PER_SESSION} a node. It is `each` unless you say otherwise: a threshold in between would take
series away from alerts at the moment a cluster grows past it. `sum by (instance) (...)` over a metric of sessions works
with both, and a sum of counters does not fall when a session leaves the plan.
"""

EVENTS_OPENING = """
`bgpctl_speaker_events_total` counts, by `event`:
"""

ENDPOINTS = """
`bgpctl_local_endpoints` is for what Felix says with `felix_active_local_endpoints`, without Felix: the interfaces that
are up and that a host route (/32, /128) of the main table leads to without a gateway, where its address is in a block
of this node or the interface is named `cali...`; routes that the kernel made of an address are left out. A pod with two
addresses is one; host endpoints have no such route and are not counted. It is 0 with `--no-fib`, where the agent does
not look at the kernel.
"""


FOLDS = """
`lowest` is that of those that are not 0.
"""


def render_table() -> str:
    """The whole page."""
    rows = (*AGENT_AND_SPEAKER, *HISTOGRAM_ROWS)
    parts = (
        OPENING,
        "\n## Agent, speaker and kernel\n| name | type | labels | unit | meaning |\n|---|---|---|---|---|\n",
        *(_line(row) for row in rows),
        EVENTS_OPENING,
        *_events(),
        ENDPOINTS,
        "\n## Sessions\n| name | type | labels | unit | meaning | by type |\n|---|---|---|---|---|---|\n",
        *(_session_line(row) for row in SESSIONS),
        FOLDS,
    )
    return "".join(parts)


def _events() -> Iterator[str]:
    yield "\n| event | what |\n|---|---|\n"
    yield from (f"| `{event}` | {meaning} |\n" for event, meaning in EVENTS.items())


def _line(row: Any, labels: Iterable[str] = ()) -> str:
    names = ", ".join(f"`{label}`" for label in (*labels, *labels_of(row)))
    return f"| `{PREFIX}{row.name}` | {type_of(row)} | {names} | {unit_of(row.name)} | {row.help} |\n"


def _session_line(row: AnyRow) -> str:
    return f"{_line(row, ('session', 'peer')).rstrip()} {_folding(row)} |\n"


def _folding(row: AnyRow) -> str:
    """What `--peer-metrics by-type` makes of it."""
    if isinstance(row, InfoRow):
        return "-"
    fold: Callable[..., float] | None = sum if isinstance(row, LabelledRow) or is_counter(row.name) else row.fold
    return fold.__name__ if fold else "-"


if __name__ == "__main__":
    sys.stdout.write(render_table())
