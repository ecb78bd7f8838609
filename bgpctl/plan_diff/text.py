"""A difference as people read it: the summary, then the prefixes of the cluster, then what happens to which nodes.

What is alike is one line, however many sessions and nodes it concerns: a changed filter on 5,000 nodes is read at a
glance. The first sign of a line: + added, - removed, ~ changed without a session reset, ! reset. The full form has a
paragraph for each node, and every name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bgpctl.plan_diff.alike import MOST_NAMES, Alike, AlikeField, Groups, Some
from bgpctl.plan_diff.cluster import ClusterDifference
from bgpctl.plan_diff.difference import ChangeKind, PrefixChange
from bgpctl.plan_diff.effects import RESETTING, Effect
from bgpctl.plan_diff.summary import counted

SIGNS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~"}
RESET_SIGN = "!"
# Effects whose reason is printed.
EXPLAINED = {Effect.RESET: " ({})", Effect.REPLACE: " ({})"}
MOST_PREFIXES = 20


def render_difference(difference: ClusterDifference) -> str:
    """The whole difference, what is alike once."""
    lines = [difference.summary, *_section("prefixes of the cluster", _prefixes(difference.prefixes))]
    for changes in difference.paragraphs:
        nodes = changes[0].nodes
        title = f"{'node' if nodes.count == 1 else counted(nodes.count, 'node')} {_some(nodes)}"
        lines += _section(title, (line for each in changes for line in _lines(each)))
    return "\n".join(lines) + "\n"


def render_nodes(difference: ClusterDifference) -> str:
    """The same, node by node and with every name."""
    lines = [difference.summary, *_section("prefixes of the cluster", map(_prefix, difference.prefixes))]
    for node in difference.nodes:
        groups = Groups(most=None)
        groups.take(node)
        lines += _section(f"node {node.node}", (line for each in groups.all() for line in _lines(each)))
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from ("", title, *(f"  {line}" for line in found))


def _lines(group: Alike) -> Iterator[str]:
    """One group: a line, and the rules of a policy below it."""
    sign = RESET_SIGN if group.effect in RESETTING and group.what == "session" else SIGNS[group.change]
    match group.what:
        case "node":
            yield f"{sign} the whole node"
        case "field":
            yield f"{sign} {_fields(group)}"
        case "session":
            yield f"{sign} {_sessions(group)}"
        case "origination":
            yield f"{sign} originates {_item(group)}"
        case "advertisement":
            yield f"{sign} to {_some(group.peers)}, {_some(group.names)}: {group.before} -> {group.after}"
        case "policy":
            yield f"{sign} policy {_some(group.names)}"
            yield from _rules("-", group.rules_removed)
            yield from _rules("+", group.rules_added)
        case _:
            yield f"{sign} {group.what} {_item(group)}"


# ------------------------------------------------------------------------------------------- sessions


def _sessions(group: Alike) -> str:
    """A session of each node to the same peer is named once."""
    is_one_each = group.names.count == 1 and group.count == group.nodes.count
    many = "session" if is_one_each else counted(group.count, "session")
    return f"{many} {_some(group.names)}: {_what(group)}"


def _what(group: Alike) -> str:
    if group.change is not ChangeKind.CHANGED:
        return group.defined_by
    changes = [_field(each) for each in group.fields]
    if group.policies:
        changes.append(f"policies {', '.join(group.policies)}")
    verb = "reset" if group.effect in RESETTING else "updated"
    what = "; ".join(changes) or "defined by another resource"
    return f"{verb}: {what}" + (f" [{group.defined_by}]" if group.defined_by else "")


def _fields(group: Alike) -> str:
    return ", ".join(map(_field, group.fields))


def _field(field: AlikeField) -> str:
    change, others = field.change, f" and {field.others} more such changes" if field.others else ""
    why = EXPLAINED.get(change.effect, "").format(change.reason)
    if change.before == change.after:
        return f"{change.field} changed{why}"
    return f"{change.field} {change.before} -> {change.after}{others}{why}"


# --------------------------------------------------------------------------------------------- others


def _item(group: Alike) -> str:
    source = group.reason or group.defined_by
    fields = _fields(group)
    return _some(group.names) + (f": {fields}" if fields else "") + (f" [{source}]" if source else "")


def _rules(sign: str, rules: Some) -> Iterator[str]:
    yield from (f"    {sign} {rule}" for rule in rules.first)
    if rules.more:
        yield f"    {sign} and {counted(rules.more, 'rule')} more"


def _prefixes(prefixes: Sequence[PrefixChange]) -> Iterator[str]:
    yield from map(_prefix, prefixes[:MOST_PREFIXES])
    if len(prefixes) > MOST_PREFIXES:
        yield f"and {counted(len(prefixes) - MOST_PREFIXES, 'prefix change')} more (--full has them all)"


def _prefix(change: PrefixChange) -> str:
    if not change.before:
        return f"+ {change.prefix} from {_names(change.after)}"
    if not change.after:
        return f"- {change.prefix}, was from {_names(change.before)}"
    return f"~ {change.prefix} moves: {_names(change.before)} -> {_names(change.after)}"


def _names(names: tuple[str, ...]) -> str:
    return _some(Some(len(names), names[:MOST_NAMES]))


def _some(names: Some) -> str:
    """The first of many."""
    return ", ".join(names.first) + (f" and {names.more} more" if names.more else "")
