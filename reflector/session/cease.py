"""The Cease NOTIFICATION with which a session ends (RFC 4486).

    the session left the plan               Cease, Peer De-configured            RFC 4486 4
    it is suppressed                        Cease, Administrative Shutdown       with the reason (RFC 9003)
    its definition changed                  Cease, Other Configuration Change
    the speaker stops, no graceful restart  Cease, Administrative Shutdown       with the reason
    the speaker stops, graceful restart     nothing: a NOTIFICATION would make it flush its routes (RFC 4724 4)
    the speaker stops, its routes withdrawn Cease, Administrative Shutdown       with the reason of the drain (drain)

What both ends negotiated of graceful restart makes a hard reset of some of these (ending.sent_ending).
"""

from __future__ import annotations

from reflector.wire.message import Cease, ErrorCode, notification

LONGEST_TEXT = 255


def cease(subcode: Cease, text: str = "") -> bytes:
    """A Cease NOTIFICATION. The text is UTF-8 and cut to what fits (RFC 9003 2); of the subcodes only Administrative
    Shutdown and Administrative Reset take one."""
    if not text:
        return notification(ErrorCode.CEASE, subcode)
    data = text.encode()[:LONGEST_TEXT].decode(errors="ignore").encode()
    return notification(ErrorCode.CEASE, subcode, bytes((len(data),)) + data)
