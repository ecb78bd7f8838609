"""From selected paths to UPDATEs for one kind of peer: what changed, all there is, or the newest of some prefixes.

Rule: there is no Adj-RIB-Out table. What such peers were advertised of a prefix is what the view makes of the prefix's
former selection, because views are deterministic; so a change is encoded from the two selections alone. Prefixes with
equal attributes share UPDATEs (RFC 4271 4.3).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reflector.outbound.add_path import advertised_paths
from reflector.plan import Family
from reflector.policy.export import Advertisement, ExportView
from reflector.policy.prefix_classes import PrefixClasses
from reflector.rib.loc_rib import LocRib, Selection, best, one_list
from reflector.rib.path import Path
from reflector.wire.update import announcements, withdrawals

# What is advertised of a prefix: by path identifier, b"" where the family has none.
Advertised = dict[bytes, Advertisement]
# The very lists of keys that were encoded.
EncodedKeys = tuple[tuple[Family, list[bytes]], ...]
Announced = dict[Advertisement, list[list[bytes]]]


class Move(NamedTuple):
    """Prefixes of one class that went from one selection to another."""

    before: Selection
    after: Selection
    prefix_class: int
    keys: list[bytes]


class Reclassified(NamedTuple):
    """What became of a prefix when the policies changed: its selection, and its class under the old and the new."""

    before: Selection
    after: Selection
    old_class: int
    new_class: int


class Encoder:
    """`advertised` counts the paths that such peers have been sent and not withdrawn, by family."""

    def __init__(self, view: ExportView) -> None:
        self.view = view
        self.advertised: dict[Family, int] = dict.fromkeys(view.key.families, 0)

    def paths_of(self, family: Family, selection: Selection) -> dict[bytes, Path]:
        """The paths that are advertised if export lets them, by identifier as in Advertised."""
        if family in self.view.key.add_path:
            return advertised_paths(selection, self.view.key.add_path_limit)
        path = best(selection)
        return {} if path is None else {b"": path}

    def advertisements(self, family: Family, selection: Selection, prefix_class: int) -> Advertised:
        """What is advertised of prefixes of this class with this selection."""
        advertisement = self.view.advertisement
        if family not in self.view.key.add_path:
            found = advertisement(best(selection), prefix_class)
            return {} if found is None else {b"": found}
        return {
            identifier: found
            for identifier, path in self.paths_of(family, selection).items()
            if (found := advertisement(path, prefix_class)) is not None
        }

    # ----------------------------------------------------------------------------------- changes

    def moves(self, family: Family, moves: list[Move]) -> tuple[list[bytes], EncodedKeys]:
        """UPDATEs for a turn."""
        advertisements = self.advertisements
        return self._encode(
            family,
            (
                (advertisements(family, before, prefix_class), advertisements(family, after, prefix_class), keys)
                for before, after, prefix_class, keys in moves
            ),
        )

    def take_over(
        self, old: Encoder, family: Family, changes: dict[Reclassified, list[bytes]]
    ) -> tuple[list[bytes], EncodedKeys]:
        """UPDATEs from what the old encoder's peers were advertised of all prefixes to what this one's are."""
        self.advertised[family] = old.advertised.get(family, 0)
        return self._encode(
            family,
            (
                (
                    old.advertisements(family, before, old_class),
                    self.advertisements(family, after, new_class),
                    keys,
                )
                for (before, after, old_class, new_class), keys in changes.items()
            ),
        )

    def _encode(
        self, family: Family, changes: Iterable[tuple[Advertised, Advertised, list[bytes]]]
    ) -> tuple[list[bytes], EncodedKeys]:
        """UPDATEs for prefixes that go from one thing to another, and the lists of these keys; counts them."""
        encoded: list[tuple[Family, list[bytes]]] = []
        withdrawn: list[list[bytes]] = []
        announced: Announced = {}
        for before, after, nlris in changes:
            for identifier, advertisement in after.items():
                former = before.get(identifier)
                # Equal for the peer, also when two views of one kind of peer made them.
                if former is not None and former.attributes is advertisement.attributes:
                    continue
                keys = _identify(identifier, nlris)
                encoded.append((family, keys))
                announced.setdefault(advertisement, []).append(keys)
                if former is None:
                    self.advertised[family] += len(keys)
            for identifier in [each for each in before if each not in after]:
                keys = _identify(identifier, nlris)
                encoded.append((family, keys))
                withdrawn.append(keys)
                self.advertised[family] -= len(keys)
        return self.messages(family, withdrawn, announced), tuple(encoded)

    def messages(self, family: Family, withdrawn: list[list[bytes]], announced: Announced) -> list[bytes]:
        key = self.view.key
        gone = list(withdrawals(family, one_list(withdrawn), key.max_length)) if withdrawn else []
        messages: list[bytes] = []
        for advertisement, parts in announced.items():
            next_hop = advertisement.attributes.next_hop
            messages += announcements(family, advertisement.block, next_hop, one_list(parts), key.max_length)
        # With identifiers one path comes before another goes; without, what goes makes room (maximum prefixes).
        return messages + gone if family in key.add_path else gone + messages

    # ------------------------------------------------------------------------------------- tables

    def everything(self, family: Family, rib: LocRib, classes: PrefixClasses) -> list[bytes]:
        """The family's settled Loc-RIB, packed; counts it."""
        announced = self.announced(family, rib, classes)
        self.advertised[family] = sum(len(keys) for parts in announced.values() for keys in parts)
        return self.messages(family, [], announced)

    def announced(self, family: Family, rib: LocRib, classes: PrefixClasses) -> Announced:
        announced: Announced = {}
        for selection, nlris in rib.by_selection().items():
            divided = classes.divide(nlris) if self.view.uses_prefix else {0: nlris}
            for prefix_class, part in divided.items():
                for identifier, advertisement in self.advertisements(family, selection, prefix_class).items():
                    announced.setdefault(advertisement, []).append(_identify(identifier, part))
        return announced

    def newest(
        self, family: Family, keys: Iterable[bytes], rib: LocRib, classes: PrefixClasses
    ) -> tuple[Announced, list[bytes]]:
        """These keys as they are advertised now, and those that are not any more."""
        announced: dict[Advertisement, list[bytes]] = {}
        withdrawn: list[bytes] = []
        length = 4 if family in self.view.key.add_path else 0
        for key in keys:
            nlri = key[length:]
            found = self.advertisements(family, rib.selection(nlri), classes.classify(nlri)).get(key[:length])
            if found is None:
                withdrawn.append(key)
            else:
                announced.setdefault(found, []).append(key)
        return {advertisement: [part] for advertisement, part in announced.items()}, withdrawn


def _identify(identifier: bytes, nlris: list[bytes]) -> list[bytes]:
    return [identifier + nlri for nlri in nlris] if identifier else nlris
