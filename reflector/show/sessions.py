"""How the sessions stand: which of the plan's are Established, and since when and why the others are not.

Rule: no route is looked at, so this may be asked at any time. A session is overdue when it has been down for longer
than an attempt takes, with the longest pause before it: its peer, or what is between, must have been in the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reflector.engine import Engine
from reflector.messages import DownSession, FlappingSession, Sessions, UnknownPeerStatus
from reflector.peer import DOWNS_KEPT, Peer
from reflector.session.set_up import NOT_BEGUN, SetUp, SetUps
from reflector.session.unknown_peers import UnknownPeer

# Seconds. An attempt takes 5 s at most, and so does the pause before it (connecting_peer, retry_delay).
OVERDUE = 10.0
# A session that went down DOWNS_KEPT times within so many seconds flaps.
FLAPPING = 600.0


class LastError(NamedTuple):
    """`age` is seconds since then, 0 without one."""

    sentence: str
    age: float


def sessions(engine: Engine, set_ups: SetUps, now: float, limit: int) -> Sessions:
    peers = engine.peers.values()
    down = sorted((peer for peer in peers if not peer.is_established), key=lambda peer: peer.since)
    return Sessions(
        expected=len(peers),
        established=len(peers) - len(down),
        overdue=sum(_is_overdue(peer, now) for peer in down),
        flapping=tuple(_flapping(peer) for peer in peers if _is_flapping(peer, now))[:limit],
        down=tuple(_down(peer, set_ups.get(peer.name, NOT_BEGUN), now) for peer in down[:limit]),
    )


def last_error(peer: Peer, set_up: SetUp, now: float) -> LastError:
    """Why the last attempt failed since the session was Established, else why it last went down."""
    failure = set_up.failure
    if failure is not None and not peer.is_established:
        return LastError(failure.sentence, now - failure.at)
    return LastError(peer.last_error, now - peer.last_error_at if peer.last_error else 0.0)


def unknown_peers(peers: Iterable[UnknownPeer], now: float) -> tuple[UnknownPeerStatus, ...]:
    return tuple(UnknownPeerStatus(peer.address, peer.local_address, peer.connections, now - peer.at) for peer in peers)


def _is_overdue(peer: Peer, now: float) -> bool:
    return now - peer.since > OVERDUE


def _is_flapping(peer: Peer, now: float) -> bool:
    return len(peer.downs) == DOWNS_KEPT and now - peer.downs[0] < FLAPPING


def _flapping(peer: Peer) -> FlappingSession:
    return FlappingSession(peer.name, peer.session.peer_address, peer.session.peer_node, peer.last_error)


def _down(peer: Peer, set_up: SetUp, now: float) -> DownSession:
    session, error = peer.session, last_error(peer, set_up, now)
    return DownSession(
        name=peer.name,
        peer_address=session.peer_address,
        peer_as=session.peer_as,
        peer_node=session.peer_node,
        state=set_up.state,
        down=now - peer.since,
        is_overdue=_is_overdue(peer, now),
        last_error=error.sentence,
        last_error_age=error.age,
        ended=peer.last_error,
    )
