"""Update groups: peers that must be told exactly the same octets, and the one encoding made for them.

Rule: a turn's transitions are encoded once per group into its log; a peer that joins late is sent the whole Loc-RIB,
packed, and then follows. There is no Adj-RIB-Out table: what a group was told of a prefix is what its view says of the
prefix's former path, because views are deterministic.
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
from reflector.wire.update import announcements, withdrawals

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
    """`advertised` counts the prefixes that members have been told, by family."""

    def __init__(self, view: ExportView) -> None:
        self.view = view
        self.log = AdvertisementLog()
        self.members: list[Peer] = []
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
        messages = self.encode(family, changes)
        if messages:
            self.log.append(b"".join(messages), len(messages))
            self._snapshot = None
        return bool(messages)

    def encode(
        self, family: Family, changes: Iterable[tuple[Advertisement | None, Advertisement | None, list[bytes]]]
    ) -> list[bytes]:
        """UPDATEs for prefixes that go from one advertisement to another; counts them in `advertised`."""
        withdrawn: list[bytes] = []
        announced: dict[Advertisement, list[bytes]] = {}
        for before, after, keys in changes:
            if _same(before, after):
                continue
            if after is None:
                withdrawn += keys
                self.advertised[family] -= len(keys)
            else:
                announced.setdefault(after, []).extend(keys)
                if before is None:
                    self.advertised[family] += len(keys)
        return self._messages(family, withdrawn, announced)

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
        peer.outbox.push(b"".join(messages), len(messages))
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

    def leave(self, peer: Peer) -> None:
        self.members.remove(peer)

    def trim(self) -> None:
        """Forget the chunks that every member has been handed."""
        self.log.trim(min((peer.outbox.position for peer in self.members), default=self.log.end))


def _identify(keys: list[bytes], identified: bool) -> list[bytes]:
    return [_BEST_PATH_ID + nlri for nlri in keys] if identified else keys


def _same(before: Advertisement | None, after: Advertisement | None) -> bool:
    """Equal for the peer, also when two views of one kind of peer made them."""
    if before is None or after is None:
        return before is after
    return before.attributes is after.attributes
