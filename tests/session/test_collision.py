"""Which of two colliding connections stays: both ends keep the same one (RFC 4271 6.8)."""

from __future__ import annotations

from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from reflector.exabgp.collision import own_address_is_higher, takes_the_place

LOW, HIGH = "10.9.0.1", "10.9.0.9"


def identifier(address: str) -> SimpleNamespace:
    return SimpleNamespace(pack=lambda: ip_address(address).packed)


def neighbor(peer: str, router_id: str) -> dict[str, object]:
    return {"peer-address": peer, "router-id": identifier(router_id)}


def negotiating(direction: str, peers_identifier: str = "") -> SimpleNamespace:
    """A connection that a session is negotiated on, with the peer's OPEN if it has come."""
    received = SimpleNamespace(router_id=identifier(peers_identifier)) if peers_identifier else None
    return SimpleNamespace(
        connection=SimpleNamespace(direction=direction), negotiated=SimpleNamespace(received_open=received)
    )


def incoming(own: str) -> SimpleNamespace:
    return SimpleNamespace(io=SimpleNamespace(getsockname=lambda: (own, 179)))


def test_a_second_connection_of_the_peer_takes_the_place_of_its_first() -> None:
    for peers_identifier in ("", LOW, HIGH):
        assert takes_the_place(negotiating("incoming", peers_identifier), neighbor(LOW, HIGH), incoming(HIGH))


@pytest.mark.parametrize(("own", "peers", "taken"), [(LOW, HIGH, True), (HIGH, LOW, False)])
def test_with_the_peers_open_identifiers_decide(own: str, peers: str, taken: bool) -> None:
    """Whatever the addresses are."""
    for own_address, peer in ((LOW, HIGH), (HIGH, LOW)):
        assert takes_the_place(negotiating("outgoing", peers), neighbor(peer, own), incoming(own_address)) == taken


@pytest.mark.parametrize(("own", "peer", "taken"), [(LOW, HIGH, True), (HIGH, LOW, False)])
def test_without_it_addresses_stand_for_them(own: str, peer: str, taken: bool) -> None:
    for router_id in (LOW, HIGH):
        assert takes_the_place(negotiating("outgoing"), neighbor(peer, router_id), incoming(own)) == taken


@pytest.mark.parametrize(
    ("own", "peer", "higher"),
    [("10.9.0.10", "10.9.0.9", True), ("fe80::2%eth0", "fe80::1", True), ("fe80::1%eth0", "fe80::2", False)],
)
def test_addresses_are_compared_as_numbers_and_without_their_scope(own: str, peer: str, higher: bool) -> None:
    assert own_address_is_higher(neighbor(peer, LOW), incoming(own)) == higher


@pytest.mark.parametrize(("a", "b"), [(LOW, HIGH), (HIGH, LOW)])
def test_both_ends_keep_the_same_connection(a: str, b: str) -> None:
    """Each end is negotiating on the one that it has dialled, and is asked for the other's."""
    keeps_that_of_b = takes_the_place(negotiating("outgoing", b), neighbor(b, a), incoming(a))
    keeps_that_of_a = takes_the_place(negotiating("outgoing", a), neighbor(a, b), incoming(b))
    assert keeps_that_of_b != keeps_that_of_a
