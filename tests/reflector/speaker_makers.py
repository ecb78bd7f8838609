"""Small makers for the speaker's tests: plans, sessions, UPDATEs, and a router that is an engine and its peers' ears.

Rule: what a peer knows is replayed from the octets it was sent, with its own reader and its own message limit.
"""

from __future__ import annotations

from typing import Any

from reflector.addresses import pack_address, unpack_address
from reflector.commands import Close, Turn
from reflector.engine import Engine
from reflector.plan import Family, NodePlan, Origination, RouteSource, SessionKind, SessionPlan, Verdict
from reflector.session.ending import Ending
from reflector.session.negotiated import GracefulRestart, LongLived, Negotiated
from reflector.wire.attribute_rules import Dialect
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import AS_SEQUENCE, PathAttributes, intern_attributes
from reflector.wire.communities import parse_community
from reflector.wire.message import HEADER_LENGTH, MessageReader, MessageType
from reflector.wire.nlri import pack_nlri, unpack_nlri
from reflector.wire.update import UpdateReader, announcements, withdrawals

OUR_AS = 64512
OUR_ADDRESS = "10.0.0.100"
OUR_ADDRESS_V6 = "fd00::100"
INTERNAL = Dialect(four_octet_as=True, external=False)
EXTERNAL = Dialect(four_octet_as=True, external=True)


def a_session(name: str, address: str, **changes: Any) -> SessionPlan:
    """An iBGP session that takes everything and tells everything, unless `changes` say otherwise."""
    given: dict[str, Any] = {
        "name": name,
        "kind": SessionKind.GLOBAL,
        "peer_address": address,
        "peer_as": OUR_AS,
        "local_as": OUR_AS,
        "families": (4, 6),
        "export_default": Verdict.ACCEPT,
    }
    return SessionPlan(**(given | changes))


def a_client(name: str, address: str, **changes: Any) -> SessionPlan:
    return a_session(name, address, rr_client=True, **changes)


def an_ebgp_peer(name: str, address: str, peer_as: int = 65001, **changes: Any) -> SessionPlan:
    return a_session(name, address, peer_as=peer_as, **changes)


def a_plan(*sessions: SessionPlan, **changes: Any) -> NodePlan:
    given: dict[str, Any] = {"node": "rr", "router_id": OUR_ADDRESS, "cluster_id": "224.0.0.1", "sessions": sessions}
    return NodePlan(**(given | changes))


def an_origination(prefix: str, source: RouteSource = RouteSource.BLOCK, **changes: Any) -> Origination:
    return Origination(prefix, source, **changes)


def a_restart(
    *, is_restarting: bool = True, time: int = 120, families: tuple[int, ...] = (4, 6), notification: bool = False
) -> GracefulRestart:
    """A graceful restart capability; by default of a speaker that has just started, which no one waits for."""
    both: frozenset[Family] = frozenset(families)  # type: ignore[arg-type]
    return GracefulRestart(time, is_restarting, both, both, notification)


def a_long_lived(time: int, families: tuple[int, ...] = (4, 6)) -> LongLived:
    """A long-lived graceful restart capability of a peer that kept its forwarding state."""
    both: frozenset[Family] = frozenset(families)  # type: ignore[arg-type]
    return LongLived(dict.fromkeys(both, time), both)


def a_negotiation(router_id: str, **changes: Any) -> Negotiated:
    given: dict[str, Any] = {
        "graceful_restart": a_restart(),
        "router_id": pack_address(router_id),
        "local_address": pack_address(OUR_ADDRESS),
        "families": (4, 6),
        "hold_time": 240,
    }
    return Negotiated(**(given | changes))


def communities(*texts: str) -> tuple[int, ...]:
    return tuple(value for value in map(parse_community, texts) if isinstance(value, int))


def as_sequence(*asns: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    return ((AS_SEQUENCE, asns),) if asns else ()


def some_attributes(next_hop: str = "10.0.0.1", as_path: tuple[int, ...] = (), **fields: Any) -> PathAttributes:
    """`as_path` is one sequence. LOCAL_PREF 100 unless given."""
    given = {"next_hop": pack_address(next_hop), "as_path": as_sequence(*as_path), "local_pref": 100}
    return intern_attributes(**(given | fields))


def announce(*prefixes: str, path_id: int | None = None, four_octet_as: bool = True, **fields: Any) -> bytes:
    """The body of an UPDATE that announces the prefixes, all of one family, with some_attributes(**fields)."""
    family = 6 if ":" in prefixes[0] else 4
    if family == 6:
        fields = {"next_hop": "fd00::1"} | fields
    attributes = some_attributes(**fields)
    block = encode_attributes(attributes, four_octet_as=four_octet_as)
    keys = _keys(prefixes, path_id)
    (message,) = announcements(family, block, attributes.next_hop, keys, 65535)
    return message[HEADER_LENGTH:]


def withdraw(*prefixes: str, path_id: int | None = None) -> bytes:
    """The body of an UPDATE that withdraws the prefixes, all of one family."""
    (message,) = withdrawals(6 if ":" in prefixes[0] else 4, _keys(prefixes, path_id), 65535)
    return message[HEADER_LENGTH:]


def _keys(prefixes: tuple[str, ...], path_id: int | None) -> list[bytes]:
    identifier = b"" if path_id is None else path_id.to_bytes(4, "big")
    return [identifier + pack_nlri(prefix) for prefix in prefixes]


class Table:
    """What a peer knows from the octets it was sent: prefix -> attributes, of any path where it has several; prefix ->
    path identifier -> attributes in `paths` (identifier 0 without add-path); and what those octets were."""

    def __init__(self, negotiated: Negotiated, *, external: bool) -> None:
        self.routes: dict[str, PathAttributes] = {}
        self.paths: dict[str, dict[int, PathAttributes]] = {}
        self.octets = bytearray()
        self.updates: list[bytes] = []
        self.keepalives = 0
        self.refreshes: list[bytes] = []
        self.ends: list[int] = []
        self._add_path = negotiated.add_path_send
        self._messages = MessageReader(negotiated.max_length)
        dialect = Dialect(negotiated.four_octet_as, external)
        self._reader = UpdateReader(dialect, frozenset(negotiated.families), self._add_path)

    def feed(self, data: bytes) -> None:
        """Replay. An UPDATE with any error in it fails the test: we must never send one."""
        self.octets += data
        for kind, body in self._messages.feed(data):
            if kind == MessageType.KEEPALIVE:
                self.keepalives += 1
            elif kind == MessageType.ROUTE_REFRESH:
                self.refreshes.append(body)
            else:
                assert kind == MessageType.UPDATE, f"message type {kind}"
                self.updates.append(body)
                self._update(body)
        assert self._messages.error is None, self._messages.error

    def _update(self, body: bytes) -> None:
        update = self._reader.read(body)
        assert not update.error, update.error
        assert not update.discarded, update.discarded
        for family, keys in update.withdrawn:
            for key in keys:
                self._withdraw(*self._split(family, key))
        for family, attributes, keys in update.announced:
            for key in keys:
                prefix, path_id = self._split(family, key)
                self.paths.setdefault(prefix, {})[path_id] = self.routes[prefix] = attributes
        if update.end_of_rib is not None:
            self.ends.append(update.end_of_rib)

    def _withdraw(self, prefix: str, path_id: int) -> None:
        left = self.paths.get(prefix, {})
        left.pop(path_id, None)
        if left:
            self.routes[prefix] = next(iter(left.values()))
        else:
            self.routes.pop(prefix, None)
            self.paths.pop(prefix, None)

    def _split(self, family: Any, key: bytes) -> tuple[str, int]:
        if family in self._add_path:
            return unpack_nlri(key[4:], family), int.from_bytes(key[:4], "big")
        return unpack_nlri(key, family), 0

    def next_hops(self, prefix: str) -> set[str]:
        """Of all paths of the prefix."""
        return {unpack_address(attributes.next_hop) for attributes in self.paths.get(prefix, {}).values()}


class Router:
    """An engine and, for each Established peer, the table of what it was sent."""

    def __init__(self, plan: NodePlan) -> None:
        self.engine = Engine(plan, now=0.0)
        self.now = 0.0
        self.tables: dict[str, Table] = {}
        self.closed: dict[str, str] = {}
        self.closes: list[Close] = []

    def up(self, name: str, router_id: str = "", **negotiated: Any) -> Table:
        """The session is Established, with the peer's address as its router ID if that is IPv4; the turn ends."""
        session = self.engine.peers[name].session
        agreed = a_negotiation(router_id or session.peer_address, **negotiated)
        self.engine.session_up(name, agreed, self.now)
        self.tables[name] = Table(agreed, external=session.peer_as != session.local_as)
        self.turn()
        return self.tables[name]

    def down(self, name: str, *, is_lost: bool = False) -> None:
        """Without a NOTIFICATION: for good, or the connection is lost."""
        self.engine.session_down(name, "test", self.now, Ending.LOST if is_lost else Ending.FOR_GOOD)
        del self.tables[name]
        self.turn()

    def wait(self, seconds: float) -> None:
        """Time passes; the timers are looked at once, at its end."""
        self.now += seconds
        self.engine.tick(self.now)
        self.turn()

    def receive(self, name: str, *bodies: bytes, kind: int = MessageType.UPDATE) -> Turn:
        """These messages from this peer, all in one turn."""
        for body in bodies:
            self.engine.receive(name, kind, body, self.now)
        return self.turn()

    def apply(self, plan: NodePlan) -> Turn:
        self.engine.apply(plan, self.now)
        for name in self.tables.keys() - self.engine.peers.keys():
            del self.tables[name]
        return self.turn()

    def turn(self) -> Turn:
        """Flush, carry out the closes as the session layer would, deliver to every peer that is ready."""
        turn = self.engine.flush(self.now)
        self.deliver(turn)
        for close in turn.closes:
            self.closed[close.session] = close.reason
            self.closes.append(close)
            self.engine.session_down(close.session, close.reason, self.now, close.ending)
            self.tables.pop(close.session, None)
        if turn.closes:
            self.deliver(self.engine.flush(self.now))
        return turn

    def deliver(self, turn: Turn) -> None:
        for peer in turn.ready:
            while (chunk := peer.outbox.take()) is not None:
                self.tables[peer.name].feed(bytes(chunk))

    def advertised(self, name: str) -> set[str]:
        """The prefixes this peer knows."""
        return set(self.tables[name].routes)

    def attributes(self, name: str, prefix: str) -> PathAttributes:
        """What this peer knows of the prefix."""
        return self.tables[name].routes[prefix]

    def selected(self, family: int = 4) -> dict[str, str]:
        """The Loc-RIB: prefix -> name of the peer whose route is best, "" for our own."""
        rib = self.engine.ribs[family]
        best = {unpack_nlri(nlri, family): rib.best(nlri) for nlri in rib.table}
        return {prefix: path.sender.name if path.sender else "" for prefix, path in best.items() if path}
