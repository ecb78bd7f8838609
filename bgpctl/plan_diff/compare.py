"""Comparing plan values: fields of two values, entries of two lists.

Rule: what differs is found by walking the fields that msgspec knows, so a field that the plan gains is compared from
its first day; what its change does comes from the table of effects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from bgpctl.compiler.rendering.plan_text import limit_text
from bgpctl.plan_diff.difference import ChangeKind, FieldChange, ItemChange
from bgpctl.plan_diff.effects import EffectRow, effect_of, worst
from reflector.plan import Listen, MaximumPrefixes, Password, Value

V = TypeVar("V", bound=Value)

NONE = "none"


def changed_fields(old: Value, new: Value, *, but: frozenset[str] = frozenset()) -> tuple[FieldChange, ...]:
    """The fields in which two values of one kind differ, in the order of the plan, without those named in `but`."""
    if old == new:
        return ()
    kind = type(old)
    changes = []
    for field in kind.__struct_fields__:
        before, after = getattr(old, field), getattr(new, field)
        if before != after and field not in but:
            effect, reason = _row(kind, field, before, after)
            changes.append(FieldChange(field, as_text(before), as_text(after), effect, reason))
    return tuple(changes)


def _row(kind: type[Value], field: str, before: object, after: object) -> EffectRow:
    """What the change does. A value that was there before and is after counts by what changed inside it."""
    if not isinstance(before, Value) or not isinstance(after, Value) or type(before) is not type(after):
        return effect_of(kind, field)
    inner = changed_fields(before, after)
    effect = worst(each.effect for each in inner)
    return EffectRow(effect, next(each.reason for each in inner if each.effect is effect))


def as_text(value: object) -> str:
    """A field's value for people; never a secret."""
    match value:
        case None | "" | ():
            return NONE
        case bool():
            return "yes" if value else "no"
        case Password():
            return "set"
        case Listen(address, port):
            return f"{address} port {port}"
        case MaximumPrefixes():
            return limit_text(value)
        case tuple():
            return ", ".join(map(as_text, value))
        case _:
            return str(value)


def by_name(values: Iterable[V], name: Callable[[V], str]) -> dict[str, V]:
    """The values by name; one whose name is taken becomes "name (2)", so that none is lost."""
    found: dict[str, V] = {}
    for value in values:
        first = key = name(value)
        count = 1
        while key in found:
            count += 1
            key = f"{first} ({count})"
        found[key] = value
    return found


def pairs(old: dict[str, V], new: dict[str, V]) -> Iterator[tuple[str, V | None, V | None]]:
    """The entries that are not the same in both: those of `new` in order, then those that are gone."""
    for name, after in new.items():
        before = old.get(name)
        if before != after:
            yield name, before, after
    for name, before in old.items():
        if name not in new:
            yield name, before, None


def changed_items(
    kind: str, old: Iterable[V], new: Iterable[V], name: Callable[[V], str], *, but: frozenset[str] = frozenset()
) -> tuple[ItemChange, ...]:
    """The entries of two lists that differ, `name` identifying them; fields in `but` are not compared here."""
    changes = []
    for key, before, after in pairs(by_name(old, name), by_name(new, name)):
        defined_by, reason = (str(getattr(after or before, each, "")) for each in ("defined_by", "reason"))
        if before is None or after is None:
            changes.append(
                ItemChange(
                    kind, key, ChangeKind.ADDED if before is None else ChangeKind.REMOVED, (), defined_by, reason
                )
            )
        elif fields := changed_fields(before, after, but=but):
            changes.append(ItemChange(kind, key, ChangeKind.CHANGED, fields, defined_by, reason))
    return tuple(changes)


def changed_names(kind: str, old: Iterable[str], new: Iterable[str]) -> tuple[ItemChange, ...]:
    """The same for lists of plain prefixes or addresses."""
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    return (
        *(ItemChange(kind, each, ChangeKind.ADDED) for each in after if each not in before),
        *(ItemChange(kind, each, ChangeKind.REMOVED) for each in before if each not in after),
    )


def order_change(kind: type[Value], field: str) -> FieldChange:
    """For a list that differs while none of its entries does."""
    effect, reason = effect_of(kind, field)
    return FieldChange(field, "in one order", "in another order", effect, reason)
