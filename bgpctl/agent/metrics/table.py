"""docs/metrics.md, written from the rows of metrics:

python -m bgpctl.agent.metrics.table > docs/metrics.md
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

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
from bgpctl.daemon.metrics.row import PREFIX, InfoRow, LabelledRow, Row, is_counter, labels_of, type_of, unit_of

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

The metrics of an agent, on its page `/metrics` ([agent-pages.md](agent-pages.md)). This page is written from the rows
in `bgpctl/agent/metrics/rows.py` (`python -m bgpctl.agent.metrics.table > docs/metrics.md`); tests compare it with an
agent that has a session. A metric without a unit counts things, or is 1 for yes and 0 for no. A counter starts at 0
with the process that counts: the agent for restarts, repairs and sums by type, the speaker for everything else.

A page is made when it is requested, and once for all requests within a second: an agent that is not scraped does no
work for it. The speaker makes its answer in parts and routes between them: with 1,000 sessions this takes 25 ms in all
and 3 ms at a time. The agent then takes 0.2 s in a thread with `each` (3 MB) and 0.02 s with `by-type`.

## How many series

No label is a prefix. Only the series of sessions grow with the cluster, and `--peer-metrics` of `bgpctl agent` decides
how many there are:

| `--peer-metrics` | labels | series |
|---|---|---|
| `each` (default) | `session`, `peer` | {PER_SESSION} a session, and one for each reason why routes are not accepted |
| `by-type` | `kind`, `session_type` | as many for a thousand sessions of a type as for one (column "by type") |
| `none` | | none; `bgpctl_sessions` still counts them by state |

`kind` is the kind of resource that defines the session (mesh, node, global, workload), `session_type` is ibgp or ebgp.
In a full mesh of {MESH} nodes each has {MESH - 1} sessions: with `each` {PER_NODE:,} series a node and {PER_MESH:,} in
all, with `by-type` fewer than {PER_SESSION} a node. The default is the same for clusters of any size: alerts would lose
their series at the moment a cluster grows past a limit. `sum by (instance) (...)` over a metric of sessions works
with both, and a sum of counters does not fall when a session leaves the plan.
"""

EVENTS_OPENING = """
`bgpctl_speaker_events_total` counts, by `event`:
"""

ENDPOINTS = """
`bgpctl_local_endpoints` takes the place of `felix_active_local_endpoints` where Felix does not run. It counts
interfaces that are up and have a host route (/32, /128) without a gateway in the main table, if the address is in a
block of this node or the interface is named `cali...`. Routes that the kernel made from an address are left out. A pod
with two addresses counts once; host endpoints have no such route and do not count. It is 0 with `--no-fib`, where the
agent does not read the kernel's routes.
"""


FOLDS = """
`lowest`: the lowest value that is not 0.
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
