"""The keys of a table in prefix order, page by page and in parts, however large the table is.

Rule: a turn looks at KEYS_A_TURN keys at most. They are sorted in runs, one a turn, and merged as pages are read; what
is left of an order waits for the request for its next page, so that a whole table is sorted once. The oldest order is
dropped for a new one: a request for its next page then starts a new order behind the last key of the page before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain
from typing import NamedTuple

from reflector.addresses import MAX_BITS
from reflector.messages import ShowRoutes, Table
from reflector.plan import Family
from reflector.show.incremental import Incremental
from reflector.wire.nlri import contains

KEYS_A_TURN = 2000
_MOST_WAITING = 2
_PATH_ID = 4


class Place(NamedTuple):
    """One key of a table: `path_id` is b"" where the table has none."""

    nlri: bytes
    path_id: bytes

    @property
    def key(self) -> bytes:
        return self.path_id + self.nlri


class Order:
    """Keys of one family as octets that sort by address, length, path identifier."""

    def __init__(self, family: Family) -> None:
        self._octets = MAX_BITS[family] // 8

    def pack(self, place: Place) -> bytes:
        nlri = place.nlri
        return nlri[1:].ljust(self._octets, b"\0") + nlri[:1] + place.path_id

    def unpack(self, packed: bytes) -> Place:
        end = self._octets
        return Place(packed[end : end + 1] + packed[: packed[end] + 7 >> 3], packed[end + 1 :])


class Question(NamedTuple):
    """What an order is of; pages of one order have this in common."""

    table: Table
    peer: str
    family: Family
    inside: str


class KeyOrders:
    """The orders of which more pages may be asked for, by question and the place behind which they go on."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Question, str], Iterator[bytes]] = {}

    def resume(self, request: ShowRoutes) -> Iterator[bytes] | None:
        return self._waiting.pop((_question(request), request.after), None)

    def keep(self, request: ShowRoutes, after: str, rest: Iterator[bytes], next_key: bytes) -> None:
        """`next_key` has been taken off the rest and belongs in front of it."""
        while len(self._waiting) >= _MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[_question(request), after] = chain((next_key,), rest)


def _question(request: ShowRoutes) -> Question:
    return Question(request.table, request.peer, request.family, request.inside)


def sort_keys(
    keys: Sequence[bytes], family: Family, *, has_path_ids: bool, inside: bytes | None, after: bytes
) -> Incremental[Iterator[bytes]]:
    """The keys inside a prefix that come behind `after` (packed), packed and in order."""
    order = Order(family)
    cut = _PATH_ID if has_path_ids else 0
    runs: list[list[bytes]] = []
    for start in range(0, len(keys), KEYS_A_TURN):
        places = (Place(key[cut:], key[:cut]) for key in keys[start : start + KEYS_A_TURN])
        packed = (order.pack(place) for place in places if inside is None or contains(inside, place.nlri))
        runs.append(sorted(each for each in packed if each > after))
        yield
    return merge(*runs)
