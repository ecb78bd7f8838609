"""The events of a lab: what is done to it once it has converged, what must be true then, and what it may cost.

    events:
      - name: a reflector is killed
        do: [kill rr1]                      # in this order, at once
        expect:                             # the sections of the file: what is different meanwhile
          sessions: [{down: nodes, and: [rr1]}]
        within: 10                          # seconds after the last action
        traffic: [[pod-a1, pod-b1]]         # whose packets are counted; otherwise all pairs that reach each other
        lose at most: 0                     # packets, from before the first action until everything is undone
        undo: [start rr1]                   # otherwise what undoes the actions; `undo: no` leaves them as they are

Pure values and their reading; rehearsal.py makes them happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bgpctl.lab.actions import Action, ActionError, ActionScope, read_action
from bgpctl.lab.expect.expectation_sections import SECTIONS, read_sections
from bgpctl.lab.expect.expectations import Expectations, Pair
from bgpctl.lab.topology.document import Element
from bgpctl.lab.topology.node_names import NodeNames

_FIELDS = ("name", "do", "expect", "within", "traffic", "lose at most", "undo")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `expectations` are all that hold while it lasts.

    undo          in the order in which it is done
    traffic       (from, to) of the pings whose packets are counted; None: all that may be answered
    lose_at_most  None: any number
    recovers      afterwards everything must be as it was before
    """

    name: str
    actions: tuple[Action, ...]
    expectations: Expectations
    undo: tuple[Action, ...] = ()
    traffic: tuple[Pair, ...] | None = None
    lose_at_most: int | None = None
    recovers: bool = True


def read_events(element: Element | None, base: Expectations, scope: ActionScope) -> tuple[Event, ...]:
    """Problems go to the document."""
    events: list[Event] = []
    for item in element.items() if element else ():
        event = _event(item, base, scope)
        if event.name in [other.name for other in events]:
            item.complain(f"there are two events {event.name!r}")
        events.append(event)
    return tuple(events)


def _event(element: Element, base: Expectations, scope: ActionScope) -> Event:
    fields = dict(element.known_fields(_FIELDS))
    for name in ("name", "do"):
        if name not in fields:
            element.complain(f"`{name}` is missing")
    actions = _actions(fields.get("do"), scope)
    leaves = "undo" in fields and fields["undo"].data in ("no", "false")
    undo = _actions(fields["undo"], scope) if "undo" in fields and not leaves else None
    expectations = _expectations(element, fields, base, scope.names)
    return Event(
        name=fields["name"].text() if "name" in fields else "",
        actions=actions,
        expectations=expectations,
        undo=() if leaves else undo if undo is not None else opposite(actions),
        traffic=_traffic(fields["traffic"], expectations) if "traffic" in fields else None,
        lose_at_most=fields["lose at most"].number() if "lose at most" in fields else None,
        recovers=not leaves,
    )


def opposite(actions: Sequence[Action]) -> tuple[Action, ...]:
    """What undoes the actions, the last one first."""
    return tuple(undo for action in reversed(actions) if (undo := action.undo()) is not None)


def _actions(element: Element | None, scope: ActionScope) -> tuple[Action, ...]:
    found = []
    for item in element.items() if element else ():
        try:
            found.append(read_action(item.text(), scope))
        except ActionError as error:
            item.complain(str(error))
    return tuple(found)


def _expectations(element: Element, fields: dict[str, Element], base: Expectations, names: NodeNames) -> Expectations:
    sections = {}
    if "expect" in fields:
        sections = dict(fields["expect"].known_fields(name for name in SECTIONS if name != "within"))
    if "within" in fields:
        sections["within"] = fields["within"]
    return base.then(read_sections(fields.get("expect", element), sections, names, base.within))


def _traffic(element: Element, expectations: Expectations) -> tuple[Pair, ...]:
    known = {(ping.source, ping.target) for ping in expectations.all_pings}
    pairs = []
    for item in element.items():
        pair = item.texts()
        if len(pair) != 2 or (pair[0], pair[1]) not in known:
            item.complain(f"{' and '.join(pair)!r} are not two nodes of `pings`")
            continue
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)
