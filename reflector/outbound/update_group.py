"""Update groups: peers that must be told exactly the same octets, and the one encoding made for them.

Rule: a turn's transitions are encoded once per group into its log; a peer that joins late is sent the whole Loc-RIB,
packed, and then follows; one that was cut off (slow_peer) is sent what it missed and follows again. There is no
Adj-RIB-Out table: what a group was told of a prefix is what its view says of the prefix's former path, because views
are deterministic.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from reflector.outbound.add_path import told_paths
from reflector.outbound.outbox import AdvertisementLog
from reflector.outbound.slow_peer import Contents, Missed
from reflector.plan import Family
from reflector.policy.export import Advertisement, ExportView
from reflector.policy.rules import PrefixClasses
from reflector.rib.loc_rib import LocRib, Selection, best, one_list
from reflector.rib.path import Path
from reflector.wire.update import (
    BEGIN_OF_REFRESH,
    END_OF_REFRESH,
    announcements,
    end_of_rib,
    route_refresh,
    withdrawals,
)

if TYPE_CHECKING:
    from reflector.peer import Peer

# What a group is told of a prefix: by path identifier, b"" where the family has none.
Said = dict[bytes, Advertisement]
Told = tuple[tuple[Family, list[bytes]], ...]
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


class UpdateGroup:
    """`advertised` counts the paths that members have been told, by family; `cut_off` are members that lag."""

    def __init__(self, view: ExportView) -> None:
        self.view = view
        self.log = AdvertisementLog()
        self.members: list[Peer] = []
        self.cut_off: list[Peer] = []
        self.advertised: dict[Family, int] = dict.fromkeys(view.key.families, 0)
        self._snapshot: tuple[int, list[bytes]] | None = None

    def said(self, family: Family, selection: Selection, prefix_class: int) -> Said:
        """What members are told of prefixes of this class with this selection."""
        advertisement = self.view.advertisement
        if family not in self.view.key.add_path:
            told = advertisement(best(selection), prefix_class)
            return {} if told is None else {b"": told}
        return {
            identifier: told
            for identifier, path in self.paths_of(family, selection).items()
            if (told := advertisement(path, prefix_class)) is not None
        }

    def paths_of(self, family: Family, selection: Selection) -> dict[bytes, Path]:
        """The paths of which members are told what export leaves of them, as `said` keys them."""
        if family in self.view.key.add_path:
            return told_paths(selection, self.view.key.add_path_limit)
        path = best(selection)
        return {} if path is None else {b"": path}

    # ------------------------------------------------------------------------------------ turns

    def advertise(self, family: Family, moves: list[Move]) -> bool:
        """Encode a turn into the log. True if there was anything to tell."""
        if family not in self.advertised:
            return False
        said = self.said
        changes = (
            (said(family, before, prefix_class), said(family, after, prefix_class), keys)
            for before, after, prefix_class, keys in moves
        )
        messages, told = self._encode(family, changes)
        if messages:
            contents = Contents(told)
            self.log.append(b"".join(messages), len(messages), contents)
            self._snapshot = None
            for peer in self.cut_off:
                if peer.outbox.missed is not None:
                    peer.outbox.missed.note(contents)
        return bool(messages)

    def take_over(
        self, old: UpdateGroup, family: Family, changes: dict[Reclassified, list[bytes]]
    ) -> tuple[list[bytes], Told]:
        """UPDATEs from what members of the old group were told of all prefixes to what this one has to tell them."""
        self.advertised[family] = old.advertised.get(family, 0)
        said, was_said = self.said, old.said
        told = (
            (was_said(family, before, old_class), said(family, after, new_class), keys)
            for (before, after, old_class, new_class), keys in changes.items()
        )
        return self._encode(family, told)

    def _encode(self, family: Family, changes: Iterable[tuple[Said, Said, list[bytes]]]) -> tuple[list[bytes], Told]:
        """UPDATEs for prefixes that go from one thing said to another, and the lists of these keys; counts them in
        `advertised`."""
        told: list[tuple[Family, list[bytes]]] = []
        withdrawn: list[list[bytes]] = []
        announced: Announced = {}
        for before, after, nlris in changes:
            for identifier, advertisement in after.items():
                former = before.get(identifier)
                # Equal for the peer, also when two views of one kind of peer made them.
                if former is not None and former.attributes is advertisement.attributes:
                    continue
                keys = _identify(identifier, nlris)
                told.append((family, keys))
                announced.setdefault(advertisement, []).append(keys)
                if former is None:
                    self.advertised[family] += len(keys)
            for identifier in [each for each in before if each not in after]:
                keys = _identify(identifier, nlris)
                told.append((family, keys))
                withdrawn.append(keys)
                self.advertised[family] -= len(keys)
        return self._messages(family, withdrawn, announced), tuple(told)

    def _messages(self, family: Family, withdrawn: list[list[bytes]], announced: Announced) -> list[bytes]:
        key = self.view.key
        gone = list(withdrawals(family, one_list(withdrawn), key.max_length)) if withdrawn else []
        messages: list[bytes] = []
        for advertisement, parts in announced.items():
            next_hop = advertisement.attributes.next_hop
            messages += announcements(family, advertisement.block, next_hop, one_list(parts), key.max_length)
        # With identifiers one path comes before another goes; without, what goes makes room (maximum prefixes).
        return messages + gone if family in key.add_path else gone + messages

    # --------------------------------------------------------------------------------- late joiners

    def join(self, peer: Peer, ribs: dict[Family, LocRib], classes: dict[Family, PrefixClasses]) -> None:
        """The peer is sent the settled Loc-RIB and follows the log from here."""
        if self._snapshot is None or self._snapshot[0] != self.log.end:
            families = self.view.key.families
            messages: list[bytes] = []
            for family in families:
                messages += self.encode_all(family, ribs[family], classes[family])
            self._snapshot = (self.log.end, messages)
        messages = self._snapshot[1]
        peer.outbox.push(b"".join(messages), len(messages), Contents(whole=self.view.key.families))
        peer.outbox.follow(self.log)
        self.members.append(peer)

    def encode_all(self, family: Family, rib: LocRib, classes: PrefixClasses) -> list[bytes]:
        """The family's settled Loc-RIB as members are told it, packed."""
        announced = self._all(family, rib, classes)
        self.advertised[family] = sum(len(keys) for parts in announced.values() for keys in parts)
        return self._messages(family, [], announced)

    def _all(self, family: Family, rib: LocRib, classes: PrefixClasses) -> Announced:
        announced: Announced = {}
        for selection, nlris in rib.by_selection().items():
            divided = classes.divide(nlris) if self.view.uses_prefix else {0: nlris}
            for prefix_class, part in divided.items():
                for identifier, advertisement in self.said(family, selection, prefix_class).items():
                    announced.setdefault(advertisement, []).append(_identify(identifier, part))
        return announced

    def adopt(self, peer: Peer) -> None:
        """A peer of another group that has just been told the difference follows this log from here."""
        peer.group = self
        peer.outbox.follow(self.log)
        self.members.append(peer)
        if peer.outbox.is_cut_off:
            self.cut_off.append(peer)

    def leave(self, peer: Peer) -> None:
        self.members.remove(peer)
        if peer.outbox.is_cut_off:
            self.cut_off.remove(peer)

    def refresh(self, peer: Peer, family: Family, rib: LocRib, classes: PrefixClasses) -> None:
        """RFC 2918 4: the peer is sent everything of the family again."""
        messages = between_marks(family, self.encode_all(family, rib, classes), peer)
        # What the log still held for the peer is older than this and has to arrive before it.
        peer.outbox.leave()
        contents = Contents(whole=(family,), refreshed=(family,))
        peer.outbox.push(b"".join(messages), len(messages), contents)
        peer.outbox.follow(self.log)

    # ----------------------------------------------------------------------------------- slow members

    def trim(self, lag_bound: int) -> None:
        """Cut off the members that lag more than this many octets; forget the chunks that the others have all been
        handed."""
        oldest = self.log.end
        for peer in self.members:
            outbox = peer.outbox
            if outbox.missed is not None:
                continue
            if outbox.lags(lag_bound):
                outbox.cut_off()
                peer.counters.cut_offs += 1
                self.cut_off.append(peer)
            elif outbox.position < oldest:
                oldest = outbox.position
        self.log.trim(oldest)

    def catch_up(self, ribs: dict[Family, LocRib], classes: dict[Family, PrefixClasses]) -> list[Peer]:
        """Members that were cut off and read again are told what they missed, as it is now, and follow the log from
        here. The ribs are settled."""
        reading = [peer for peer in self.cut_off if peer.outbox.is_drained]
        for peer in reading:
            missed = peer.outbox.catch_up()
            messages: list[bytes] = []
            for family in self.view.key.families:
                messages += self._make_up(peer, family, missed, ribs[family], classes[family])
            contents = Contents(
                tuple((family, list(keys)) for family, keys in missed.prefixes.items()),
                tuple(missed.whole),
                tuple(missed.refreshed),
                tuple(missed.ends),
            )
            peer.outbox.push(b"".join(messages), len(messages), contents)
            peer.outbox.follow(self.log)
            self.cut_off.remove(peer)
        return reading

    def _make_up(self, peer: Peer, family: Family, missed: Missed, rib: LocRib, classes: PrefixClasses) -> list[bytes]:
        """The family's messages for the peer, with the marks that it would have been sent."""
        announced = self._all(family, rib, classes) if family in missed.whole else {}
        newest, withdrawn = self._newest(family, missed.prefixes[family], rib, classes)
        messages = self._messages(family, [withdrawn] if withdrawn else [], announced or newest)
        if family in missed.refreshed:
            messages = between_marks(family, messages, peer)
        if family in missed.ends:
            messages.append(end_of_rib(family))
        return messages

    def _newest(
        self, family: Family, keys: Iterable[bytes], rib: LocRib, classes: PrefixClasses
    ) -> tuple[Announced, list[bytes]]:
        """These keys as members are told them now, and those that they are not told any more."""
        announced: dict[Advertisement, list[bytes]] = {}
        withdrawn: list[bytes] = []
        length = 4 if family in self.view.key.add_path else 0
        for key in keys:
            nlri = key[length:]
            advertisement = self.said(family, rib.selection(nlri), classes.classify(nlri)).get(key[:length])
            if advertisement is None:
                withdrawn.append(key)
            else:
                announced.setdefault(advertisement, []).append(key)
        return {advertisement: [part] for advertisement, part in announced.items()}, withdrawn


def between_marks(family: Family, routes: list[bytes], peer: Peer) -> list[bytes]:
    """The answer to a ROUTE-REFRESH: between the marks of RFC 7313 4 if the peer knows them, else an End-of-RIB
    after it."""
    if peer.negotiated is not None and peer.negotiated.enhanced_refresh:
        return [route_refresh(family, BEGIN_OF_REFRESH), *routes, route_refresh(family, END_OF_REFRESH)]
    return [*routes, end_of_rib(family)]


def _identify(identifier: bytes, nlris: list[bytes]) -> list[bytes]:
    return [identifier + nlri for nlri in nlris] if identifier else nlris
