"""Who has connected without being in the plan: the last addresses, with how often and when.

Rule: it costs the same however many there are, and holds MOST addresses at most; the one that was silent for longest
goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

MOST = 64


class UnknownPeer(NamedTuple):
    """`local_address` is the one that it connected to last; `at` is seconds of a clock that never goes back."""

    address: str
    local_address: str
    connections: int
    at: float


class UnknownPeers:
    def __init__(self) -> None:
        self.connections = 0
        self._known: OrderedDict[str, UnknownPeer] = OrderedDict()

    def note(self, address: str, local_address: str, at: float) -> None:
        self.connections += 1
        before = self._known.pop(address, None)
        self._known[address] = UnknownPeer(address, local_address, before.connections + 1 if before else 1, at)
        if len(self._known) > MOST:
            self._known.popitem(last=False)

    def forget(self, addresses: frozenset[str]) -> None:
        """They are in the plan now."""
        for address in addresses & self._known.keys():
            del self._known[address]

    def __iter__(self) -> Iterator[UnknownPeer]:
        """The newest first."""
        return reversed(list(self._known.values()))
