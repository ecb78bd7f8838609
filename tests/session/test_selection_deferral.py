"""When a freshly started speaker calls its Loc-RIB complete (RFC 4724 4.1)."""

from __future__ import annotations

from itertools import count

import pytest
from segment import session

from reflector.addresses import pack_address
from reflector.inbound.selection_deferral import DEFERRAL_TIME, GRACE_WITHOUT_MARKER, SelectionDeferral
from reflector.peer import Peer
from reflector.rib.path_identifier import Identifiers
from reflector.session.negotiated import GracefulRestart, Negotiated

ADDRESS = pack_address("10.9.0.9")


def silent_peer(number: int) -> Peer:
    return Peer(session(f"10.9.0.{number}", "10.9.0.9"), 0.0, Identifiers(count(2)))


ALIVE = GracefulRestart(120, False, frozenset({4}), frozenset({4}))
RESTARTING = ALIVE._replace(is_restarting=True)


def established_peer(number: int, graceful_restart: GracefulRestart | None = ALIVE, *, now: float = 0.0) -> Peer:
    peer = silent_peer(number)
    peer.establish(Negotiated(ADDRESS, ADDRESS, (4,), 90, graceful_restart=graceful_restart), now)
    return peer


def test_it_is_complete_when_every_peer_has_sent_its_end_of_rib() -> None:
    deferral, peers = SelectionDeferral(0.0, waits_for_restarting=True), [established_peer(1), established_peer(2)]
    peers[0].end_of_rib.add(4)
    assert not deferral.check(peers, 1.0)
    peers[1].end_of_rib.add(4)
    assert deferral.check(peers, 1.1)
    assert deferral.is_over


def test_the_end_is_reported_once() -> None:
    deferral = SelectionDeferral(0.0, waits_for_restarting=True)
    assert deferral.check([], 0.0)
    assert not deferral.check([], 0.1)


def test_a_peer_that_stays_away_is_waited_for_until_the_timer_is_over() -> None:
    deferral, complete = SelectionDeferral(0.0, waits_for_restarting=True), established_peer(1)
    complete.end_of_rib.add(4)
    peers = [complete, silent_peer(2)]
    assert not deferral.check(peers, DEFERRAL_TIME - 0.1)
    assert deferral.check(peers, DEFERRAL_TIME)


@pytest.mark.parametrize("hours", [0.1, 24])
def test_nothing_is_concluded_while_nobody_has_been_heard(hours: float) -> None:
    assert not SelectionDeferral(0.0, waits_for_restarting=True).check([silent_peer(1), silent_peer(2)], hours * 3600)


def test_a_peer_without_graceful_restart_is_given_a_moment() -> None:
    deferral, peer = SelectionDeferral(0.0, waits_for_restarting=True), established_peer(1, None, now=1.0)
    assert not deferral.check([peer], 1.0 + GRACE_WITHOUT_MARKER - 0.1)
    assert deferral.check([peer], 1.0 + GRACE_WITHOUT_MARKER)


def test_our_own_markers_do_not_wait_for_a_peer_that_waits_for_ours() -> None:
    """RFC 4724 4.1: the Restart State bit is there to break that circle."""
    peers = [established_peer(1, RESTARTING)]
    assert SelectionDeferral(0.0, waits_for_restarting=False).check(peers, 0.1)
    assert not SelectionDeferral(0.0, waits_for_restarting=True).check(peers, 0.1)
