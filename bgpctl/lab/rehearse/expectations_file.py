"""A lab's expectations.yml as values: what must be true once it has converged, and the events that are rehearsed then.

    within: 30                                  # seconds
    sets: {nodes: [a1, a2]}                     # names for several nodes
    sessions:                                   # exactly these, Established, seen from both ends
      - {between: nodes, and: [rr1, rr2]}       # without `and`: every pair of `between`
    routes:                                     # in the kernel, with our routing protocol number
      - {to: 10.244.11.0/26, via: 10.1.0.11, dev: eth1, on: [a2]}
    bgp:                                        # in the RIB
      - {prefix: 10.244.11.0/26, next_hop: 10.1.0.11, as_path: "", on: [rr1]}
    pings:                                      # every pair, both ways
      pod-a1: 10.244.11.2
    events:
      - {name: the reflector is killed, do: [kill rr1], expect: {...}, within: 10, lose at most: 0}

docs/lab-expectations.md is the whole language.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bgpctl.lab.actions import ActionScope
from bgpctl.lab.expect.expectation_sections import SECTIONS, read_sections
from bgpctl.lab.expect.expectations import Expectations
from bgpctl.lab.rehearse.events import Event, read_events
from bgpctl.lab.topology.document import DocumentError, read_lab_file
from bgpctl.lab.topology.node_names import NodeNames, read_sets
from bgpctl.lab.topology.topology import Topology

EXPECTATIONS = "expectations.yml"


@dataclass(frozen=True, slots=True)
class ExpectationsFile:
    """The whole file. `scope` is where further actions are read."""

    expectations: Expectations
    events: tuple[Event, ...]
    scope: ActionScope


def read_expectations(file: Path, topology: Topology) -> ExpectationsFile:
    """Raises NotReadyError when the file cannot be read, DocumentError with all problems in it."""
    root = read_lab_file(file)
    fields = dict(root.known_fields((*SECTIONS, "sets", "events")))
    names = NodeNames(topology, read_sets(fields.get("sets"), topology))
    scope = ActionScope(names, file.parent)
    expectations = read_sections(root, fields, names)
    script = ExpectationsFile(expectations, read_events(fields.get("events"), expectations, scope), scope)
    if root.problems:
        raise DocumentError(root.problems)
    return script
