"""docs/applying-changes.md, written from the table of effects:

python -m bgpctl.plan_diff.table > docs/applying-changes.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bgpctl.plan_diff.effects import EFFECTS, EffectRow
from reflector.plan import Value

OPENING = """\
# What applying a change does

The agent writes the new plan and sends it to the speaker; the speaker changes what differs. `bgpctl diff OLD NEW` shows
beforehand what that will be. This page is generated from the table in `bgpctl/plan_diff/effects.py`
(`python -m bgpctl.plan_diff.table > docs/applying-changes.md`). Tests check each row with a running speaker that has
sessions with another speaker and with BIRD 2.

| effect | what happens |
|---|---|
| soft | sessions stay; only what follows from the field changes |
| refresh | sessions stay; policies are evaluated for every route, and what differs is advertised |
| reset | the session is closed with a Cease and set up anew; until then the peer does not use our routes |
| replace | the agent replaces the speaker at once: every session of the node is closed and set up anew |

What both ends must agree on is in `exabgp.conf`, so a change of a neighbour there resets its session. The engine
applies everything else while the session stays. While a speaker is replaced, the kernel keeps its routes, and peers
with graceful restart keep ours. A refresh requests nothing from the peer: the Adj-RIB-In has its routes as they were
received.
"""


def render_table() -> str:
    """The whole page."""
    return OPENING + "".join(line for kind, rows in EFFECTS.items() for line in _section(kind, rows))


def _section(kind: type[Value], rows: dict[str, EffectRow]) -> Iterator[str]:
    yield f"\n## {kind.__name__}\n| field | effect | why |\n|---|---|---|\n"
    yield from (f"| `{field}` | {row.effect} | {row.reason} |\n" for field, row in rows.items())


if __name__ == "__main__":
    sys.stdout.write(render_table())
