"""docs/annotations.md, written from the table of annotations:

python -m bgpctl.resources.annotations.annotations_page > docs/annotations.md
"""

from __future__ import annotations

import sys
from textwrap import fill

from bgpctl.resources.annotations.table import CONFIGURATION, PEER, PREFIX, TABLE, Annotation

WIDTH = 118

OPENING = f"""\
# Annotations

Some of what the speaker can do has no field in Calico's schema. It is said in annotations `{PREFIX}<name>` of the
resources that you have: Calico keeps them and does not look at them, so the same files serve both.

This page is written from the table in `bgpctl/resources/annotations/table.py`:
`python -m bgpctl.resources.annotations.annotations_page > docs/annotations.md`.

```yaml
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: fabric
  annotations:
    bgpctl.io/role: customer
    bgpctl.io/maximum-prefixes: 5000 drop
    bgpctl.io/hold-time: 30s
spec:
  peerIP: 192.0.2.1
  asNumber: 65000
```

**Where.** On a BGPPeer an annotation is for its sessions. On the BGPConfiguration `default` it is for all sessions of
all nodes, those of the mesh among them, and on `node.<name>` for all sessions of that node. What stands nearer wins,
annotation by annotation: BGPPeer, `node.<name>`, `default`. `maximum-prefixes: "off"` takes a limit back.

**Both ends.** A BGPPeer between two nodes makes both ends of the session, and its annotations count at both. `role`
is turned around at the far end: what a BGPPeer says is said of the nodes that it is *for* (`node`, `nodeSelector`).
Nodes that are on both sides of one BGPPeer have one role each, and that makes a session only for `peer`.

**Values** are text: put numbers, `true`, `false` and `off` in quotes, or Kubernetes refuses them. Times are durations
such as `90s`, `5m`, `1h`. An unknown name, a name on a kind that it does not belong on, and a value that cannot be
read are errors, with file and line ([unknown-annotation](problems/unknown-annotation.md),
[misplaced-annotation](problems/misplaced-annotation.md), [bad-annotation](problems/bad-annotation.md)).

**What a change does** to sessions that run is said by the field of the plan that it becomes:
[applying-changes.md](applying-changes.md).

**Not here.** The policy operations that a plan has and a BGPFilter cannot say (removing communities, setting the next
hop or MULTI_EXIT_DISC) have no annotation: an operation belongs to one rule of a list, and an annotation could only
name that rule by its number, which the next rule inserted above it would change in silence.
"""

TITLES = (
    ("On BGPPeer and BGPConfiguration", PEER + CONFIGURATION),
    ("On BGPPeer only", PEER),
    ("On BGPConfiguration only", CONFIGURATION),
)


def render_page() -> str:
    """The whole page."""
    return OPENING + "".join(_section(title, [row for row in TABLE if row.kinds == kinds]) for title, kinds in TITLES)


def _section(title: str, rows: list[Annotation]) -> str:
    return "".join((f"\n## {title}\n", *map(_entry, rows)))


def _entry(row: Annotation) -> str:
    far_end = f" The far end has {row.far_end}." if row.far_end else ""
    meaning = fill(row.meaning + far_end, WIDTH, break_long_words=False, break_on_hyphens=False)
    return f'\n**`{PREFIX}{row.name}: "{row.example}"`** - {row.form}.\n\n{meaning}\n'


if __name__ == "__main__":
    sys.stdout.write(render_page())
