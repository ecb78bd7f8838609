"""A difference as people read it: the summary, then the prefixes of the cluster, then the nodes.

What happens to several nodes alike is printed once for all of them, and so for sessions: a changed filter on 5,000
nodes is read at a glance. The first sign of a line: + added, - removed, ~ changed without a session reset, ! reset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bgpctl.plan_diff.difference import (
    ChangeKind,
    ClusterDifference,
    FieldChange,
    ItemChange,
    PlanDifference,
    PolicyChange,
    PrefixChange,
    SessionChange,
    VerdictChange,
)
from bgpctl.plan_diff.effects import Effect
from bgpctl.plan_diff.summary import counted, summary

SIGNS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~"}
RESET_SIGN = "!"
# Effects whose reason is printed.
EXPLAINED = {Effect.RESET: " ({})", Effect.RESTART: " (waits for a restart: {})"}
MOST_NAMES = 8
NOT_SHOWN = frozenset({"defined_by"})

Names = tuple[str, ...]
Part = tuple[str, ...]


def render_difference(difference: ClusterDifference) -> str:
    """The whole difference as text."""
    lines = [summary(difference)]
    lines += _section("prefixes of the cluster", map(_prefix, difference.prefixes))
    for nodes, parts in _paragraphs(difference.nodes):
        title = f"{'node' if len(nodes) == 1 else counted(len(nodes), 'node')} {_names(nodes)}"
        lines += ["", title, *(f"  {line}" for part in parts for line in part)]
    return "\n".join(lines) + "\n"


def _paragraphs(nodes: Iterable[PlanDifference]) -> list[tuple[Names, list[Part]]]:
    """Nodes, and what happens to exactly these; what concerns most nodes first."""
    concerned: dict[Part, list[str]] = {}
    for node in nodes:
        for part in _parts(node):
            concerned.setdefault(part, []).append(node.node)
    found: dict[Names, list[Part]] = {}
    for part, names in concerned.items():
        found.setdefault(tuple(names), []).append(part)
    return sorted(found.items(), key=lambda paragraph: (-len(paragraph[0]), paragraph[0]))


def _parts(node: PlanDifference) -> Iterator[Part]:
    """What happens to one node, each thing as its lines."""
    if node.change is not ChangeKind.CHANGED:
        yield (f"{SIGNS[node.change]} the whole node",)
    yield from ((f"~ {_field(each)}",) for each in node.fields)
    yield from ((line,) for line in _sessions(node.sessions))
    yield from ((f"{SIGNS[each.change]} suppressed {_item(each)}",) for each in node.suppressed)
    yield from ((f"{SIGNS[each.change]} originates {_item(each)}",) for each in node.originations)
    yield from ((_verdict(each),) for each in node.verdicts)
    yield from (tuple(_policy(each)) for each in node.policies)
    yield from ((f"{SIGNS[each.change]} kernel {each.kind} {_item(each)}",) for each in node.kernel)


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from ("", title, *(f"  {line}" for line in found))


# ------------------------------------------------------------------------------------------- sessions


def _sessions(sessions: Iterable[SessionChange]) -> Iterator[str]:
    alike: dict[tuple[str, str], list[str]] = {}
    for each in sessions:
        alike.setdefault((_sign(each), _what(each)), []).append(_peer(each))
    for (sign, what), peers in alike.items():
        many = "session" if len(peers) == 1 else counted(len(peers), "session")
        yield f"{sign} {many} {_names(peers)}: {what}"


def _sign(session: SessionChange) -> str:
    return RESET_SIGN if session.effect is Effect.RESET else SIGNS[session.change]


def _peer(session: SessionChange) -> str:
    return session.peer_address + (f" ({session.peer_node})" if session.peer_node else "")


def _what(session: SessionChange) -> str:
    if session.change is not ChangeKind.CHANGED:
        return session.defined_by
    changes = [_field(each) for each in session.fields if each.field not in NOT_SHOWN]
    if session.policies:
        changes.append(f"policies {', '.join(session.policies)}")
    verb = "reset" if session.effect is Effect.RESET else "updated"
    what = "; ".join(changes) or "defined by another resource"
    return f"{verb}: {what}" + (f" [{session.defined_by}]" if session.defined_by else "")


def _field(change: FieldChange) -> str:
    why = EXPLAINED.get(change.effect, "").format(change.reason)
    if change.before == change.after:
        return f"{change.field} changed{why}"
    return f"{change.field} {change.before} -> {change.after}{why}"


# --------------------------------------------------------------------------------------------- others


def _item(item: ItemChange) -> str:
    fields = ", ".join(map(_field, item.fields))
    source = item.reason or item.defined_by
    return item.name + (f": {fields}" if fields else "") + (f" [{source}]" if source else "")


def _verdict(change: VerdictChange) -> str:
    return f"~ to {_names(change.sessions)}, {_names(change.prefixes)}: {change.before} -> {change.after}"


def _policy(policy: PolicyChange) -> Iterator[str]:
    yield f"{SIGNS[policy.change]} policy {policy.name}"
    yield from (f"    - {rule}" for rule in policy.rules_removed)
    yield from (f"    + {rule}" for rule in policy.rules_added)


def _prefix(change: PrefixChange) -> str:
    if not change.before:
        return f"+ {change.prefix} from {_names(change.after)}"
    if not change.after:
        return f"- {change.prefix}, was from {_names(change.before)}"
    return f"~ {change.prefix} moves: {_names(change.before)} -> {_names(change.after)}"


def _names(names: Iterable[str]) -> str:
    """The first of many."""
    every = list(names)
    more = len(every) - MOST_NAMES
    return ", ".join(every) if more <= 0 else ", ".join(every[:MOST_NAMES]) + f" and {more} more"
