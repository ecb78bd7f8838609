"""docs/invalid-resources.md, written from the table of kind_rules.py:

python -m bgpctl.resources.in_force.page > docs/invalid-resources.md
"""

from __future__ import annotations

import sys

from bgpctl.resources.in_force.kind_rules import KIND_RULES
from bgpctl.resources.in_force.outcome import Outcome
from bgpctl.resources.reading.unusable import UNKNOWN

OPENING = """\
# Invalid resources

One invalid resource concerns what depends on it, and nothing else. While it is invalid, its **last good version**
stays in force: the version that this node's agent used before. Everything else is followed as usual, a new block or
a new node for example.

This page is generated from the table in `bgpctl/resources/in_force/kind_rules.py`:
`python -m bgpctl.resources.in_force.page > docs/invalid-resources.md`.

## Where there is a version before

It stays in force, for every kind. To have a resource go, remove it.

| kind | why that is safer than without it |
|---|---|
"""

WITHOUT = """
## Where there is none

So it is on the first start of a node, and for a resource that was never valid.

| kind | what counts | why that is the safer side |
|---|---|---|
"""

CLOSING = """
## Which version that is

- **A file that is not readable, or text that is no resource**: every resource that came from this file (or from
  below this directory), and is nowhere else now, stays in force. So a file that becomes garbage removes nothing. A
  file that is removed removes its resources.
- **A resource that is written twice**: the version before, whichever of the two it is. Without one, the one that stands
  first counts.
- **Resources that cannot stand together**, such as IPPools that overlap: what was in force before stays, and what
  was added or changed is not in force, or stays as it was. On a first start the one that the problem names is not in
  force.
- **A BGPFilter that a BGPPeer names and that does not exist**: if it was removed, its last version stays in force as
  long as a BGPPeer names it. If the BGPPeer names it only now, the BGPPeer stays as it was. Otherwise the sessions
  of the BGPPeer wait. Calico runs such a session without the filter.

The versions are in the memory of the agent, and in `last-good.json` of its run directory (mode 0600, without Secrets
that no session refers to) for the next agent. A restart of the agent changes nothing; after a reboot of the machine
there is no version before. An agent that finds a plan of an earlier agent, but no `last-good.json`, keeps that plan
until no resource is invalid.

## How it is shown

- `bgpctl status` has a line for each: what is invalid, where, and what is in force instead. Its exit status is 1.
- The metric `bgpctl_invalid_resources{in_force}` counts them, and `bgpctl_plan_current` is 0 (alert
  `BgpPlanNotCurrent`).
- The agent's log has each of them once, and once more when it is valid again.
- `bgpctl validate` ends with status 1, and so does `bgpctl compile`, which names what it leaves out. Both know no
  version before.

What a valid change may do to a node is another question: [held changes](held-changes.md)."""

OUTCOMES = {
    Outcome.ABSENT: "it counts as absent",
    Outcome.SESSIONS_WAIT: "the sessions that use it wait",
    Outcome.ROUTES_WAIT: "its routes wait",
    Outcome.PLAN_WAITS: "the whole plan waits",
}


def render_page() -> str:
    before = [f"| {_named(kind)} | {rule.before} |\n" for kind, rule in KIND_RULES.items()]
    without = [f"| {_named(kind)} | {OUTCOMES[rule.without]} | {rule.why} |\n" for kind, rule in KIND_RULES.items()]
    return "".join((OPENING, *before, WITHOUT, *without, CLOSING))


def _named(kind: str) -> str:
    return "what is no resource" if kind == UNKNOWN else f"`{kind}`"


if __name__ == "__main__":
    sys.stdout.write(render_page())
