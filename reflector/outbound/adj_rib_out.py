"""Adj-RIB-Out: what peers are advertised; which update group each is in, and everything that is queued for them.

Rule: a settled change is encoded once a group; a peer is in the group that its ExportKey names, and moves to another
one with the difference between what the two advertise. A peer that has something to send is ready, once a turn.
Source: RFC 4271 9.2 (advertisement), RFC 2918 4 (refresh), RFC 4724 2 (End-of-RIB).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from reflector.drain import Stage
from reflector.outbound.add_path import depth_for
from reflector.outbound.encoder import Move, Reclassified
from reflector.outbound.member import Member
from reflector.outbound.slow_peer import Contents
from reflector.outbound.update_group import UpdateGroup
from reflector.plan import Family
from reflector.policy.export import ExportKey
from reflector.policy.policy_set import PolicySet
from reflector.rib.loc_rib import LocRib, Transitions
from reflector.wire.update import end_of_rib

# In one settling each prefix is in one transition.
Settled = dict[Family, Transitions]


class Receiver(Member, Protocol):
    """A peer that is in one group, or in none until it is Established."""

    group: UpdateGroup | None


class AdjRibOut:
    """`groups` have at least one member each; `policies` are replaced with the plan (readvertise), `stage` with the
    drain. The ribs are settled whenever a method looks at them."""

    def __init__(self, ribs: dict[Family, LocRib], policies: PolicySet) -> None:
        self.groups: dict[ExportKey, UpdateGroup] = {}
        self.policies = policies
        self.stage = Stage.IN_USE
        self._ribs = ribs
        self._ready: dict[str, Member] = {}

    # ------------------------------------------------------------------------------------- turns

    def advertise(self, family: Family, transitions: Transitions) -> None:
        """To every group what became of prefixes."""
        moves = self._by_class(family, transitions)
        for group in self.groups.values():
            if group.advertise(family, moves):
                for member in group.members:
                    self._ready[member.name] = member

    def _by_class(self, family: Family, transitions: Transitions) -> list[Move]:
        """The transitions by class of prefixes, if that makes a difference to any group."""
        if not any(group.view.uses_prefix for group in self.groups.values()):
            return [Move(before, after, 0, keys) for (before, after), keys in transitions.items()]
        divide = self.policies.classes[family].divide
        return [
            Move(before, after, prefix_class, part)
            for (before, after), keys in transitions.items()
            for prefix_class, part in divide(keys).items()
        ]

    def send(self, peer: Member, message: bytes) -> None:
        """A message of the peer's own."""
        peer.outbox.push(message)
        self._ready[peer.name] = peer

    def catch_up(self) -> None:
        """Peers that were cut off and read now are sent what they missed."""
        for group in self.groups.values():
            if group.cut_off:
                for member in group.catch_up(self._ribs, self.policies.classes):
                    self._ready[member.name] = member

    def trim(self, lag_bound: int) -> None:
        for group in self.groups.values():
            group.trim(lag_bound)

    def take_ready(self) -> list[Member]:
        """The peers that have something to send since this was last asked."""
        ready, self._ready = list(self._ready.values()), {}
        return ready

    # ------------------------------------------------------------------------------------- members

    def keys(self, peers: Iterable[Receiver]) -> dict[Receiver, ExportKey]:
        """What decides the octets of each of these that is Established. They may be advertised more paths of a prefix
        than the best one: so many are ranked from now on, once settled."""
        found = {
            peer: self.policies.export_key(peer.session, peer.negotiated, self.stage)
            for peer in peers
            if peer.negotiated is not None
        }
        for key in found.values():
            for family in key.add_path:
                self._ribs[family].deepen(depth_for(key.add_path_limit))
        return found

    def join(self, peer: Receiver, key: ExportKey) -> None:
        """The peer is sent the Loc-RIB and then follows its group."""
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = UpdateGroup(self.policies.export_view(key))
        peer.group = group
        group.join(peer, self._ribs, self.policies.classes)
        self._ready[peer.name] = peer

    def leave(self, peer: Receiver) -> None:
        self._ready.pop(peer.name, None)
        if peer.group is None:
            return
        peer.group.leave(peer)
        if not peer.group.members:
            del self.groups[peer.group.view.key]

    def refresh(self, peer: Receiver, family: Family) -> None:
        """The peer, which is a member, is sent every route of the family."""
        assert peer.group is not None  # noqa: S101  the caller has looked
        peer.group.refresh(peer, family, self._ribs[family], self.policies.classes[family])
        if peer.marks_refreshes:
            peer.counters.route_refreshes_out += 2
        self._ready[peer.name] = peer

    def mark_end(self, peer: Receiver) -> None:
        """The peer has been sent all that we have, if it is a member."""
        if peer.group is None:
            return
        families = peer.group.view.key.families
        markers = [end_of_rib(family) for family in families]
        # After what the log still holds for the peer.
        peer.outbox.leave()
        peer.outbox.push(b"".join(markers), len(markers), Contents(ends=families))
        peer.outbox.follow(peer.group.log)
        self._ready[peer.name] = peer

    # ------------------------------------------------------------------------------------- policies

    def readvertise(self, keys: Mapping[Receiver, ExportKey], old: PolicySet, moved: Settled) -> None:
        """Send every member what other policies change, and put it into the group that fits its key now. `moved` is
        what has just been settled under the new policies and advertised to no one."""
        regrouped: dict[ExportKey, UpdateGroup] = {}
        sources: dict[tuple[ExportKey, ExportKey], list[Receiver]] = {}
        for peer, key in keys.items():
            if peer.group is not None:
                sources.setdefault((peer.group.view.key, key), []).append(peer)
        for (old_key, key), peers in sources.items():
            group = regrouped.setdefault(key, UpdateGroup(self.policies.export_view(key)))
            messages, contents = self._difference(self.groups[old_key], group, old, moved)
            chunk = b"".join(messages)
            for peer in peers:
                peer.outbox.leave()
                if chunk:
                    peer.outbox.push(chunk, len(messages), contents)
                    self._ready[peer.name] = peer
                peer.group = group
                group.adopt(peer)
        self.groups = regrouped
        self._release_exports({group.view.serial for group in regrouped.values()})

    def _difference(
        self, old_group: UpdateGroup, group: UpdateGroup, old: PolicySet, moved: Settled
    ) -> tuple[list[bytes], Contents]:
        """UPDATEs from what the old group was advertised to what the new one has to be; sets the new group's
        counters."""
        messages: list[bytes] = []
        encoded: list[tuple[Family, list[bytes]]] = []
        for family in group.view.key.families:
            befores = {nlri: moved_by.before for moved_by, keys in moved[family].items() for nlri in keys}
            changes: dict[Reclassified, list[bytes]] = {}
            rib = self._ribs[family]
            classify_old, classify_new = old.classes[family].classify, self.policies.classes[family].classify
            for nlri in dict.fromkeys((*befores, *rib.table)):
                after = rib.selection(nlri)
                change = Reclassified(befores.get(nlri, after), after, classify_old(nlri), classify_new(nlri))
                changes.setdefault(change, []).append(nlri)
            updates, keys_of_family = group.encoder.take_over(old_group.encoder, family, changes)
            messages += updates
            encoded += keys_of_family
        return messages, Contents(tuple(encoded))

    def _release_exports(self, serials: set[int]) -> None:
        """Paths keep what they are to these views only. What these were advertised must stay: a later plan is compared
        with it."""
        paths = {path for rib in self._ribs.values() for nlri in rib.table for path in rib.candidates(nlri)}
        for path in paths:
            path.exports = {memory: export for memory, export in path.exports.items() if memory[0] in serials}
