"""Which sessions the learned prefixes come from: how many would have no route left if some sessions ended.

Rule: all candidates count, for a session that ends takes what is best and leaves what is next. A prefix that this node
originates itself loses nothing, and is left out. Prefixes with the same candidates are looked at once.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice

from reflector.engine import Engine
from reflector.messages import SourceCount, Sources
from reflector.rib.loc_rib import LocRib
from reflector.rib.path import Path
from reflector.show.incremental import Incremental

_PREFIXES_A_TURN = 1_000
NO_SESSIONS: tuple[str, ...] = ()


def sources(engine: Engine) -> Incremental[Sources]:
    """Counts of both families, those of the most sessions first."""
    found: list[SourceCount] = []
    for rib in engine.ribs.values():
        counts = yield from _of_family(rib)
        found += [SourceCount(rib.family, sessions, count) for sessions, count in counts.items()]
    return Sources(tuple(sorted(found, key=lambda each: (each.family, -len(each.sessions), each.sessions))))


def _of_family(rib: LocRib) -> Incremental[Counter[tuple[str, ...]]]:
    counts: Counter[tuple[str, ...]] = Counter()
    known: dict[tuple[Path, ...], tuple[str, ...]] = {}
    keys = iter(list(rib.table))
    while part := list(islice(keys, _PREFIXES_A_TURN)):
        for nlri in part:
            candidates = tuple(rib.candidates(nlri))
            if candidates not in known:
                known[candidates] = _sessions(candidates)
            counts[known[candidates]] += 1
        yield
    del counts[NO_SESSIONS]
    return counts


def _sessions(candidates: tuple[Path, ...]) -> tuple[str, ...]:
    """() for a prefix of this node, or one that has gone meanwhile."""
    names = {path.sender.name if path.sender is not None else "" for path in candidates}
    return NO_SESSIONS if "" in names else tuple(sorted(names))
