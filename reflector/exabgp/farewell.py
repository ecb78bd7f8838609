"""What a peer is told when its session ends, and how it has to take it.

    the session left the plan               Cease, Peer De-configured            RFC 4486 4
    it is held: asked for, but not to be up Cease, Administrative Shutdown       with the reason (RFC 9003)
    its definition changed                  Cease, Other Configuration Change
    the speaker stops, no graceful restart  Cease, Administrative Shutdown       with the reason
    the speaker stops, graceful restart     nothing: a NOTIFICATION would make it flush its routes (RFC 4724 4)

Rule: where both ends have said N, a NOTIFICATION is a restart and routes stay. One that means that they shall go is
wrapped into a Hard Reset (RFC 8538 3.1); which ones those are is the suggestion of its section 5.
"""

from __future__ import annotations

from reflector.peer import Negotiated
from reflector.wire.message import HEADER_LENGTH, Cease, ErrorCode, notification

LONGEST_TEXT = 255
_HARD = frozenset({Cease.MAXIMUM_PREFIXES, Cease.ADMINISTRATIVE_SHUTDOWN, Cease.PEER_DECONFIGURED})


def cease(subcode: Cease, text: str = "") -> bytes:
    """A Cease NOTIFICATION. The text is UTF-8 and cut to what fits (RFC 9003 2); of the subcodes only Administrative
    Shutdown and Administrative Reset take one."""
    if not text:
        return notification(ErrorCode.CEASE, subcode)
    data = text.encode()[:LONGEST_TEXT].decode(errors="ignore").encode()
    return notification(ErrorCode.CEASE, subcode, bytes((len(data),)) + data)


def as_meant(message: bytes, negotiated: Negotiated | None) -> bytes:
    """The NOTIFICATION as this peer has to be sent it, so that it flushes routes if that is what it is for."""
    restart = negotiated.graceful_restart if negotiated is not None else None
    body = message[HEADER_LENGTH:]
    if restart is None or not restart.notification or not body or body[0] != ErrorCode.CEASE or body[1] not in _HARD:
        return message
    return notification(ErrorCode.CEASE, Cease.HARD_RESET, body)
