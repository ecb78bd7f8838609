"""What happens to a cluster, with everything that is alike counted instead of repeated.

Rule: changes are alike when the same kind of thing changes in the same way and the same resource defines it, whatever
its name, its node and its values are. So a cluster of any size has as many groups as its resources have ways to change
it. A session between two nodes is in both their plans and counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from bgpctl.plan_diff.difference import (
    ChangeKind,
    DifferenceValue,
    FieldChange,
    ItemChange,
    PlanDifference,
    PolicyChange,
    SessionChange,
    VerdictChange,
)
from bgpctl.plan_diff.effects import Effect
from reflector.addresses import family_of

# So many names, and rules of a policy, stand for all of a group.
MOST_NAMES = 8
# A field of a session that says who defines it, which the group itself does.
NOT_SHOWN = frozenset({"defined_by"})

SessionKey = tuple[object, ...]


class Some(DifferenceValue, frozen=True):
    """The first names of so many."""

    count: int
    first: tuple[str, ...]

    @property
    def more(self) -> int:
        return self.count - len(self.first)


class AlikeField(DifferenceValue, frozen=True):
    """A field that changes, with its values at one place; at `others` more places they are others."""

    change: FieldChange
    others: int


class Alike(DifferenceValue, frozen=True):
    """A group of changes.

    what       "session", "suppressed", "origination", "advertisement", "policy", "field", "node", "kernel rule" ...
    effect     of a session that stays
    count      of sessions, prefixes, policies ...
    names      of the peers or prefixes; of a field or a policy its name
    nodes      on which
    policies   that the sessions ask, and whose rules differ
    reason     of a suppressed session: why it is suppressed
    before, after   how prefixes are advertised to `peers`
    rules_removed, rules_added   of policies, those of most nodes first
    """

    what: str
    change: ChangeKind
    effect: Effect
    count: int
    names: Some
    nodes: Some
    defined_by: str = ""
    fields: tuple[AlikeField, ...] = ()
    policies: tuple[str, ...] = ()
    reason: str = ""
    before: str = ""
    after: str = ""
    peers: Some = Some(0, ())
    rules_removed: Some = Some(0, ())
    rules_added: Some = Some(0, ())


class Kind(NamedTuple):
    """What makes changes alike; the fields are those of Alike."""

    what: str
    change: ChangeKind
    effect: Effect = Effect.SOFT
    defined_by: str = ""
    field_names: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    reason: str = ""
    before: str = ""
    after: str = ""
    name: str = ""


@dataclass(slots=True)
class Group:
    """One group while it grows: dictionaries for their order."""

    nodes: dict[str, None] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    members: set[SessionKey] = field(default_factory=set)
    values: list[dict[tuple[str, str], FieldChange]] = field(default_factory=list)
    peers: dict[str, None] = field(default_factory=dict)
    reason: str = ""
    rules_removed: dict[str, int] = field(default_factory=dict)
    rules_added: dict[str, int] = field(default_factory=dict)

    def add(self, node: str, name: str, member: SessionKey, fields: Iterable[FieldChange]) -> None:
        self.nodes[node] = None
        self.names[name] = None
        self.members.add(member)
        for place, each in enumerate(fields):
            if place == len(self.values):
                self.values.append({})
            self.values[place].setdefault((each.before, each.after), each)


class Groups:
    """Takes the differences of nodes one by one. `most` names are given for each group; None: all."""

    def __init__(self, most: int | None = MOST_NAMES) -> None:
        self._most = most
        self._found: dict[Kind, Group] = {}

    def take(self, node: PlanDifference) -> None:
        if node.change is not ChangeKind.CHANGED:
            self._add(Kind("node", node.change), node.node, node.node)
        for change in node.fields:
            kind = Kind("field", ChangeKind.CHANGED, change.effect, field_names=(change.field,))
            self._add(kind, node.node, change.field, fields=(change,))
        for session in node.sessions:
            self._session(node.node, session)
        for verdict in node.verdicts:
            self._verdict(node.node, verdict)
        for policy in node.policies:
            self._policy(node.node, policy)
        for item in (*node.suppressed, *node.originations):
            self._item(node.node, item, item.kind)
        for item in node.kernel:
            self._item(node.node, item, f"kernel {item.kind}")

    def all(self) -> tuple[Alike, ...]:
        """In the order in which they came."""
        return tuple(self._alike(kind, group) for kind, group in self._found.items())

    def by_nodes(self) -> Iterator[tuple[tuple[str, ...], list[Alike]]]:
        """Nodes, and what happens to exactly these; what concerns most nodes first."""
        found: dict[tuple[str, ...], list[Alike]] = {}
        for kind, group in self._found.items():
            found.setdefault(tuple(group.nodes), []).append(self._alike(kind, group))
        yield from sorted(found.items(), key=lambda paragraph: (-len(paragraph[0]), paragraph[0]))

    def _add(
        self, kind: Kind, node: str, name: str, member: SessionKey = (), fields: Iterable[FieldChange] = ()
    ) -> Group:
        group = self._found.get(kind)
        if group is None:
            group = self._found[kind] = Group()
        group.add(node, name, member or (node, name), fields)
        return group

    def _session(self, node: str, session: SessionChange) -> None:
        fields = [each for each in session.fields if each.field not in NOT_SHOWN]
        kind = Kind(
            "session",
            session.change,
            session.effect,
            both_ends(session.defined_by),
            tuple(each.field for each in fields),
            session.policies,
        )
        self._add(kind, node, peer_of(session), session_key(node, session), fields)

    def _item(self, node: str, item: ItemChange, what: str) -> None:
        """The reason of a suppressed session may have its address in it."""
        names = tuple(each.field for each in item.fields)
        reason = item.reason.replace(item.name.partition(" ")[0], "") if item.reason else ""
        kind = Kind(what, item.change, defined_by=item.defined_by, field_names=names, reason=reason)
        group = self._add(kind, node, item.name, fields=item.fields)
        group.reason = group.reason or item.reason

    def _verdict(self, node: str, change: VerdictChange) -> None:
        """A member for each prefix of the node, whatever the number of its peers."""
        kind = Kind("advertisement", ChangeKind.CHANGED, before=change.before, after=change.after)
        for prefix in change.prefixes:
            group = self._add(kind, node, prefix)
        group.peers |= dict.fromkeys(change.sessions)

    def _policy(self, node: str, policy: PolicyChange) -> None:
        group = self._add(Kind("policy", policy.change, name=policy.name), node, policy.name)
        for rules, found in ((policy.rules_removed, group.rules_removed), (policy.rules_added, group.rules_added)):
            for rule in rules:
                found[rule] = found.get(rule, 0) + 1

    def _alike(self, kind: Kind, group: Group) -> Alike:
        return Alike(
            what=kind.what,
            change=kind.change,
            effect=kind.effect,
            count=len(group.members),
            names=self._some(group.names),
            nodes=self._some(group.nodes),
            defined_by=kind.defined_by,
            fields=tuple(AlikeField(next(iter(each.values())), len(each) - 1) for each in group.values),
            policies=kind.policies,
            reason=group.reason,
            before=kind.before,
            after=kind.after,
            peers=self._some(group.peers),
            rules_removed=self._rules(group.rules_removed),
            rules_added=self._rules(group.rules_added),
        )

    def _some(self, names: Iterable[str]) -> Some:
        every = tuple(names)
        return Some(len(every), every[: self._most])

    def _rules(self, counts: dict[str, int]) -> Some:
        """What is alike on most nodes first, else in the order of the policy."""
        return self._some(sorted(counts, key=lambda rule: -counts[rule]))


def session_key(node: str, session: SessionChange) -> SessionKey:
    """The same for both ends of a session between two nodes."""
    if not session.peer_node:
        return node, session.peer_address
    first, second = sorted((node, session.peer_node))
    return first, second, family_of(session.peer_address)


def peer_of(session: SessionChange) -> str:
    return session.peer_address + (f" ({session.peer_node})" if session.peer_node else "")


def both_ends(defined_by: str) -> str:
    """ "BGPPeer rr" of "BGPPeer rr, seen from its peer"."""
    return defined_by.partition(",")[0]
