"""The Loc-RIB of one family: the candidates of every prefix and the selected route.

Rule: candidates come and go at once, selection waits for the end of the turn: `settle` runs the decision process for
the prefixes that changed, once each, and reports what became of them. A prefix with one candidate holds just that
path; only a contested one holds a Contest.
Source: RFC 4271 3.2 and 9.1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from reflector.decision import Decision, decide
from reflector.path import Path
from reflector.plan import Family

# What is selected for a prefix: nothing, the only candidate, or the outcome among several.
Selection = Path | Decision | None


Moves = dict[tuple[Path | None, Path | None], list[bytes]]


class Contest:
    """A prefix with several candidates; `decision` is that of the last settled turn."""

    __slots__ = ("candidates", "decision")

    def __init__(self, candidates: list[Path], decision: Selection) -> None:
        self.candidates = candidates
        self.decision = decision


class Transition(NamedTuple):
    """What prefixes went through in a turn; equal for prefixes that moved together.

    next_hops are those of the new selection, one each, empty after a withdrawal.
    """

    before: Path | None
    after: Path | None
    next_hops: tuple[bytes, ...]


class LocRib:
    """`changed` maps each prefix touched in this turn to its selection before it."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.table: dict[bytes, Path | Contest] = {}
        self.changed: dict[bytes, Selection] = {}

    def replace(self, nlri: bytes, old: Path | None, new: Path | None) -> None:
        """A candidate of this prefix comes (old None), goes (new None) or becomes another. Only accepted paths."""
        table = self.table
        current = table.get(nlri)
        if nlri not in self.changed:
            self.changed[nlri] = current.decision if type(current) is Contest else current  # type: ignore[assignment]
        if current is old:
            if new is not None:
                table[nlri] = new
            elif current is not None:
                del table[nlri]
            return
        self._contest(nlri, old, new)

    def _contest(self, nlri: bytes, old: Path | None, new: Path | None) -> None:
        current = self.table[nlri]
        contest = current if isinstance(current, Contest) else Contest([current], current)
        if old is not None:
            contest.candidates.remove(old)
        if new is not None:
            contest.candidates.append(new)
        self.table[nlri] = contest if len(contest.candidates) > 1 else contest.candidates[0]

    def settle(self) -> dict[Transition, list[bytes]]:
        """Select for all changed prefixes; those whose best route or next hops changed, by what they went through."""
        transitions: dict[Transition, list[bytes]] = {}
        for (was, now), keys in self._uncontested_moves(transitions).items():
            transitions.setdefault(Transition(was, now, next_hops(now)), []).extend(keys)
        self.changed = {}
        return transitions

    def _uncontested_moves(self, contested: dict[Transition, list[bytes]]) -> Moves:
        """Prefixes with one candidate before and after, which are nearly all: grouped with no value made for each.
        The others are decided and go into `contested`."""
        moves: Moves = defaultdict(list)
        get = self.table.get
        for nlri, before in self.changed.items():
            entry = get(nlri)
            if type(entry) is Contest or type(before) is Decision:
                self._settle_contested(nlri, before, contested)
            elif entry is not before:
                moves[before, entry].append(nlri)  # type: ignore[index]  # neither is a Decision or a Contest here
        return moves

    def _settle_contested(self, nlri: bytes, before: Selection, transitions: dict[Transition, list[bytes]]) -> None:
        entry = self.table.get(nlri)
        after: Selection
        if isinstance(entry, Contest):
            after = entry.decision = decide(entry.candidates)
        else:
            after = entry
        transition = Transition(best(before), best(after), next_hops(after))
        if transition.before is not transition.after or transition.next_hops != next_hops(before):
            transitions.setdefault(transition, []).append(nlri)

    def best(self, nlri: bytes) -> Path | None:
        """The selected route of the last settled turn."""
        if nlri in self.changed:
            return best(self.changed[nlri])
        entry = self.table.get(nlri)
        return best(entry.decision) if isinstance(entry, Contest) else entry

    def candidates(self, nlri: bytes) -> list[Path]:
        entry = self.table.get(nlri)
        if entry is None:
            return []
        return list(entry.candidates) if isinstance(entry, Contest) else [entry]

    def selections(self) -> Iterator[tuple[bytes, Selection]]:
        """Every prefix with its selection of the last settled turn, in no order."""
        for nlri, entry in self.table.items():
            if nlri not in self.changed:
                yield nlri, entry.decision if isinstance(entry, Contest) else entry
        for nlri, selection in self.changed.items():
            if selection is not None:
                yield nlri, selection


def best(selection: Selection) -> Path | None:
    return selection.best if isinstance(selection, Decision) else selection


def next_hops(selection: Selection) -> tuple[bytes, ...]:
    """The distinct next hops of all equally good routes, ordered; none for a route of this node itself."""
    if selection is None:
        return ()
    if isinstance(selection, Path):
        return () if selection.attributes is None else (selection.attributes.next_hop,)
    return tuple(sorted({path.attributes.next_hop for path in selection.multipath if path.attributes is not None}))
