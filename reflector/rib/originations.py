"""The routes of this node itself: the plan's originations, and named sets beside them that outlive a plan.

Rule: only what differs from before changes in the Loc-RIB (originate decides which path stays).
"""

from __future__ import annotations

from itertools import chain

from reflector.addresses import FAMILIES
from reflector.plan import Family, Origination
from reflector.rib.loc_rib import LocRib
from reflector.rib.originate import OriginatedRoute, by_prefix, originated_routes
from reflector.rib.path import Path

OriginationSets = dict[str, tuple[Origination, ...]]


class Originations:
    """`paths` are what is originated now, by family and NLRI; `sets` by name, none of them empty."""

    def __init__(self, ribs: dict[Family, LocRib]) -> None:
        self._ribs = ribs
        self._planned: tuple[Origination, ...] = ()
        self.sets: OriginationSets = {}
        self.paths: dict[Family, dict[bytes, Path]] = {family: {} for family in FAMILIES}
        self._routes: dict[Origination, OriginatedRoute] = {}

    def __len__(self) -> int:
        return sum(map(len, self.paths.values()))

    def plan(self, originations: tuple[Origination, ...]) -> None:
        """Those of the plan from now on."""
        self._planned = originations
        self._replace(self.sets)

    def replace_set(self, name: str, originations: tuple[Origination, ...]) -> None:
        """An empty set is removed. Raises ValueError, with nothing changed, for what cannot be originated."""
        sets = {**self.sets, name: originations}
        self._replace(sets)
        self.sets = {each: some for each, some in sets.items() if some}

    def _replace(self, sets: OriginationSets) -> None:
        originations = (*self._planned, *chain.from_iterable(sets.values()))
        self._routes = originated_routes(originations, self._routes)
        for family, wanted in by_prefix(self._routes.values()).items():
            rib, present = self._ribs[family], self.paths[family]
            # In an order that is the same in a replay: sets of octets are not (journal).
            for nlri in dict.fromkeys((*present, *wanted)):
                before, after = present.get(nlri), wanted.get(nlri)
                if before is not after:
                    rib.replace(nlri, before, after)
            self.paths[family] = wanted
