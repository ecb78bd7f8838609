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

The agent writes the new plan and tells the speaker; the speaker changes what differs. `bgpctl diff OLD NEW` says
beforehand what that will be. This page is written from the table in `bgpctl/plan_diff/effects.py`
(`python -m bgpctl.plan_diff.table > docs/applying-changes.md`); the tests hold each row against a speaker that runs
and has sessions with another one and with BIRD 2.

| effect | what happens |
|---|---|
| soft | sessions stay; what follows from the field is changed, and nothing else is looked at |
| refresh | sessions stay; every route passes the policies again and peers are told what differs |
| reset | the session is closed with a Cease and made anew; until then the peer drops our routes |
| restart | without effect until the speaker is started again, which the agent does not do by itself |

A change of ExaBGP's definition of a neighbour resets its session, because `exabgp.conf` is where both ends' agreement
is written down. Our engine takes up everything else in place; a refresh asks nothing of a peer, for the Adj-RIB-In has
its routes as they came.
"""


def render_table() -> str:
    """The whole page."""
    return OPENING + "".join(line for kind, rows in EFFECTS.items() for line in _section(kind, rows))


def _section(kind: type[Value], rows: dict[str, EffectRow]) -> Iterator[str]:
    yield f"\n## {kind.__name__}\n| field | effect | why |\n|---|---|---|\n"
    yield from (f"| `{field}` | {row.effect} | {row.reason} |\n" for field, row in rows.items())


if __name__ == "__main__":
    sys.stdout.write(render_table())
