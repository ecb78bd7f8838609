"""Update groups: peers that must be advertised exactly the same octets, and the one log that they share.

Rule: a turn's transitions are encoded once for the group, into its log; a peer that joins late is sent the whole
Loc-RIB, packed, and then follows the log; one that was cut off (slow_peer) is sent what it missed and follows once
more.
"""

from __future__ import annotations

from reflector.outbound.encoder import Encoder, Move
from reflector.outbound.member import Member
from reflector.outbound.outbox import AdvertisementLog
from reflector.outbound.slow_peer import Contents, Missed
from reflector.plan import Family
from reflector.policy.export import ExportView
from reflector.policy.prefix_classes import PrefixClasses
from reflector.rib.loc_rib import LocRib
from reflector.wire.update import BEGIN_OF_REFRESH, END_OF_REFRESH, end_of_rib, route_refresh

Ribs = dict[Family, LocRib]
Classes = dict[Family, PrefixClasses]


class UpdateGroup:
    """`cut_off` are the members that lag."""

    def __init__(self, view: ExportView) -> None:
        self.view = view
        self.encoder = Encoder(view)
        self.log = AdvertisementLog()
        self.members: list[Member] = []
        self.cut_off: list[Member] = []
        # The whole Loc-RIB of families as it has been since the log's last chunk.
        self._packed: dict[Family, list[bytes]] = {}

    def advertise(self, family: Family, moves: list[Move]) -> bool:
        """Encode a turn into the log. True if there was anything to advertise or withdraw."""
        if family not in self.encoder.advertised:
            return False
        messages, keys = self.encoder.moves(family, moves)
        if messages:
            contents = Contents(keys)
            self.log.append(b"".join(messages), len(messages), contents)
            self._packed = {}
            for member in self.cut_off:
                if member.outbox.missed is not None:
                    member.outbox.missed.note(contents)
        return bool(messages)

    # ------------------------------------------------------------------------------------- members

    def join(self, member: Member, ribs: Ribs, classes: Classes) -> None:
        """The peer is sent the settled Loc-RIB and follows the log from here."""
        families = self.view.key.families
        messages: list[bytes] = []
        for family in families:
            messages += self._everything(family, ribs[family], classes[family])
        member.outbox.push(b"".join(messages), len(messages), Contents(whole=families))
        member.outbox.follow(self.log)
        self.members.append(member)

    def _everything(self, family: Family, rib: LocRib, classes: PrefixClasses) -> list[bytes]:
        """Packed once for all that join or ask while nothing changes."""
        if family not in self._packed:
            self._packed[family] = self.encoder.everything(family, rib, classes)
        return self._packed[family]

    def adopt(self, member: Member) -> None:
        """A peer of another group that has just been sent the difference follows this log from here."""
        member.outbox.follow(self.log)
        self.members.append(member)
        if member.outbox.is_cut_off:
            self.cut_off.append(member)

    def leave(self, member: Member) -> None:
        self.members.remove(member)
        if member.outbox.is_cut_off:
            self.cut_off.remove(member)

    def refresh(self, member: Member, family: Family, rib: LocRib, classes: PrefixClasses) -> None:
        """RFC 2918 4: the peer is sent every route of the family."""
        messages = between_marks(family, self._everything(family, rib, classes), member)
        # What the log still held for the peer is older than this and has to arrive before it.
        member.outbox.leave()
        contents = Contents(whole=(family,), refreshed=(family,))
        member.outbox.push(b"".join(messages), len(messages), contents)
        member.outbox.follow(self.log)

    # ----------------------------------------------------------------------------------- slow members

    def trim(self, lag_bound: int) -> None:
        """Cut off the members that lag more than this many octets; drop the chunks that the others have all been
        handed."""
        oldest = self.log.end
        for member in self.members:
            outbox = member.outbox
            if outbox.missed is not None:
                continue
            if outbox.lags(lag_bound):
                outbox.cut_off()
                member.counters.cut_offs += 1
                self.cut_off.append(member)
            elif outbox.position < oldest:
                oldest = outbox.position
        self.log.trim(oldest)

    def catch_up(self, ribs: Ribs, classes: Classes) -> list[Member]:
        """Members that were cut off and read now are sent what they missed, as it is now, and follow the log from
        here. The ribs are settled."""
        reading = [member for member in self.cut_off if member.outbox.is_drained]
        for member in reading:
            missed = member.outbox.catch_up()
            messages: list[bytes] = []
            for family in self.view.key.families:
                messages += self._missed(member, family, missed, ribs[family], classes[family])
            contents = Contents(
                tuple((family, list(keys)) for family, keys in missed.prefixes.items()),
                tuple(missed.whole),
                tuple(missed.refreshed),
                tuple(missed.ends),
            )
            member.outbox.push(b"".join(messages), len(messages), contents)
            member.outbox.follow(self.log)
            self.cut_off.remove(member)
        return reading

    def _missed(
        self, member: Member, family: Family, missed: Missed, rib: LocRib, classes: PrefixClasses
    ) -> list[bytes]:
        """The family's messages for the peer, with the marks that it would have been sent."""
        announced = self.encoder.announced(family, rib, classes) if family in missed.whole else {}
        newest, withdrawn = self.encoder.newest(family, missed.prefixes[family], rib, classes)
        messages = self.encoder.messages(family, [withdrawn] if withdrawn else [], announced or newest)
        if family in missed.refreshed:
            messages = between_marks(family, messages, member)
        if family in missed.ends:
            messages.append(end_of_rib(family))
        return messages


def between_marks(family: Family, routes: list[bytes], member: Member) -> list[bytes]:
    """The answer to a ROUTE-REFRESH: between the marks of RFC 7313 4 if the peer knows them, else with an End-of-RIB
    after it."""
    if member.marks_refreshes:
        return [route_refresh(family, BEGIN_OF_REFRESH), *routes, route_refresh(family, END_OF_REFRESH)]
    return [*routes, end_of_rib(family)]
