"""A peer that does not read: when it is cut off from its update group's log, and what it has missed since.

Rule: messages wait for a peer only up to LAG_BOUND octets of memory. Beyond that they are dropped and only their
prefixes are kept, each once, so that the memory a peer can cost is bounded by the number of prefixes. A message that is
half sent is finished. When the socket has taken all that is left, the newest state of every missed prefix is sent as
one chunk and the peer follows the log again. BGP allows that: an UPDATE replaces what was sent of its prefixes before
(RFC 4271 3.1), and withdrawing a route that the peer never had means nothing to it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from reflector.plan import Family

# Octets of memory that what waits for one peer may keep: the history of a million changes. To send the newest state
# instead is then the shorter way, and a few such peers still fit into memory.
LAG_BOUND = 64 * 1024 * 1024
# What a prefix of Contents costs beside its place in a packed UPDATE: a bytes object and the list's reference to it.
KEY_MEMORY = 56


class Contents(NamedTuple):
    """What a chunk of whole messages is about; enough to send it once more with newer routes.

    keys       the prefixes by family: the very lists that were encoded, not to be changed any more
    whole      families of which it holds the whole Loc-RIB
    refreshed  those of them where this answers a ROUTE-REFRESH
    ends       families whose End-of-RIB it holds
    """

    keys: tuple[tuple[Family, list[bytes]], ...] = ()
    whole: tuple[Family, ...] = ()
    refreshed: tuple[Family, ...] = ()
    ends: tuple[Family, ...] = ()


# A chunk that is about no routes: it is never dropped.
NO_ROUTES = Contents()


class Missed:
    """What a peer that is cut off has to be sent as soon as it reads."""

    def __init__(self) -> None:
        self.prefixes: defaultdict[Family, set[bytes]] = defaultdict(set)
        self.whole: set[Family] = set()
        self.refreshed: set[Family] = set()
        self.ends: set[Family] = set()

    def note(self, contents: Contents) -> None:
        """The peer will not be handed the chunk with these contents."""
        for family, keys in contents.keys:
            self.prefixes[family].update(keys)
        self.whole.update(contents.whole)
        self.refreshed.update(contents.refreshed)
        self.ends.update(contents.ends)
