"""What differs between two plans of a node: frozen values, for people and JSON.

Rule: nothing here holds a secret. Before and after are text as people read it; a password is "set" or "none".
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from bgpctl.plan_diff.effects import RESETTING, Effect


class DifferenceValue(msgspec.Struct, frozen=True):
    """The base of these values; in JSON every field is there, so that a program need not know defaults."""


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class FieldChange(DifferenceValue, frozen=True):
    """One field: what it was, what it becomes, what that does and why. Equal texts: what changed is not shown."""

    field: str
    before: str
    after: str
    effect: Effect
    reason: str


class ItemChange(DifferenceValue, frozen=True):
    """One entry of a list of the plan.

    kind      "suppressed", "origination", "rule", "blackhole", "host route", "vtep" ...
    name      what identifies it in its list: a prefix, an address, a node
    defined_by   the resource or fact it follows from, of the new entry if there is one
    reason    of a suppressed session: why it is suppressed
    """

    kind: str
    name: str
    change: ChangeKind
    fields: tuple[FieldChange, ...] = ()
    defined_by: str = ""
    reason: str = ""


class SessionChange(DifferenceValue, frozen=True):
    """One session. `effect` counts for CHANGED; `policies` are those it asks whose rules differ."""

    name: str
    peer_address: str
    peer_node: str
    change: ChangeKind
    effect: Effect = Effect.SOFT
    fields: tuple[FieldChange, ...] = ()
    policies: tuple[str, ...] = ()
    defined_by: str = ""


class PolicyChange(DifferenceValue, frozen=True):
    """One policy, the sessions that ask it now (of a removed one: that asked it), and its rules as text."""

    name: str
    change: ChangeKind
    sessions: tuple[str, ...]
    rules_removed: tuple[str, ...] = ()
    rules_added: tuple[str, ...] = ()


class VerdictChange(DifferenceValue, frozen=True):
    """Routes of this node that are advertised differently on these sessions than before."""

    prefixes: tuple[str, ...]
    sessions: tuple[str, ...]
    before: str
    after: str


class PlanDifference(DifferenceValue, frozen=True):
    """Everything that differs for one node. For a node that comes or goes: all its sessions and originations.

    fields     of the plan itself, and of its KernelPlan ("kernel.table")
    kernel     entries of the KernelPlan's lists
    verdicts   of the export policies, for originations that both plans have, on sessions that both plans have
    replaces_speaker   the agent replaces the speaker at once: every session is set up anew
    """

    node: str
    change: ChangeKind
    fields: tuple[FieldChange, ...] = ()
    sessions: tuple[SessionChange, ...] = ()
    suppressed: tuple[ItemChange, ...] = ()
    policies: tuple[PolicyChange, ...] = ()
    originations: tuple[ItemChange, ...] = ()
    verdicts: tuple[VerdictChange, ...] = ()
    kernel: tuple[ItemChange, ...] = ()
    replaces_speaker: bool = False

    def __bool__(self) -> bool:
        """Whether anything differs."""
        parts = (
            self.fields,
            self.sessions,
            self.suppressed,
            self.policies,
            self.originations,
            self.verdicts,
            self.kernel,
        )
        return self.change is not ChangeKind.CHANGED or any(parts)

    @property
    def added(self) -> tuple[str, ...]:
        """The names of the sessions that are new."""
        return self._sessions(ChangeKind.ADDED)

    @property
    def removed(self) -> tuple[str, ...]:
        """The names of the sessions that are closed for good."""
        return self._sessions(ChangeKind.REMOVED)

    @property
    def reset(self) -> tuple[str, ...]:
        """The names of the sessions that are closed and made anew."""
        return tuple(each.name for each in self.sessions if each.effect in RESETTING)

    def _sessions(self, change: ChangeKind) -> tuple[str, ...]:
        return tuple(each.name for each in self.sessions if each.change is change)


class PrefixChange(DifferenceValue, frozen=True):
    """A prefix that the cluster begins to originate (`before` empty), ceases to (`after` empty), or that moved: none
    of the nodes that originated it still does. Both hold node names."""

    prefix: str
    before: tuple[str, ...]
    after: tuple[str, ...]
