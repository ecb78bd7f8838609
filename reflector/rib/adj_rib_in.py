"""Adj-RIB-In: what one peer has sent for one family, accepted or not (RFC 4271 3.2).

Keys are NLRI, with the path identifier in front on an add-path session (RFC 7911): `nlri` cuts it off.
"""

from __future__ import annotations

from collections.abc import Callable

from reflector.plan import Family
from reflector.rib.path import Path


class AdjRibIn:
    """`routes` holds the path of each key; rejected ones too, so that a new policy needs no route refresh. `stale` are
    the keys that a restarting peer has yet to send (RFC 4724); graceful_restart sets what concerns them:

    stale_since        when the session went down of whose routes not all have been sent since; None when synchronised
    stale_until        when something has to be done about them
    long_lived_until   when the last of them is withdrawn (RFC 9494), 0 where they do not outlive the restart time
    is_long_lived      the restart time has been over since then

    `refreshed` are the keys that a refresh under way has brought, None if there is none (enhanced_refresh). `waiting`
    are keys of each prefix of which the peer has too many paths (paths_per_prefix).
    """

    __slots__ = (
        "family",
        "has_path_ids",
        "is_long_lived",
        "long_lived_until",
        "nlri",
        "refreshed",
        "routes",
        "stale",
        "stale_since",
        "stale_until",
        "waiting",
    )

    def __init__(self, family: Family, has_path_ids: bool) -> None:
        self.family = family
        self.has_path_ids = has_path_ids
        self.routes: dict[bytes, Path] = {}
        self.stale: set[bytes] = set()
        self.refreshed: set[bytes] | None = None
        self.waiting: dict[bytes, dict[bytes, None]] = {}
        self.stale_since: float | None = None
        self.stale_until = 0.0
        self.long_lived_until = 0.0
        self.is_long_lived = False
        self.nlri: Callable[[bytes], bytes] = _without_path_id if has_path_ids else _whole

    def accepted(self) -> int:
        """How many routes take part in the decision process."""
        return sum(path.attributes is not None for path in self.routes.values())

    def mark_announced(self, keys: list[bytes]) -> None:
        if self.stale:
            self.stale.difference_update(keys)
        if self.refreshed is not None:
            self.refreshed.update(keys)

    def mark_withdrawn(self, keys: list[bytes]) -> None:
        if self.stale:
            self.stale.difference_update(keys)
        if self.refreshed:
            self.refreshed.difference_update(keys)

    def expected(self) -> list[bytes]:
        """What a refresh that is under way has not brought yet, in the order of the table: that of a set is another one
        in each process, and a replay's must not be."""
        refreshed = self.refreshed
        return [] if refreshed is None else [key for key in self.routes if key not in refreshed]

    def stale_keys(self) -> list[bytes]:
        """In the order of the table: that of a set is another one in each process, and a replay's must not be."""
        return [key for key in self.routes if key in self.stale] if self.stale else []

    def key(self, nlri: bytes, path_id: int) -> bytes:
        return path_id.to_bytes(4, "big") + nlri if self.has_path_ids else nlri

    def path_id(self, key: bytes) -> int:
        return int.from_bytes(key[:4], "big") if self.has_path_ids else 0

    def nlris(self, keys: list[bytes]) -> list[bytes]:
        return [key[4:] for key in keys] if self.has_path_ids else keys

    def by_path_id(self, keys: list[bytes]) -> dict[int, list[bytes]]:
        """Keys by their path identifier; the list itself if they share one."""
        if not self.has_path_ids:
            return {0: keys}
        divided: dict[bytes, list[bytes]] = {identifier: [] for identifier in dict.fromkeys(key[:4] for key in keys)}
        if len(divided) == 1:
            return {self.path_id(keys[0]): keys}
        for key in keys:
            divided[key[:4]].append(key)
        return {int.from_bytes(identifier, "big"): part for identifier, part in divided.items()}


def _whole(key: bytes) -> bytes:
    return key


def _without_path_id(key: bytes) -> bytes:
    return key[4:]
