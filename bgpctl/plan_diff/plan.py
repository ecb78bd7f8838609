"""diff_plans: one node's plan before and after.

Rule: two plans that are not equal never make an empty difference. What only stands in another order is reported as
such: rules of policies and of the kernel are asked in order, and of the other lists the order should not have changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from bgpctl.compiler.rendering.plan_text import rule_text
from bgpctl.plan_diff.compare import by_name, changed_fields, changed_items, order_change, pairs
from bgpctl.plan_diff.difference import (
    ChangeKind,
    FieldChange,
    ItemChange,
    PlanDifference,
    PolicyChange,
    SessionChange,
)
from bgpctl.plan_diff.effects import RESETTING, Effect, worst
from bgpctl.plan_diff.kernel import changed_kernel, changed_kernel_fields
from bgpctl.plan_diff.verdicts import changed_verdicts
from reflector.plan import NodePlan, Origination, Policy, SessionPlan, SuppressedSession, needs_new_speaker

# Compared entry by entry; `kernel` has a module of its own.
APART = frozenset({"sessions", "suppressed", "policies", "originations", "kernel"})
# Fields of the whole plan that every session feels.
OF_ALL_SESSIONS = frozenset({Effect.REFRESH, *RESETTING})


def diff_plans(old: NodePlan, new: NodePlan) -> PlanDifference:
    """What changes on the node that runs `old` when it gets `new`. Falsy when the plans are equal."""
    if old == new:
        return PlanDifference(new.node, ChangeKind.CHANGED)
    fields = changed_fields(old, new, but=APART)
    policies, suppressed, originations = _policies(old, new), _suppressed(old, new), _originations(old, new)
    sessions = tuple(_sessions(old, new, fields, frozenset(each.name for each in policies)))
    found = {"sessions": sessions, "suppressed": suppressed, "policies": policies, "originations": originations}
    silent = [field for field, changes in found.items() if not changes]
    return PlanDifference(
        node=new.node,
        change=ChangeKind.CHANGED,
        fields=(
            *fields,
            *(order_change(NodePlan, field) for field in silent if getattr(old, field) != getattr(new, field)),
            *changed_kernel_fields(old.kernel, new.kernel),
        ),
        sessions=sessions,
        suppressed=suppressed,
        policies=policies,
        originations=originations,
        verdicts=changed_verdicts(old, new),
        kernel=changed_kernel(old.kernel, new.kernel),
        replaces_speaker=needs_new_speaker(old, new),
    )


def added_node(plan: NodePlan) -> PlanDifference:
    """A node that comes: its sessions, suppressed sessions and originations."""
    nothing = NodePlan(plan.node, plan.router_id)
    return PlanDifference(
        node=plan.node,
        change=ChangeKind.ADDED,
        sessions=tuple(_sessions(nothing, plan, (), frozenset())),
        suppressed=_suppressed(nothing, plan),
        originations=_originations(nothing, plan),
    )


def removed_node(plan: NodePlan) -> PlanDifference:
    """A node that goes: the same of what it had."""
    nothing = NodePlan(plan.node, plan.router_id)
    return PlanDifference(
        node=plan.node,
        change=ChangeKind.REMOVED,
        sessions=tuple(_sessions(plan, nothing, (), frozenset())),
        suppressed=_suppressed(plan, nothing),
        originations=_originations(plan, nothing),
    )


# ------------------------------------------------------------------------------------------- sessions


def _sessions(
    old: NodePlan, new: NodePlan, fields: tuple[FieldChange, ...], policies: frozenset[str]
) -> Iterator[SessionChange]:
    """Every session that differs by itself, by a field of the whole plan, or by a policy that it asks."""
    of_all = tuple(each for each in fields if each.effect in OF_ALL_SESSIONS)
    before = by_name(old.sessions, _name)
    for name, after in by_name(new.sessions, _name).items():
        was = before.pop(name, None)
        if was is None:
            yield _session(after, ChangeKind.ADDED)
            continue
        changes = (*changed_fields(was, after), *of_all)
        asked = tuple(dict.fromkeys(each for each in _asked(after) if each in policies))
        if changes or asked:
            effect = worst((*(each.effect for each in changes), *(Effect.REFRESH for _ in asked)))
            yield _session(after, ChangeKind.CHANGED, effect, changes, asked)
    for gone in before.values():
        yield _session(gone, ChangeKind.REMOVED)


def _session(
    session: SessionPlan,
    change: ChangeKind,
    effect: Effect = Effect.SOFT,
    fields: tuple[FieldChange, ...] = (),
    policies: tuple[str, ...] = (),
) -> SessionChange:
    return SessionChange(
        session.name, session.peer_address, session.peer_node, change, effect, fields, policies, session.defined_by
    )


def _name(value: SessionPlan | SuppressedSession | Policy) -> str:
    return value.name


def _asked(session: SessionPlan) -> tuple[str, ...]:
    return (*session.import_policies, *session.export_policies)


# ------------------------------------------------------------------------------------------- policies


def _policies(old: NodePlan, new: NodePlan) -> tuple[PolicyChange, ...]:
    changes = []
    for name, before, after in pairs(by_name(old.policies, _name), by_name(new.policies, _name)):
        sessions = tuple(each.name for each in (new if after else old).sessions if name in _asked(each))
        removed, added = _rules(before, after)
        changes.append(PolicyChange(name, _kind_of_change(before, after), sessions, removed, added))
    return tuple(changes)


def _kind_of_change(before: object | None, after: object | None) -> ChangeKind:
    if before is None:
        return ChangeKind.ADDED
    return ChangeKind.REMOVED if after is None else ChangeKind.CHANGED


def _rules(before: Policy | None, after: Policy | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rules that go and those that come; one that changes its place does both."""
    old = [rule_text(rule) for rule in before.rules] if before else []
    new = [rule_text(rule) for rule in after.rules] if after else []
    removed: list[str] = []
    added: list[str] = []
    for verb, first, last, new_first, new_last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if verb != "equal":
            removed += old[first:last]
            added += new[new_first:new_last]
    return tuple(removed), tuple(added)


# ---------------------------------------------------------------------------------------- other lists


def _suppressed(old: NodePlan, new: NodePlan) -> tuple[ItemChange, ...]:
    return changed_items("suppressed", old.suppressed, new.suppressed, _name)


def _originations(old: NodePlan, new: NodePlan) -> tuple[ItemChange, ...]:
    return changed_items("origination", old.originations, new.originations, _prefix)


def _prefix(origination: Origination) -> str:
    return origination.prefix
