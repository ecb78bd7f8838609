"""What peers are told: which update group each is in, and everything that is queued for them.

Rule: a settled change is encoded once a group; a peer is in the group that its ExportKey names, and moves to another
one with the difference between what the two tell. Whoever has something to send is ready, once a turn.
Source: RFC 4271 9.2 (advertisement), RFC 2918 4 (refresh), RFC 4724 2 (End-of-RIB).
"""

from __future__ import annotations

from collections.abc import Iterable

from reflector.inbound.import_pipeline import ImportPipeline
from reflector.outbound.add_path import depth_for
from reflector.outbound.slow_peer import Contents
from reflector.outbound.update_group import Move, Reclassified, UpdateGroup
from reflector.peer import Peer
from reflector.plan import Family
from reflector.policy.export import ExportKey
from reflector.policy.policy_set import PolicySet
from reflector.rib.loc_rib import LocRib, Transitions
from reflector.wire.update import end_of_rib

# In one settling each prefix is in one transition.
Settled = dict[Family, Transitions]


class AdjRibOut:
    """`groups` have at least one member each. The policies are those of the pipeline; the ribs are settled whenever a
    method looks at them."""

    def __init__(self, ribs: dict[Family, LocRib], pipeline: ImportPipeline) -> None:
        self.groups: dict[ExportKey, UpdateGroup] = {}
        self._ribs = ribs
        self._pipeline = pipeline
        self._ready: dict[str, Peer] = {}

    @property
    def _policies(self) -> PolicySet:
        return self._pipeline.policies

    # ------------------------------------------------------------------------------------- turns

    def tell(self, family: Family, transitions: Transitions) -> None:
        """Every group what became of prefixes."""
        moves = self._by_class(family, transitions)
        for group in self.groups.values():
            if group.advertise(family, moves):
                for peer in group.members:
                    self._ready[peer.name] = peer

    def _by_class(self, family: Family, transitions: Transitions) -> list[Move]:
        """The transitions by class of prefixes, if that makes a difference to any group."""
        if not any(group.view.uses_prefix for group in self.groups.values()):
            return [Move(before, after, 0, keys) for (before, after), keys in transitions.items()]
        divide = self._policies.classes[family].divide
        return [
            Move(before, after, prefix_class, part)
            for (before, after), keys in transitions.items()
            for prefix_class, part in divide(keys).items()
        ]

    def send(self, peer: Peer, message: bytes) -> None:
        """A message of the peer's own."""
        peer.outbox.push(message)
        self._ready[peer.name] = peer

    def catch_up(self) -> None:
        """Peers that were cut off and read again are told what they missed."""
        for group in self.groups.values():
            if group.cut_off:
                for peer in group.catch_up(self._ribs, self._policies.classes):
                    self._ready[peer.name] = peer

    def trim(self, lag_bound: int) -> None:
        for group in self.groups.values():
            group.trim(lag_bound)

    def take_ready(self) -> list[Peer]:
        """Who has something to send since this was last asked."""
        ready, self._ready = list(self._ready.values()), {}
        return ready

    # ------------------------------------------------------------------------------------- members

    def rank_for(self, keys: Iterable[ExportKey]) -> None:
        """Peers of these keys may be told more paths than the best one: more of them are ranked, once settled."""
        for key in keys:
            for family in key.add_path:
                self._ribs[family].deepen(depth_for(key.add_path_limit))

    def join(self, peer: Peer, key: ExportKey) -> None:
        """The peer is sent the Loc-RIB and then follows its group."""
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = UpdateGroup(self._policies.export_view(key))
        peer.group = group
        group.join(peer, self._ribs, self._policies.classes)
        self._ready[peer.name] = peer

    def leave(self, peer: Peer) -> None:
        self._ready.pop(peer.name, None)
        if peer.group is None:
            return
        peer.group.leave(peer)
        if not peer.group.members:
            del self.groups[peer.group.view.key]

    def refresh(self, peer: Peer, family: Family) -> None:
        """The peer, which is a member, is sent everything of the family again."""
        assert peer.group is not None  # noqa: S101  the caller has looked
        peer.group.refresh(peer, family, self._ribs[family], self._policies.classes[family])
        if peer.negotiated is not None and peer.negotiated.enhanced_refresh:
            peer.counters.route_refreshes_out += 2
        self._ready[peer.name] = peer

    def mark_end(self, peer: Peer) -> None:
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

    def again(self, keys: dict[Peer, ExportKey], old: PolicySet, moved: Settled) -> None:
        """Tell every member what other policies change, and put it into the group that fits its key now. `moved` is
        what has just been settled under the new policies and told nobody."""
        regrouped: dict[ExportKey, UpdateGroup] = {}
        sources: dict[tuple[ExportKey, ExportKey], list[Peer]] = {}
        for peer, key in keys.items():
            if peer.group is not None:
                sources.setdefault((peer.group.view.key, key), []).append(peer)
        for (old_key, key), peers in sources.items():
            group = regrouped.setdefault(key, UpdateGroup(self._policies.export_view(key)))
            messages, told = self._difference(self.groups[old_key], group, old, moved)
            chunk = b"".join(messages)
            for peer in peers:
                peer.outbox.leave()
                if chunk:
                    peer.outbox.push(chunk, len(messages), told)
                    self._ready[peer.name] = peer
                group.adopt(peer)
        self.groups = regrouped
        self._forget_exports({group.view.serial for group in regrouped.values()})

    def _difference(
        self, old_group: UpdateGroup, group: UpdateGroup, old: PolicySet, moved: Settled
    ) -> tuple[list[bytes], Contents]:
        """UPDATEs from what the old group was told to what the new one has to be; sets the new group's counters."""
        messages: list[bytes] = []
        keys_told: list[tuple[Family, list[bytes]]] = []
        for family in group.view.key.families:
            befores = {nlri: moved_by.before for moved_by, keys in moved[family].items() for nlri in keys}
            changes: dict[Reclassified, list[bytes]] = {}
            rib = self._ribs[family]
            classify_old, classify_new = old.classes[family].classify, self._policies.classes[family].classify
            for nlri in dict.fromkeys((*befores, *rib.table)):
                after = rib.selection(nlri)
                change = Reclassified(befores.get(nlri, after), after, classify_old(nlri), classify_new(nlri))
                changes.setdefault(change, []).append(nlri)
            encoded, lists = group.take_over(old_group, family, changes)
            messages += encoded
            keys_told += lists
        return messages, Contents(tuple(keys_told))

    def _forget_exports(self, serials: set[int]) -> None:
        """Paths forget what they were to views other than these. What these were told must stay: it says what a
        later plan changes."""
        paths = {path for rib in self._ribs.values() for nlri in rib.table for path in rib.candidates(nlri)}
        for path in paths:
            path.exports = {memory: told for memory, told in path.exports.items() if memory[0] in serials}
