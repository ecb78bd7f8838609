"""How a session ended, and whether its routes stay for that (RFC 4724 4.2, RFC 8538).

    how the session ended                          graceful restart    with N of both (RFC 8538 2)
    the connection is lost: no NOTIFICATION        routes stay         routes stay
    a NOTIFICATION, sent or received; the hold     routes go           routes stay
    timer is one that we send
    for good: a hard reset, sent or received, or   routes go           routes go
    the session is no longer in the plan

Rule: what will not pass by itself is sent as a hard reset to a peer with N (RFC 8538 5.1), so that both ends agree.
"""

from __future__ import annotations

from enum import Enum

from reflector.session.negotiated import Negotiated
from reflector.wire.message import HEADER_LENGTH, Cease, ErrorCode, hard_reset, is_hard_reset


class Ending(Enum):
    LOST = "lost"
    NOTIFICATION = "notification"
    FOR_GOOD = "for good"


# Whether routes stay, by how the session ended and whether both ends sent N.
STAYS: dict[tuple[Ending, bool], bool] = {
    (Ending.LOST, False): True,
    (Ending.LOST, True): True,
    (Ending.NOTIFICATION, False): False,
    (Ending.NOTIFICATION, True): True,
    (Ending.FOR_GOOD, False): False,
    (Ending.FOR_GOOD, True): False,
}

_HARD_RESETS = frozenset(
    bytes((ErrorCode.CEASE, subcode))
    for subcode in (Cease.MAXIMUM_PREFIXES, Cease.ADMINISTRATIVE_SHUTDOWN, Cease.PEER_DECONFIGURED, Cease.HARD_RESET)
)


def received_ending(body: bytes) -> Ending:
    """How the peer's NOTIFICATION ends the session."""
    return Ending.FOR_GOOD if is_hard_reset(body) else Ending.NOTIFICATION


def sent_ending(negotiated: Negotiated | None, message: bytes) -> tuple[bytes, Ending]:
    """The NOTIFICATION that is sent for this one, and how it ends the session. b"" ends it for good, without one."""
    body = message[HEADER_LENGTH:]
    if body and body[:2] not in _HARD_RESETS:
        return message, Ending.NOTIFICATION
    restart = negotiated.graceful_restart if negotiated is not None else None
    if not body or is_hard_reset(body) or restart is None or not restart.notification:
        return message, Ending.FOR_GOOD
    return hard_reset(body), Ending.FOR_GOOD
