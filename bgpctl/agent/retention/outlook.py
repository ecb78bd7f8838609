"""The state of the speaker's sessions and the nodes of the resources, put together: an Outlook for the FIB.

Rule: a session counts for the families that the plan gives it, and only if the plan lets routes outlive it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bgpctl.fib.core.retained import Outlook
from reflector.messages import Retained
from reflector.plan import SessionPlan


def outlook_of(known: Outlook, retained: Retained, sessions: Mapping[str, SessionPlan], *, in_sync: bool) -> Outlook:
    """`known` of the nodes; `sessions` are those that retain, by name."""
    awaited = [(each, sessions[each.name].families) for each in retained.awaited if each.name in sessions]
    complete = [sessions[name].families for name in retained.complete_reflectors if name in sessions]
    return replace(
        known,
        awaited=frozenset((family, each.peer_node) for each, families in awaited for family in families),
        reflector_awaited=frozenset(family for each, some in awaited if each.may_reflect for family in some),
        reflector_complete=frozenset(family for families in complete for family in families),
        in_sync=in_sync,
    )
