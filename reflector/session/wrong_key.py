"""Whether a wrong TCP-MD5 key is the likely cause of a session's silence.

The kernel drops a segment whose signature does not fit, and neither end hears of it (RFC 2385 2). It counts what it has
dropped, for all connections of its network namespace together:

    counter             the segment has      the session has      so the peer probably
    TCPMD5Failure       another signature    a key                has another key
    TCPMD5NotFound      none                 a key                has none
    TCPMD5Unexpected    a signature          none                 has a key

Rule: a session is under suspicion when a counter that fits it has risen while it was silent. The counters name no peer,
so it is a likely cause, and the sentence says so.
"""

from __future__ import annotations

from reflector.kernel.md5_counters import FAILURE, NOT_FOUND, UNEXPECTED

# Whether the session has a key, and the sentence.
SUSPICIONS = {
    FAILURE: (True, "the peer probably has another TCP-MD5 key (segments with a wrong signature arrive at this host)"),
    NOT_FOUND: (True, "the peer probably has no TCP-MD5 key (segments without a signature arrive at this host)"),
    UNEXPECTED: (False, "the peer probably has a TCP-MD5 key, and this session has none (signed segments arrive here)"),
}


class WrongKeys:
    """Fed with the counters from time to time. Times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._rises: dict[str, float] = {}

    def observe(self, counts: dict[str, int], now: float) -> bool:
        """Whether a counter has risen; what was counted before the first observation says nothing."""
        risen = {name: now for name, count in counts.items() if count > self._counts.get(name, count)}
        self._rises |= risen
        self._counts = counts
        return bool(risen)

    def suspicion(self, since: float, *, has_password: bool) -> str:
        """The likely cause of a silence since then, "" for none; the newest one."""
        rises = {name: at for name, at in self._rises.items() if at >= since and SUSPICIONS[name][0] is has_password}
        return SUSPICIONS[max(rises, key=rises.__getitem__)][1] if rises else ""
