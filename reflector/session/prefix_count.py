"""How many routes of one family a session has brought, and which were left out: the numbers behind maximum prefixes."""

from __future__ import annotations


class PrefixCount:
    """One family of one session.

    routes      in the Adj-RIB-In when it was last counted; `level`: 1 when it was worth a warning, 2 beyond the limit
    left_out    keys that were dropped, as many as the limit; `more`: there were others
    refresh_at  when the peer may be asked for all its routes the next time
    """

    __slots__ = ("left_out", "level", "more", "refresh_at", "routes")

    def __init__(self) -> None:
        self.routes = 0
        self.level = 0
        self.left_out: set[bytes] = set()
        self.more = False
        self.refresh_at = 0.0

    @property
    def leaves_out(self) -> bool:
        return self.more or bool(self.left_out)

    def clear(self) -> None:
        """The peer will be asked for all that it has."""
        self.more = False
        self.left_out.clear()
