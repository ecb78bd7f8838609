"""The way of a received route: Adj-RIB-In, import policy, candidate of the Loc-RIB (RFC 4271 9.1.1).

Rule: the Adj-RIB-In keeps every route as it came; only an accepted one is a candidate. Routes with equal attributes of
one peer share a path, so that import is evaluated once for them unless their prefixes make a difference.
"""

from __future__ import annotations

from reflector.addresses import MAX_BITS, unpack_address
from reflector.inbound.paths_per_prefix import beyond, has_room, rule_of
from reflector.peer import Peer
from reflector.plan import Family
from reflector.policy.martians import martians
from reflector.policy.policy_set import PolicySet
from reflector.rib.adj_rib_in import AdjRibIn
from reflector.rib.loc_rib import CROWDED, LocRib
from reflector.rib.next_hop import NextHop
from reflector.rib.next_hops import NextHops
from reflector.rib.path import Path
from reflector.session.sender import Sender
from reflector.verdict import RouteVerdict
from reflector.wire.attributes import PathAttributes
from reflector.wire.nlri import first_octets


class ImportPipeline:
    """Puts routes into the Loc-RIBs and takes them out. `policies` is replaced with the plan."""

    def __init__(
        self, peers: dict[str, Peer], ribs: dict[Family, LocRib], policies: PolicySet, next_hops: NextHops
    ) -> None:
        self._peers = peers
        self._ribs = ribs
        self.policies = policies
        self._next_hops = next_hops

    def withdraw(self, rib: AdjRibIn, keys: list[bytes]) -> None:
        rib.mark_withdrawn(keys)
        pop = rib.routes.pop
        paths = [pop(key, None) for key in keys]
        self._ribs[rib.family].remove(zip(rib.nlris(keys), paths, strict=True))
        if rib.waiting:
            self._admit_waiting(rib, keys)

    def withdraw_all(self, peer: Peer) -> None:
        for rib in peer.adj_rib_in.values():
            self.withdraw(rib, list(rib.routes))

    def announce(self, peer: Peer, rib: AdjRibIn, attributes: PathAttributes, keys: list[bytes]) -> None:
        rib.mark_announced(keys)
        if self._may_be_refused(peer, rib, keys):
            keys = self._without_refused(peer, rib, attributes, keys)
        if rib.has_path_ids:
            self._announce_with_path_ids(peer, rib, attributes, keys)
        else:
            self._import(peer, rib, attributes, 0, keys)

    def _announce_with_path_ids(self, peer: Peer, rib: AdjRibIn, attributes: PathAttributes, keys: list[bytes]) -> None:
        divided = rib.by_path_id(keys)
        excess: list[bytes] = []
        if len(divided) > CROWDED:
            # Before import, which costs more than to refuse.
            excess = beyond(rib, self._ribs[rib.family], peer.sender, keys)
            divided = rib.by_path_id(_without(keys, excess))
        for path_id, alike in divided.items():
            self._import(peer, rib, attributes, path_id, alike)
        if excess:
            self._let_wait(rib, peer.sender, attributes, excess)

    def _import(self, peer: Peer, rib: AdjRibIn, attributes: PathAttributes, path_id: int, keys: list[bytes]) -> None:
        """These have one path identifier."""
        if not self.policies.import_uses_prefix(peer.session, rib.family):
            self._install(rib, self._path(peer, rib.family, attributes, 0, path_id), keys)
            return
        for prefix_class, part in self._divide(rib, keys).items():
            self._install(rib, self._path(peer, rib.family, attributes, prefix_class, path_id), part)

    def _may_be_refused(self, peer: Peer, rib: AdjRibIn, keys: list[bytes]) -> bool:
        """Whether a martian or an address of this node may be among these. Hardly ever: many of one length are looked
        at together."""
        guard = martians(rib.family, peer.session.allow_martians)
        own_hosts = self.policies.own_hosts
        if len(keys) == 1:
            nlri = rib.nlri(keys[0])
            return nlri in own_hosts or guard.may_be(nlri)
        at = 4 if rib.has_path_ids else 0
        first = first_octets(keys, at)
        if not first:
            nlris = rib.nlris(keys)
            return not own_hosts.isdisjoint(nlris) or any(map(guard.may_be, nlris))
        is_host = keys[0][at] == MAX_BITS[rib.family]
        return guard.may_begin_with(first) or (is_host and not own_hosts.isdisjoint(rib.nlris(keys)))

    def _without_refused(self, peer: Peer, rib: AdjRibIn, attributes: PathAttributes, keys: list[bytes]) -> list[bytes]:
        """The keys that a peer may route; the others stay in the Adj-RIB-In, refused."""
        refused = {key: path for key in keys if (path := self._refused(peer, rib, attributes, key)) is not None}
        for key, path in refused.items():
            self._install(rib, path, [key])
        return [key for key in keys if key not in refused] if refused else keys

    def _refused(self, peer: Peer, rib: AdjRibIn, received: PathAttributes, key: bytes) -> Path | None:
        """The refused path of a martian, or of an address of this node; None for any other prefix."""
        nlri = rib.nlri(key)
        verdict, rule = RouteVerdict.MARTIAN, martians(rib.family, peer.session.allow_martians).network_of(nlri)
        if not rule and nlri in self.policies.own_hosts:
            verdict, rule = RouteVerdict.OWN_ADDRESS, unpack_address(nlri[1:])
        if not rule:
            return None
        path_id = rib.path_id(key)
        memory = rib.family, received, rule, path_id, verdict, peer.sender
        path = peer.paths.get(memory)
        if path is None:
            path = peer.paths[memory] = Path(peer.sender, rib.family, received, None, verdict, rule)
            path.path_id = path_id
        return path

    def _divide(self, rib: AdjRibIn, keys: list[bytes]) -> dict[int, list[bytes]]:
        classes = self.policies.classes[rib.family]
        if not rib.has_path_ids:
            return classes.divide(keys)
        identifier = keys[0][:4]
        return {
            prefix_class: [identifier + nlri for nlri in part]
            for prefix_class, part in classes.divide(rib.nlris(keys)).items()
        }

    def _install(self, rib: AdjRibIn, path: Path, keys: list[bytes]) -> None:
        """All these have this path from now on."""
        if rib.has_path_ids and path.attributes is not None:
            loc_rib = self._ribs[rib.family]
            if loc_rib.crowded and not loc_rib.crowded.isdisjoint(rib.nlris(keys)):
                excess = beyond(rib, loc_rib, path.sender, keys)
                if excess:
                    keys = _without(keys, excess)
                    self._let_wait(rib, path.sender, path.received, excess)
        self._put(rib, path, keys)
        if rib.waiting:
            self._admit_waiting(rib, keys)

    def _let_wait(self, rib: AdjRibIn, sender: Sender | None, received: PathAttributes, excess: list[bytes]) -> None:
        """These are kept until they may be candidates. They share a path, whatever their path identifiers are: it is no
        candidate."""
        self._put(rib, Path(sender, rib.family, received, None, RouteVerdict.TOO_MANY_PATHS, rule_of(sender)), excess)
        for key in excess:
            rib.waiting.setdefault(rib.nlri(key), {})[key] = None

    def _admit_waiting(self, rib: AdjRibIn, keys: list[bytes]) -> None:
        """These have come or gone: they wait no longer, and others of their prefixes may have room now."""
        prefixes = dict.fromkeys(nlri for nlri in rib.nlris(keys) if nlri in rib.waiting)
        if not prefixes:
            return
        for key in keys:
            rib.waiting.get(rib.nlri(key), {}).pop(key, None)
        for nlri in prefixes:
            waiting = rib.waiting[nlri]
            while waiting:
                key, _ = waiting.popitem()
                if not self._is_admitted_now(rib, key):
                    waiting[key] = None
                    break
            if not waiting:
                del rib.waiting[nlri]

    def _is_admitted_now(self, rib: AdjRibIn, key: bytes) -> bool:
        """A waiting route, imported anew if there is room for it. A peer that left the plan has no routes to admit."""
        nlri, waits = rib.nlri(key), rib.routes[key]
        peer = self._peers.get(waits.sender.name) if waits.sender is not None else None
        if peer is None or not has_room(self._ribs[rib.family], nlri, waits.sender):
            return False
        prefix_class = self._class_of(peer, rib, nlri)
        self._put(rib, self._path(peer, rib.family, waits.received, prefix_class, rib.path_id(key)), [key])
        return True

    def _put(self, rib: AdjRibIn, path: Path, keys: list[bytes]) -> None:
        """Into the tables, without a limit."""
        if not keys:
            return
        routes, loc_rib = rib.routes, self._ribs[rib.family]
        accepted = path.attributes is not None
        if routes.keys().isdisjoint(keys):
            routes.update(dict.fromkeys(keys, path))
            if accepted:
                loc_rib.add(path, rib.nlris(keys))
            return
        nlri, replace = rib.nlri, loc_rib.replace
        for key in keys:
            former = routes.get(key)
            if former is path:
                continue
            routes[key] = path
            if former is not None and former.attributes is None:
                former = None
            if accepted:
                replace(nlri(key), former, path)
            elif former is not None:
                replace(nlri(key), former, None)

    def reimport(self, peer: Peer) -> None:
        """Every route of the peer under the policies of now."""
        for rib in peer.adj_rib_in.values():
            for key, path in list(rib.routes.items()):
                self._reinstall(peer, rib, key, path)

    def next_hops_changed(self, changed: set[NextHop]) -> None:
        """The routes with these next hops, which the kernel now resolves otherwise or at another cost."""
        by_rib: dict[tuple[str, Family], dict[Path, Path]] = {}
        for path, successor in self._next_hops.successors(changed).items():
            if path.sender is not None and path.sender.name in self._peers:
                by_rib.setdefault((path.sender.name, path.family), {})[path] = successor
        # In an order that is the same in every process, as all that decides the order of octets.
        for (name, family), successors in sorted(by_rib.items(), key=lambda each: each[0]):
            peer = self._peers[name]
            peer.paths.update({memory: successors[path] for memory, path in peer.paths.items() if path in successors})
            if family in peer.adj_rib_in:
                self._succeed(peer.adj_rib_in[family], successors)

    def _succeed(self, rib: AdjRibIn, successors: dict[Path, Path]) -> None:
        """A path whose cost alone is another succeeds itself: the decision is made anew for its prefixes."""
        replace = self._ribs[rib.family].replace
        for key, former in [(key, path) for key, path in rib.routes.items() if path in successors]:
            path = successors[former]
            if former.attributes is None or path.attributes is None:
                self._install(rib, path, [key])
                continue
            rib.routes[key] = path
            replace(rib.nlri(key), former, path)

    def _reinstall(self, peer: Peer, rib: AdjRibIn, key: bytes, former: Path) -> None:
        refused = self._refused(peer, rib, former.received, key)
        if refused is not None:
            self._install(rib, refused, [key])
            return
        prefix_class = self._class_of(peer, rib, rib.nlri(key))
        path_id = rib.path_id(key)
        path = self._path(peer, rib.family, former.received, prefix_class, path_id)
        if former.is_equivalent_to(path):
            # From now on this is the path for these attributes, so that it stays one object for all its prefixes.
            peer.paths[self._memory(peer, rib.family, former.received, prefix_class, path_id)] = former
            return
        self._install(rib, path, [key])

    def _path(self, peer: Peer, family: Family, received: PathAttributes, prefix_class: int, path_id: int) -> Path:
        """The one path of this peer for these attributes, after import. `prefix_class`: see `_class_of`."""
        memory = self._memory(peer, family, received, prefix_class, path_id)
        path = peer.paths.get(memory)
        if path is None:
            path = self._next_hops.place(
                self.policies.import_path(peer.sender, peer.session, family, received, prefix_class)
            )
            path.path_id = path_id
            path.identifier = peer.identifiers.of(path_id)
            peer.paths[memory] = path
        return path

    def _memory(
        self, peer: Peer, family: Family, received: PathAttributes, prefix_class: int, path_id: int
    ) -> tuple[object, ...]:
        """All that decides what import makes of a route."""
        return family, received, prefix_class, path_id, self.policies.serial, peer.sender

    def _class_of(self, peer: Peer, rib: AdjRibIn, nlri: bytes) -> int:
        """The class of a prefix; 0 where import makes no difference between prefixes."""
        if not self.policies.import_uses_prefix(peer.session, rib.family):
            return 0
        return self.policies.classes[rib.family].classify(nlri)


def _without(keys: list[bytes], others: list[bytes]) -> list[bytes]:
    left_out = frozenset(others)
    return [key for key in keys if key not in left_out] if others else keys
