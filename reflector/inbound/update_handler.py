"""One UPDATE of a peer: what it withdraws, then what it announces, then the marker of its end (RFC 4271 9, RFC 4724 2).

Rule: a peer with maximum prefixes goes through PrefixLimits, every other one straight into the import pipeline. After
each UPDATE it is bounded, by the plan or by default: how many prefixes it has, and how many octets of attributes.
"""

from __future__ import annotations

from reflector.inbound import attribute_octets
from reflector.inbound.graceful_restart import ReceivingSpeaker
from reflector.inbound.import_pipeline import ImportPipeline
from reflector.inbound.maximum_prefixes import Excess, PrefixLimits
from reflector.peer import Peer
from reflector.wire.update import Update


class UpdateHandler:
    def __init__(self, pipeline: ImportPipeline, receiving: ReceivingSpeaker, limits: PrefixLimits) -> None:
        self._pipeline = pipeline
        self._receiving = receiving
        self._limits = limits

    def handle(self, peer: Peer, body: bytes) -> Excess | None:
        """An Excess if the session has to end for what its routes cost. Raises NotificationError."""
        assert peer.reader is not None  # noqa: S101  Established peers have one
        update: Update = peer.reader.read(body)
        peer.counters.updates_in += 1
        if update.error or update.discarded:
            peer.counters.treated_as_withdrawn += bool(update.error)
            peer.counters.attributes_discarded += len(update.discarded)
        ribs, limit = peer.adj_rib_in, peer.session.maximum_prefixes
        for family, keys in update.withdrawn:
            if family in ribs:
                self._pipeline.withdraw(ribs[family], keys)
        if limit is None:
            announce = self._pipeline.announce
        else:
            announce = self._limits.announce
            self._limits.withdrawn(peer, update.withdrawn)
        for family, attributes, keys in update.announced:
            if family in ribs:
                announce(peer, ribs[family], attributes, keys)
        excess = self._limits.counted_by_default(peer) if limit is None else self._limits.counted(peer, limit)
        if attribute_octets.is_due(peer.reader):
            excess = excess or attribute_octets.count(peer, peer.reader)
        if update.end_of_rib is not None:
            peer.end_of_rib.add(update.end_of_rib)
            self._receiving.synchronised(peer, update.end_of_rib)
        return excess
