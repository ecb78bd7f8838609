"""The Loc-RIB of one family: the candidates of every prefix and the selected route.

Rule: candidates come and go at once, selection waits for the end of the turn: `settle` runs the decision process for
the prefixes that changed, once each, and reports what became of them. A prefix with one candidate holds just that
path; one with several holds Candidates. Prefixes that are new in a turn and were not touched a second time
stay together as they came, for nearly all are.
Source: RFC 4271 3.2 and 9.1.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from reflector.plan import Family
from reflector.rib.decision import STEPS_TO_MULTIPATH, Decision, Step, decide, explain_decision
from reflector.rib.path import Path
from reflector.verdict import RouteVerdict

# What is selected for a prefix: nothing, the only candidate, or the outcome among several.
Selection = Path | Decision | None


# A prefix with more candidates than this is crowded: what a peer with add-path can bring about, few others do.
CROWDED = 16


class Candidates:
    """A prefix with several candidates; `decision` is that of the last settled turn.

    Most have two or three, and a list is the least memory. In one of thousands a path is found by its place in a
    dict, so that replacing all of them is no work of n * n; then `by_sender` counts those of each peer."""

    __slots__ = ("_paths", "by_sender", "decision")

    def __init__(self, first: Path) -> None:
        self._paths: list[Path] | dict[Path, None] = [first]
        self.by_sender: dict[str, int] | None = None
        self.decision: Selection = first

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def paths(self) -> list[Path]:
        """In the order in which they came; not to be changed."""
        return self._paths if isinstance(self._paths, list) else [*self._paths]

    def replace(self, old: Path | None, new: Path | None) -> None:
        """`old` goes, `new` comes behind the others."""
        paths = self._paths
        if isinstance(paths, dict):
            self._replace_in_crowd(paths, old, new)
            return
        if old is not None:
            paths.remove(old)
        if new is not None:
            paths.append(new)
        if len(paths) > CROWDED:
            self._paths = dict.fromkeys(paths)
            self.by_sender = Counter(map(_sender, paths))

    def _replace_in_crowd(self, paths: dict[Path, None], old: Path | None, new: Path | None) -> None:
        assert self.by_sender is not None  # noqa: S101  a crowd is counted
        if old is not None:
            del paths[old]
            self.by_sender[_sender(old)] -= 1
        if new is not None:
            paths[new] = None
            self.by_sender[_sender(new)] = self.by_sender.get(_sender(new), 0) + 1
        if len(paths) <= CROWDED // 2:
            self._paths, self.by_sender = [*paths], None


def _sender(path: Path) -> str:
    return path.sender.name if path.sender is not None else ""


class Transition(NamedTuple):
    """What prefixes went through in a turn; equal for prefixes that moved together. The two differ, but not always in
    what is best."""

    before: Selection
    after: Selection


Transitions = dict[Transition, list[bytes]]


class LocRib:
    """`changed` maps each prefix touched in this turn to its selection before it, but for the prefixes in `fresh`:
    those had none, and stand in `_runs` as they came. `crowded` are the prefixes with so many candidates that those of
    each peer are counted. `depth` and `steps`: see decision.decide."""

    def __init__(self, family: Family, steps: Sequence[Step] = STEPS_TO_MULTIPATH) -> None:
        self.family = family
        self.steps = steps
        self.table: dict[bytes, Path | Candidates] = {}
        self.changed: dict[bytes, Selection] = {}
        self.fresh: set[bytes] = set()
        self.crowded: set[bytes] = set()
        self.depth = 0
        self._runs: list[tuple[Path, list[bytes]]] = []

    @property
    def is_settled(self) -> bool:
        return not self.changed and not self._runs

    def add(self, path: Path, keys: list[bytes]) -> None:
        """The path becomes a candidate of all these prefixes, none of which has one from the same source."""
        table, added = self.table, dict.fromkeys(keys, path)
        if not table.keys().isdisjoint(keys) or not self.changed.keys().isdisjoint(keys):
            for nlri in added:
                self.replace(nlri, None, path)
            return
        table.update(added)
        self.fresh.update(added)
        self._runs.append((path, keys if len(keys) == len(added) else list(added)))

    def remove(self, candidates: Iterable[tuple[bytes, Path | None]]) -> None:
        """These go from their prefixes; those that are None or not accepted were none."""
        table, changed, fresh = self.table, self.changed, self.fresh
        for nlri, path in candidates:
            if path is None or path.attributes is None:
                continue
            if table.get(nlri) is path:
                # `replace` for the only candidate, which nearly all are.
                if nlri not in changed:
                    changed[nlri] = None if nlri in fresh else path
                del table[nlri]
            else:
                self.replace(nlri, path, None)

    def replace(self, nlri: bytes, old: Path | None, new: Path | None) -> None:
        """A candidate of this prefix comes (old None), goes (new None) or becomes another. Only accepted paths."""
        table = self.table
        current = table.get(nlri)
        if nlri not in self.changed:
            self._remember(nlri, current)
        if current is old:
            if new is not None:
                table[nlri] = new
            elif current is not None:
                del table[nlri]
            return
        self._replace_among(nlri, old, new)

    def _remember(self, nlri: bytes, current: Path | Candidates | None) -> None:
        if nlri in self.fresh:
            self.changed[nlri] = None
        else:
            self.changed[nlri] = current.decision if type(current) is Candidates else current  # type: ignore[assignment]

    def _replace_among(self, nlri: bytes, old: Path | None, new: Path | None) -> None:
        current = self.table[nlri]
        candidates = current if isinstance(current, Candidates) else Candidates(current)
        candidates.replace(old, new)
        self.table[nlri] = candidates if len(candidates) > 1 else candidates.paths[0]
        if candidates.by_sender is not None:
            self.crowded.add(nlri)
        elif self.crowded:
            self.crowded.discard(nlri)

    def deepen(self, depth: int) -> None:
        """From now on so many candidates are ranked, also where nothing else changes."""
        if depth > self.depth:
            self.depth = depth
            self._decide_all()

    def decide_by(self, steps: Sequence[Step]) -> None:
        """From now on by these steps, also what has been decided."""
        if steps is not self.steps:
            self.steps = steps
            self._decide_all()

    def _decide_all(self) -> None:
        for nlri, entry in self.table.items():
            if type(entry) is Candidates:
                self.changed.setdefault(nlri, entry.decision)

    # ---------------------------------------------------------------------------------- selection

    def settle(self) -> Transitions:
        """Select for all changed prefixes; those whose selection changed, by what they went through."""
        transitions = self._settle_changed() if self.changed else {}
        for path, keys in self._untouched_runs().items():
            transition = Transition(None, path)
            # The same path may also have come to prefixes that had another one before in this turn.
            transitions[transition] = [*transitions[transition], *keys] if transition in transitions else keys
        self.changed, self.fresh, self._runs = {}, set(), []
        return transitions

    def _untouched_runs(self) -> dict[Path, list[bytes]]:
        """Prefixes that are new in this turn and not in `changed`, by path."""
        changed = self.changed
        runs: dict[Path, list[list[bytes]]] = {}
        for path, keys in self._runs:
            if changed and not changed.keys().isdisjoint(keys):
                keys = [nlri for nlri in keys if nlri not in changed]
            if keys:
                runs.setdefault(path, []).append(keys)
        return {path: one_list(parts) for path, parts in runs.items()}

    def _settle_changed(self) -> Transitions:
        moves: defaultdict[tuple[Selection, Selection], list[bytes]] = defaultdict(list)
        get = self.table.get
        for nlri, before in self.changed.items():
            entry = get(nlri)
            after: Selection
            if type(entry) is Candidates:
                after = entry.decision = decide(entry.paths, self.depth, self.steps)
                if after == before:
                    continue
            else:
                after = entry  # type: ignore[assignment]  # no Candidates
                if after is before:
                    continue
            moves[before, after].append(nlri)
        return {Transition(*moved): keys for moved, keys in moves.items()}

    def selection(self, nlri: bytes) -> Selection:
        """That of the last settled turn."""
        if nlri in self.changed:
            return self.changed[nlri]
        if nlri in self.fresh:
            return None
        entry = self.table.get(nlri)
        return entry.decision if isinstance(entry, Candidates) else entry

    def by_selection(self) -> dict[Selection, list[bytes]]:
        """The whole settled table."""
        grouped: defaultdict[Selection, list[bytes]] = defaultdict(list)
        for nlri, entry in self.table.items():
            grouped[entry.decision if type(entry) is Candidates else entry].append(nlri)  # type: ignore[index]
        return grouped

    def best(self, nlri: bytes) -> Path | None:
        """The selected route of the last settled turn."""
        return best(self.selection(nlri))

    def candidates(self, nlri: bytes) -> list[Path]:
        entry = self.table.get(nlri)
        if entry is None:
            return []
        return list(entry.paths) if isinstance(entry, Candidates) else [entry]

    def candidates_from(self, nlri: bytes, sender: str) -> int:
        """How many candidates of a crowded prefix are this peer's."""
        entry = self.table.get(nlri)
        counted = entry.by_sender if isinstance(entry, Candidates) else None
        return 0 if counted is None else counted.get(sender, 0)

    def prefixes(self) -> list[bytes]:
        """A copy of all prefixes for which there may be a selection, in no order."""
        return [*self.table, *(nlri for nlri in self.changed if nlri not in self.table)]

    def verdicts(self, nlri: bytes) -> dict[Path, RouteVerdict]:
        """Each candidate with BEST or the step it lost at."""
        candidates = self.candidates(nlri)
        return dict(explain_decision(candidates, self.steps)) if candidates else {}


def one_list(parts: list[list[bytes]]) -> list[bytes]:
    """All keys of these lists; the very list if there is one."""
    return parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))


def best(selection: Selection) -> Path | None:
    return selection.best if isinstance(selection, Decision) else selection


def next_hops(selection: Selection) -> tuple[bytes, ...]:
    """The distinct next hops of all equally good routes, ordered; none for a route of this node itself."""
    if selection is None:
        return ()
    if isinstance(selection, Path):
        return () if selection.attributes is None else (selection.attributes.next_hop,)
    return tuple(sorted({path.attributes.next_hop for path in selection.multipath if path.attributes is not None}))
