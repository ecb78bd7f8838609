"""docs/annotations.md, written from the table of annotations:

python -m bgpctl.resources.annotations.annotations_page > docs/annotations.md
"""

from __future__ import annotations

import sys
from textwrap import fill

from bgpctl.resources.annotations.table import CONFIGURATION, NODE, PEER, PREFIX, TABLE, Annotation

WIDTH = 118

OPENING = f"""\
# Annotations

Calico's resources have no field for some features of the speaker. You set these with annotations `{PREFIX}<name>` on
the resources that you already have. Calico keeps annotations and ignores these, so the same files serve both.

This page is generated from the table in `bgpctl/resources/annotations/table.py`:
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

**Which sessions.** An annotation on a BGPPeer applies to the sessions of this BGPPeer. On the BGPConfiguration
`default` it applies to all sessions of all nodes, including the mesh, and on `node.<name>` to all sessions of that
node. If the same annotation is set in several places, the BGPPeer is used first, then `node.<name>`, then `default`.
`maximum-prefixes: "off"` removes a limit that `default` or `node.<name>` sets.

**Both ends.** A BGPPeer between two nodes defines both ends of the session, and its annotations apply to both. Only
`role` differs: its value is the role of the nodes that the BGPPeer selects with `node` or `nodeSelector`, and the far
end gets the opposite role. Nodes that are at both ends of the same BGPPeer can only use `peer`.

**Values** are text: put numbers, `true`, `false` and `off` in quotes, otherwise Kubernetes refuses them. Times are
durations such as `90s`, `5m`, `1h`. An unknown name, a name on the wrong kind of resource, and a value that is not
valid are errors with file and line ([unknown-annotation](problems/unknown-annotation.md),
[misplaced-annotation](problems/misplaced-annotation.md), [bad-annotation](problems/bad-annotation.md)).

**What a change does** to running sessions: see [applying-changes.md](applying-changes.md). There, look for the field
of the plan with the name of the annotation.

**Not available as annotations:** removing communities, setting the next hop and setting MULTI_EXIT_DISC. A plan has
these operations, a BGPFilter has not. They belong to one rule in a list. An annotation could name the rule only by
its number, and a rule inserted above it would silently change which rule that is.
"""

TITLES = (
    ("On BGPPeer and BGPConfiguration", PEER + CONFIGURATION),
    ("On BGPPeer only", PEER),
    ("On BGPConfiguration only", CONFIGURATION),
    ("On Node only", NODE),
)


def render_page() -> str:
    """The whole page."""
    return OPENING + "".join(_section(title, [row for row in TABLE if row.kinds == kinds]) for title, kinds in TITLES)


def _section(title: str, rows: list[Annotation]) -> str:
    return "".join((f"\n## {title}\n", *map(_entry, rows)))


def _entry(row: Annotation) -> str:
    far_end = f" At the far end: {row.far_end}." if row.far_end else ""
    meaning = fill(row.meaning + far_end, WIDTH, break_long_words=False, break_on_hyphens=False)
    return f'\n**`{PREFIX}{row.name}: "{row.example}"`** - {row.form}.\n\n{meaning}\n'


if __name__ == "__main__":
    sys.stdout.write(render_page())
