"""How the sessions stand: which of the plan's are Established, and since when and why the others are not.

Rule: no route is looked at, so this may be asked at any time. A session is overdue when it has been down for longer
than an attempt takes, with the longest pause before it: its peer, or what is between, must have been in the way.
"""

from __future__ import annotations

from reflector.engine import Engine
from reflector.messages import DownSession, Sessions
from reflector.peer import Peer

# Seconds. An attempt takes 5 s at most, and so does the pause before it (connecting_peer, retry_delay).
OVERDUE = 10.0


def sessions(engine: Engine, states: dict[str, str], now: float, limit: int) -> Sessions:
    """`states` are the FSM states of those that are not Established, by name."""
    peers = engine.peers.values()
    down = sorted((peer for peer in peers if not peer.is_established), key=lambda peer: peer.since)
    return Sessions(
        expected=len(peers),
        established=len(peers) - len(down),
        overdue=sum(_is_overdue(peer, now) for peer in down),
        down=tuple(_down(peer, states.get(peer.name, "Idle"), now) for peer in down[:limit]),
    )


def _is_overdue(peer: Peer, now: float) -> bool:
    return now - peer.since > OVERDUE


def _down(peer: Peer, state: str, now: float) -> DownSession:
    session = peer.session
    return DownSession(
        name=peer.name,
        peer_address=session.peer_address,
        peer_as=session.peer_as,
        peer_node=session.peer_node,
        state=state,
        down=now - peer.since,
        is_overdue=_is_overdue(peer, now),
        last_error=peer.last_error,
        last_error_age=now - peer.last_error_at if peer.last_error else 0.0,
    )
