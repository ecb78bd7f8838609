"""A client of ours, written by hand, that records every message: it misses no change, however short.

Rule: it understands one family over one session, and reads and sends KEEPALIVE only when it is asked to.
"""

from __future__ import annotations

import select
import struct
from typing import Any

from neighbour import Route
from segment import LOCAL_AS, RawPeer, Segment

from reflector.addresses import pack_address, unpack_address
from reflector.plan import Family
from reflector.wire.attribute_rules import Dialect
from reflector.wire.attribute_writer import encode_attributes
from reflector.wire.attributes import AS_SEQUENCE, PathAttributes, intern_attributes
from reflector.wire.communities import format_communities, parse_community
from reflector.wire.nlri import pack_nlri, unpack_nlri
from reflector.wire.update import AFI, UpdateReader, announcements, end_of_rib, withdrawals

# No test takes so long.
HOLD_TIME = 900


def multiprotocol(family: Family) -> bytes:
    """RFC 4760 8."""
    return struct.pack("!BBHBB", 1, 4, AFI[family], 0, 1)


def four_octet_as(asn: int) -> bytes:
    """RFC 6793 3."""
    return struct.pack("!BBI", 65, 4, asn)


def graceful_restart(family: Family, seconds: int) -> bytes:
    """RFC 4724 3: it has kept its forwarding state."""
    return struct.pack("!BBHHBB", 64, 6, seconds, AFI[family], 1, 0x80)


class RecordingPeer:
    """`withdrawn` is every prefix that was ever withdrawn from it, in order; `advertised` how often each was
    advertised."""

    def __init__(self, segment: Segment, host: str, local: str, remote: str, router_id: str, asn: int) -> None:
        self.routes: dict[str, Route] = {}
        self.withdrawn: list[str] = []
        self.advertised: dict[str, int] = {}
        self.family: Family = 6 if ":" in local else 4
        self.peer = RawPeer(segment, host, local, remote)
        self._local = local
        capabilities = multiprotocol(self.family) + four_octet_as(asn) + graceful_restart(self.family, 60)
        self.peer.open(router_id, HOLD_TIME, capabilities, asn)
        self._reader = UpdateReader(Dialect(True, external=asn != LOCAL_AS), frozenset((self.family,)), frozenset())
        self._is_external = asn != LOCAL_AS

    def announce(
        self, prefix: str, communities: tuple[str, ...] = (), as_path: tuple[int, ...] = (), local_pref: int = 100
    ) -> None:
        attributes = intern_attributes(
            next_hop=pack_address(self._local),
            as_path=((AS_SEQUENCE, as_path),) if as_path else (),
            local_pref=None if self._is_external else local_pref,
            **_communities(communities),
        )
        block = encode_attributes(attributes, four_octet_as=True)
        for message in announcements(self.family, block, attributes.next_hop, [pack_nlri(prefix)], 4096):
            self.peer.socket.sendall(message)

    def withdraw(self, prefix: str) -> None:
        for message in withdrawals(self.family, [pack_nlri(prefix)], 4096):
            self.peer.socket.sendall(message)

    def end_of_rib(self) -> None:
        self.peer.socket.sendall(end_of_rib(self.family))

    def listen(self) -> dict[str, Route]:
        """What it knows now."""
        self.peer.send(4)
        while select.select([self.peer.socket], [], [], 0)[0]:
            kind, body = self.peer.receive()
            assert kind != 0, "the session is gone"
            assert kind != 3, f"NOTIFICATION {body!r}"
            if kind == 2:
                self._update(body)
        return self.routes

    def _update(self, body: bytes) -> None:
        update = self._reader.read(body)
        assert not update.error, update.error
        assert not update.discarded, update.discarded
        for family, keys in update.withdrawn:
            for key in keys:
                self.withdrawn.append(unpack_nlri(key, family))
                self.routes.pop(self.withdrawn[-1], None)
        for family, attributes, keys in update.announced:
            for key in keys:
                prefix = unpack_nlri(key, family)
                self.routes[prefix] = _route(attributes)
                self.advertised[prefix] = self.advertised.get(prefix, 0) + 1


def _communities(texts: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    values = [parse_community(text) for text in texts]
    return {
        "communities": tuple(value for value in values if isinstance(value, int)),
        "large_communities": tuple(value for value in values if isinstance(value, tuple)),
        "extended_communities": tuple(value for value in values if isinstance(value, bytes)),
    }


def _route(attributes: PathAttributes) -> Route:
    originator = attributes.originator_id
    return Route(
        next_hop=unpack_address(attributes.next_hop),
        as_path=tuple(asn for _, asns in attributes.as_path for asn in asns),
        local_pref=attributes.local_pref,
        communities=tuple(sorted(format_communities(attributes))),
        originator_id=unpack_address(originator) if originator else "",
        cluster_list=tuple(map(unpack_address, attributes.cluster_list)),
    )
