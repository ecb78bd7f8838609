"""A network of engines in memory: routers, links as ordered octet streams, and an adversary who picks what comes next.

Rule: a link loses and reorders nothing, like TCP; everything else is free. Between a router's turns any of its links
may deliver any number of octets, and a link may break with whatever was in it. One end may notice that later than the
other, but not later than the link is up again. Time passes only when the network is sent so.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

import msgspec
from speaker_makers import a_session

from reflector.addresses import pack_address
from reflector.engine import Engine
from reflector.outbound.add_path import advertised_paths
from reflector.plan import Family, NodePlan, Origination, RouteSource
from reflector.policy.export import ExportKey
from reflector.policy.policy_set import PolicySet
from reflector.rib.loc_rib import Selection, best
from reflector.rib.path import Path
from reflector.session.ending import Ending
from reflector.session.negotiated import GracefulRestart, LongLived, Negotiated
from reflector.wire.attributes import PathAttributes
from reflector.wire.message import MessageReader
from reflector.wire.nlri import unpack_nlri


class RouterSpec(NamedTuple):
    """A router: its address is its router ID. An empty cluster ID leaves the choice to the engine."""

    name: str
    address: str
    asn: int
    cluster_id: str = ""


class LinkSpec(NamedTuple):
    """A session between two routers. `clients` names who of them is the other's route reflection client, in cluster
    `cluster_id` if that is not the reflector's own; `limit` is the add-path limit of both ends, `restart_time` and
    `long_lived` their times in seconds, None without graceful restart; `notification` is N of RFC 8538."""

    a: str
    b: str
    clients: frozenset[str] = frozenset()
    four_octet_as: bool = True
    add_path: bool = False
    max_length: int = 4096
    limit: int = 1
    cluster_id: str = ""
    restart_time: int | None = None
    long_lived: int = 0
    notification: bool = False


class Topology(NamedTuple):
    routers: tuple[RouterSpec, ...]
    links: tuple[LinkSpec, ...]


Direction = tuple[str, str]  # from, to
Key = tuple[str, int]  # prefix, path identifier (0 without add-path)


class Network:
    """Starts with all links down. `delivered` counts messages, for the bound that says that nothing loops."""

    def __init__(self, topology: Topology, seed: int) -> None:
        self.topology = topology
        self.random = Random(seed)  # noqa: S311  an adversary to replay, not a secret
        self.routers = {router.name: router for router in topology.routers}
        self.links = {frozenset((link.a, link.b)): link for link in topology.links}
        self.originations: dict[str, frozenset[str]] = {name: frozenset() for name in self.routers}
        self.now = 0.0
        self.engines = {name: Engine(self._plan(name), self.now) for name in self.routers}
        self._once_up: set[frozenset[str]] = set()
        self.wires: dict[Direction, bytearray] = {}
        self.readers: dict[Direction, MessageReader] = {}
        self.delivered = 0

    def _plan(self, name: str) -> NodePlan:
        me = self.routers[name]
        sessions = []
        for link in self.topology.links:
            if name in (link.a, link.b):
                other = self.routers[link.b if name == link.a else link.a]
                is_client = other.name in link.clients
                reflection = {"rr_client": is_client, "cluster_id": link.cluster_id if is_client else ""}
                session = a_session(other.name, other.address, peer_as=other.asn, local_as=me.asn, **reflection)
                sessions.append(msgspec.structs.replace(session, add_path_limit=link.limit))
        originations = tuple(Origination(prefix, RouteSource.BLOCK) for prefix in sorted(self.originations[name]))
        return NodePlan(name, me.address, me.asn, me.cluster_id, sessions=tuple(sessions), originations=originations)

    # ------------------------------------------------------------------------------------- events

    def originate(self, name: str, prefixes: Iterable[str]) -> None:
        """From now on exactly these."""
        self.originations[name] = frozenset(prefixes)
        self.engines[name].apply(self._plan(name), self.now)

    def link_up(self, link: LinkSpec) -> None:
        """Both ends Established at once; each end's turn comes when it comes."""
        self.link_down(link, Ending.LOST if link.restart_time is not None else Ending.FOR_GOOD)
        ends = frozenset((link.a, link.b))
        both: frozenset[int] = frozenset((4,)) if link.add_path else frozenset()
        for me, other in ((link.a, link.b), (link.b, link.a)):
            negotiated = Negotiated(
                router_id=pack_address(self.routers[other].address),
                local_address=pack_address(self.routers[me].address),
                families=(4,),
                hold_time=0,
                four_octet_as=link.four_octet_as,
                max_length=link.max_length,
                add_path_send=both,  # type: ignore[arg-type]  # families
                add_path_receive=both,  # type: ignore[arg-type]  # families
                graceful_restart=self._restart_of(link, is_restarting=ends not in self._once_up),
                long_lived=LongLived({4: link.long_lived}, self._forwarding()) if link.long_lived else None,
            )
            self.engines[me].session_up(other, negotiated, self.now)
            self.wires[me, other] = bytearray()
            self.readers[me, other] = MessageReader(link.max_length)

        self._once_up.add(ends)

    def _restart_of(self, link: LinkSpec, *, is_restarting: bool) -> GracefulRestart | None:
        """The capability of an end of the link; R is sent until the first session, as ExaBGP does."""
        if link.restart_time is None:
            return None
        families: frozenset[Family] = frozenset((4,))
        return GracefulRestart(link.restart_time, is_restarting, families, self._forwarding(), link.notification)

    def _forwarding(self) -> frozenset[Family]:
        """Usually the peer has kept its forwarding state."""
        return frozenset((4,)) if self.random.random() < 0.8 else frozenset()

    def link_down(self, link: LinkSpec, ending: Ending = Ending.FOR_GOOD) -> None:
        """Both ends know, if they did not know before."""
        for me, other in ((link.a, link.b), (link.b, link.a)):
            self.wires.pop((me, other), None)
            self.engines[me].session_down(other, "link down", self.now, ending)

    def half_down(self, link: LinkSpec, ending: Ending) -> None:
        """Nothing passes any more, and one end knows."""
        for direction in ((link.a, link.b), (link.b, link.a)):
            self.wires.pop(direction, None)
        me, other = self.random.choice(((link.a, link.b), (link.b, link.a)))
        self.engines[me].session_down(other, "link down", self.now, ending)

    def pass_time(self, seconds: float) -> None:
        """Timers are looked at in between as well."""
        for _ in range(4):
            self.now += seconds / 4
            for engine in self.engines.values():
                engine.tick(self.now)

    def turn(self, name: str) -> None:
        """End this router's turn: what it has to say goes onto the wires."""
        turn = self.engines[name].flush(self.now)
        assert turn.closes == [], turn.closes
        for peer in turn.ready:
            while (chunk := peer.outbox.take()) is not None:
                self.send((name, peer.name), bytes(chunk))
        self.engines[name].trim_logs()

    def send(self, direction: Direction, octets: bytes) -> None:
        """Onto the wire, if it is not cut."""
        if direction in self.wires:
            self.wires[direction] += octets

    def deliver(self, direction: Direction, octets: int) -> None:
        sender, receiver = direction
        data = bytes(self.wires[direction][:octets])
        del self.wires[direction][:octets]
        for kind, body in self.readers[direction].feed(data):
            self.delivered += 1
            self.engines[receiver].receive(sender, kind, body, self.now)
        assert self.readers[direction].error is None

    def step(self) -> None:
        """The adversary's choice: a router's turn, or some octets of some wire."""
        waiting = [direction for direction, wire in self.wires.items() if wire]
        if waiting and self.random.random() < 0.6:
            direction = self.random.choice(waiting)
            self.deliver(direction, self.random.choice((1, 30, 100, 10_000)))
        else:
            self.turn(self.random.choice(list(self.engines)))

    def settle(self, bound: int) -> None:
        """Until no one has anything to send. Fails after more than `bound` messages: something loops."""
        limit = self.delivered + bound
        while True:
            for _ in range(20):
                self.step()
            for name in self.engines:
                self.turn(name)
            if not any(self.wires.values()):
                return
            assert self.delivered < limit, f"{self.delivered} messages and no end"
            for direction in list(self.wires):
                if self.random.random() < 0.5:
                    self.deliver(direction, len(self.wires[direction]))

    # ------------------------------------------------------------------------------------ queries

    def loc_rib(self, name: str) -> dict[str, tuple[str, PathAttributes | None]]:
        """prefix -> (peer, "" for an own route; attributes)."""
        rib = self.engines[name].ribs[4]
        found = {}
        for nlri in rib.prefixes():
            if (path := rib.best(nlri)) is not None:
                found[unpack_nlri(nlri, 4)] = (path.sender.name if path.sender else "", path.attributes)
        return found

    def adj_rib_in(self, name: str, peer: str) -> dict[Key, PathAttributes]:
        rib = self.engines[name].peers[peer].adj_rib_in[4]
        return {(unpack_nlri(rib.nlri(key), 4), rib.path_id(key)): path.received for key, path in rib.routes.items()}

    def adj_rib_out(self, name: str, peer: str) -> dict[Key, PathAttributes]:
        """What export says of the Loc-RIB, by policies made anew."""
        engine = self.engines[name]
        policies = PolicySet(engine.plan)
        to = engine.peers[peer]
        assert to.negotiated is not None
        view = policies.export_view(policies.export_key(to.session, to.negotiated))
        advertised = {}
        rib = engine.ribs[4]
        for nlri in rib.prefixes():
            selection = rib.selection(nlri)
            for identifier, path in self._paths(selection, view.key).items():
                attributes = view.decide(path, 0).attributes
                if attributes is not None:
                    advertised[unpack_nlri(nlri, 4), identifier] = attributes
        return advertised

    def _paths(self, selection: Selection, key: ExportKey) -> dict[int, Path]:
        if key.add_path:
            advertised = advertised_paths(selection, key.add_path_limit)
            return {int.from_bytes(identifier, "big"): path for identifier, path in advertised.items()}
        path = best(selection)
        return {} if path is None else {0: path}
