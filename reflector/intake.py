"""The way of a received route: Adj-RIB-In, import policy, candidate of the Loc-RIB (RFC 4271 9.1.1).

Rule: the Adj-RIB-In keeps every route as it came; only an accepted one is a candidate. Routes with equal attributes of
one peer share a path, so that import is evaluated once for them unless their prefixes make a difference.
"""

from __future__ import annotations

from reflector.adj_rib_in import AdjRibIn
from reflector.loc_rib import LocRib
from reflector.path import Path
from reflector.peer import Peer
from reflector.plan import Family
from reflector.policy_set import PolicySet
from reflector.wire.attributes import PathAttributes


class Intake:
    """Puts routes into the Loc-RIBs and takes them out again. `policies` is replaced with the plan."""

    def __init__(self, ribs: dict[Family, LocRib], policies: PolicySet) -> None:
        self._ribs = ribs
        self.policies = policies

    def withdraw(self, rib: AdjRibIn, keys: list[bytes]) -> None:
        replace = self._ribs[rib.family].replace
        if rib.stale:
            rib.stale.difference_update(keys)
        for key in keys:
            path = rib.routes.pop(key, None)
            if path is not None and path.attributes is not None:
                replace(rib.nlri(key), path, None)

    def announce(self, peer: Peer, rib: AdjRibIn, attributes: PathAttributes, keys: list[bytes]) -> None:
        if rib.stale:
            rib.stale.difference_update(keys)
        if rib.has_path_ids or self.policies.import_uses_prefix(peer.session, rib.family):
            for key in keys:
                self._install(peer, rib, key, attributes)
            return
        path = self._path(peer, rib.family, attributes, 0, 0)
        accepted = path.attributes is not None
        replace = self._ribs[rib.family].replace
        routes = rib.routes
        for key in keys:
            former = routes.get(key)
            if former is path:
                continue
            routes[key] = path
            if former is not None and former.attributes is None:
                former = None
            if accepted:
                replace(key, former, path)
            elif former is not None:
                replace(key, former, None)

    def again(self, peer: Peer) -> None:
        """Every route of the peer under the policies of now."""
        for rib in peer.adj_rib_in.values():
            for key, path in list(rib.routes.items()):
                self._install(peer, rib, key, path.received)

    def _install(self, peer: Peer, rib: AdjRibIn, key: bytes, attributes: PathAttributes) -> None:
        """One route, where its prefix or path identifier matters."""
        nlri = rib.nlri(key)
        prefix_class = self.policies.classes[rib.family].classify(nlri)
        path = self._path(peer, rib.family, attributes, prefix_class, rib.path_id(key))
        former = rib.routes.get(key)
        if former is not None and former.is_as(path):
            # From now on this is the path for these attributes, so that it stays one object for all its prefixes.
            peer.paths[self._memory(peer, rib.family, attributes, prefix_class, path.path_id)] = former
            return
        rib.routes[key] = path
        before = former if former is not None and former.attributes is not None else None
        after = path if path.attributes is not None else None
        if before is not None or after is not None:
            self._ribs[rib.family].replace(nlri, before, after)

    def _path(self, peer: Peer, family: Family, received: PathAttributes, prefix_class: int, path_id: int) -> Path:
        """The one path of this peer for these attributes, after import."""
        memory = self._memory(peer, family, received, prefix_class, path_id)
        path = peer.paths.get(memory)
        if path is None:
            path = self.policies.import_path(peer, family, received, prefix_class)
            path.path_id = path_id
            peer.paths[memory] = path
        return path

    def _memory(
        self, peer: Peer, family: Family, received: PathAttributes, prefix_class: int, path_id: int
    ) -> tuple[object, ...]:
        """All that decides what import makes of a route."""
        if not self.policies.import_uses_prefix(peer.session, family):
            prefix_class = 0
        return family, received, prefix_class, path_id, self.policies.serial, peer.relation
