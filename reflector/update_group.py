"""Update groups: peers that must be told exactly the same octets, and the one encoding made for them.

Rule: a turn's transitions are encoded once per group into its log; a peer that joins late is sent the whole Loc-RIB,
packed, and then follows; one that was cut off (slow_peer) is sent what it missed and follows again. There is no
Adj-RIB-Out table: what a group was told of a prefix is what its view says of the prefix's former path, because views
are deterministic.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from reflector.export import Advertisement, ExportView
from reflector.loc_rib import LocRib, best
from reflector.outbox import AdvertisementLog
from reflector.path import Path
from reflector.plan import Family
from reflector.policy import PrefixClasses
from reflector.slow_peer import Contents, Missed
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

# The identifier of the one path that is sent on add-path sessions.
_BEST_PATH_ID = b"\0\0\0\1"


class ClassTransition(NamedTuple):
    """A transition of prefixes of one class."""

    before: Path | None
    after: Path | None
    prefix_class: int


class UpdateGroup:
    """`advertised` counts the prefixes that members have been told, by family; `cut_off` are members that lag."""

    def __init__(self, view: ExportView) -> None:
        self.view = view
        self.log = AdvertisementLog()
        self.members: list[Peer] = []
        self.cut_off: list[Peer] = []
        self.advertised: dict[Family, int] = dict.fromkeys(view.key.families, 0)
        self._snapshot: tuple[int, list[bytes]] | None = None

    # ------------------------------------------------------------------------------------ turns

    def advertise(self, family: Family, transitions: dict[ClassTransition, list[bytes]]) -> bool:
        """Encode a turn into the log. True if there was anything to tell."""
        if family not in self.advertised:
            return False
        advertisement = self.view.advertisement
        changes = (
            (advertisement(before, prefix_class), advertisement(after, prefix_class), keys)
            for (before, after, prefix_class), keys in transitions.items()
        )
        messages, told = self.encode(family, changes)
        if messages:
            contents = Contents(told)
            self.log.append(b"".join(messages), len(messages), contents)
            self._snapshot = None
            for peer in self.cut_off:
                if peer.outbox.missed is not None:
                    peer.outbox.missed.note(contents)
        return bool(messages)

    def encode(
        self, family: Family, changes: Iterable[tuple[Advertisement | None, Advertisement | None, list[bytes]]]
    ) -> tuple[list[bytes], tuple[tuple[Family, list[bytes]], ...]]:
        """UPDATEs for prefixes that go from one advertisement to another, and the lists of these prefixes; counts them
        in `advertised`."""
        told: list[tuple[Family, list[bytes]]] = []
        withdrawn: list[bytes] = []
        announced: dict[Advertisement, list[bytes]] = {}
        for before, after, keys in changes:
            if _same(before, after):
                continue
            told.append((family, keys))
            if after is None:
                withdrawn += keys
                self.advertised[family] -= len(keys)
            else:
                announced.setdefault(after, []).extend(keys)
                if before is None:
                    self.advertised[family] += len(keys)
        return self._messages(family, withdrawn, announced), tuple(told)

    def _messages(
        self, family: Family, withdrawn: list[bytes], announced: dict[Advertisement, list[bytes]]
    ) -> list[bytes]:
        key = self.view.key
        identified = family in key.add_path
        messages: list[bytes] = []
        if withdrawn:
            messages.extend(withdrawals(family, _identify(withdrawn, identified), key.max_length))
        for advertisement, keys in announced.items():
            next_hop = advertisement.attributes.next_hop
            fields = _identify(keys, identified)
            messages.extend(announcements(family, advertisement.block, next_hop, fields, key.max_length))
        return messages

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
        announced: dict[Advertisement, list[bytes]] = {}
        for nlri, selection in rib.selections():
            advertisement = self.view.advertisement(best(selection), classes.classify(nlri))
            if advertisement is not None:
                announced.setdefault(advertisement, []).append(nlri)
        self.advertised[family] = sum(map(len, announced.values()))
        return self._messages(family, [], announced)

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
        keys = missed.prefixes[family]
        messages = self._encode_newest(
            family, keys | rib.table.keys() if family in missed.whole else keys, rib, classes
        )
        if family in missed.refreshed:
            messages = between_marks(family, messages, peer)
        if family in missed.ends:
            messages.append(end_of_rib(family))
        return messages

    def _encode_newest(self, family: Family, keys: Iterable[bytes], rib: LocRib, classes: PrefixClasses) -> list[bytes]:
        """These prefixes as members are told them now, withdrawn if they are not."""
        withdrawn: list[bytes] = []
        announced: dict[Advertisement, list[bytes]] = {}
        for nlri in keys:
            advertisement = self.view.advertisement(rib.best(nlri), classes.classify(nlri))
            if advertisement is None:
                withdrawn.append(nlri)
            else:
                announced.setdefault(advertisement, []).append(nlri)
        return self._messages(family, withdrawn, announced)


def between_marks(family: Family, routes: list[bytes], peer: Peer) -> list[bytes]:
    """The answer to a ROUTE-REFRESH: between the marks of RFC 7313 4 if the peer knows them, else an End-of-RIB
    after it."""
    if peer.negotiated is not None and peer.negotiated.enhanced_refresh:
        return [route_refresh(family, BEGIN_OF_REFRESH), *routes, route_refresh(family, END_OF_REFRESH)]
    return [*routes, end_of_rib(family)]


def _identify(keys: list[bytes], identified: bool) -> list[bytes]:
    return [_BEST_PATH_ID + nlri for nlri in keys] if identified else keys


def _same(before: Advertisement | None, after: Advertisement | None) -> bool:
    """Equal for the peer, also when two views of one kind of peer made them."""
    if before is None or after is None:
        return before is after
    return before.attributes is after.attributes
