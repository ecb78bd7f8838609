"""Path identifiers that we give out: four octets that distinguish the paths of one prefix (RFC 7911 3).

Rule: an identifier stands for where a path came from, a peer and the identifier it had there, so that what comes from
the same place replaces what was advertised before. It is the same for all prefixes and all peers.
"""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakValueDictionary

FIRST_OF_PEERS = 2


class Identifier:
    """Shared by all paths that came from one place; it lives as long as the last of them."""

    __slots__ = ("__weakref__", "octets")

    def __init__(self, number: int) -> None:
        self.octets = number.to_bytes(4, "big")


# Of a route of this node itself, of which there is one a prefix; and of the only path where no more are advertised.
OWN = Identifier(1)


class Identifiers:
    """Those of one peer's paths. `numbers` is the engine's, so that no two places share one."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._known: WeakValueDictionary[int, Identifier] = WeakValueDictionary()

    def of(self, path_id: int) -> Identifier:
        """What stands for this path identifier of the peer, 0 on a session without add-path."""
        known = self._known.get(path_id)
        if known is None:
            known = self._known[path_id] = Identifier(next(self._numbers))
        return known
