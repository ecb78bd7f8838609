"""What a hostile peer sends and we pass on does not reset the sessions of FRR and OpenBGPD behind us."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from frr import Frr
from malformed import INSIDE, OPTIONAL, OPTIONAL_TRANSITIVE, PREFIX, TRANSITIVE, attribute, good, update
from neighbour import Daemon, Peering, Router
from openbgpd import OpenBgpd
from recording_peer import four_octet_as, multiprotocol
from segment import LISTEN, LOCAL_AS, RawPeer, Segment, Speaker, eventually, session

from bgpctl.compiler.rendering.exabgp_conf import render_exabgp_conf
from reflector.plan import NodePlan

pytestmark = pytest.mark.netns

US = "10.9.0.1"
ADDRESSES = {Frr: "10.9.0.12", OpenBgpd: "10.9.0.13"}
PARTIAL = 0x20
# Sent after each case: a daemon that has it has read what came before.
LAST = "10.246.0.0/24"
LAST_NLRI = b"\x18\x0a\xf6\0"

RELAYED = {
    "ATOMIC_AGGREGATE with the Partial bit": attribute(TRANSITIVE | PARTIAL, 6, b""),
    "MULTI_EXIT_DISC with the Partial bit": attribute(OPTIONAL | PARTIAL, 4, b"\0\0\0\1"),
    "PMSI_TUNNEL, empty": attribute(OPTIONAL_TRANSITIVE, 22, b""),
    "TUNNEL_ENCAPSULATION, empty": attribute(OPTIONAL_TRANSITIVE, 23, b""),
    "IPv6 extended communities of 19 octets": attribute(OPTIONAL_TRANSITIVE, 25, bytes(19)),
    "AIGP as transitive": attribute(OPTIONAL_TRANSITIVE, 26, bytes(11)),
    "BGP-LS as transitive": attribute(OPTIONAL_TRANSITIVE, 29, b"a"),
    "PREFIX_SID, truncated": attribute(OPTIONAL_TRANSITIVE, 40, b"\xff"),
    "ATTR_SET of three octets": attribute(OPTIONAL_TRANSITIVE, 128, bytes(3)),
    "an unknown one": attribute(OPTIONAL_TRANSITIVE, 99, b"abc"),
}


class Arena:
    """Our speaker, FRR and OpenBGPD as its clients, and a hostile client."""

    def __init__(self, segment: Segment) -> None:
        segment.host("us", f"{US}/16")
        segment.host("hostile", f"{INSIDE}/16")
        clients = (INSIDE, *ADDRESSES.values())
        sessions = tuple(session(address, US, rr_client=True, passive=address == INSIDE) for address in clients)
        plan = NodePlan("us", US, cluster_id=US, listen=LISTEN, sessions=sessions)
        self.us = Speaker(segment, "us", plan, render_exabgp_conf(plan))
        self.daemons: dict[Daemon, Peering] = {}
        for kind, address in ADDRESSES.items():
            segment.host(kind.name, f"{address}/16")
            peering = Peering(address, US, LOCAL_AS)
            daemon: Daemon = kind(segment, kind.name, Router(LOCAL_AS, address, (peering,)))
            daemon.start()
            self.daemons[daemon] = peering
        self.us.wait_listening()
        for address in ADDRESSES.values():
            eventually(
                lambda name=f"to-{address}": self.us.peers()[name].state == "Established", f"{address} is Established"
            )
        self.hostile = RawPeer(segment, "hostile", INSIDE, US)
        self.hostile.open(INSIDE, 0, multiprotocol(4) + four_octet_as(LOCAL_AS), LOCAL_AS)

    def announce(self, *extra: bytes) -> None:
        self.hostile.socket.sendall(update(b"".join((*good().values(), *extra))))

    def announce_last(self, med: int) -> None:
        block = b"".join((*good().values(), attribute(OPTIONAL, 4, med.to_bytes(4, "big"))))
        self.hostile.socket.sendall(update(block, LAST_NLRI))

    def flaps(self) -> dict[str, int]:
        return {name: status.flaps for name, status in self.us.peers().items()}


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    for kind in ADDRESSES:
        if not kind.is_installed():
            pytest.skip(f"{kind.name} is not installed (Debian package {kind.package})")
    segment = Segment(tmp_path_factory.mktemp("relayed"))
    try:
        yield Arena(segment)
    finally:
        segment.close()


@pytest.mark.parametrize("extra", RELAYED.values(), ids=RELAYED.keys())
def test_no_session_behind_us_is_reset(arena: Arena, extra: bytes) -> None:
    before = arena.flaps()
    arena.announce(extra)
    arena.announce_last(list(RELAYED.values()).index(extra))
    for daemon, peering in arena.daemons.items():
        eventually(lambda d=daemon, p=peering: LAST in dict(d.paths(p)), f"{daemon.name} has {LAST}")
        assert daemon.is_established(peering)
    assert arena.flaps() == before
    assert PREFIX
