"""The Loc-RIB as a stream: the whole table, then every change in sequence; who resumes is sent what it missed.

Rule: a subscriber that follows the changes from the first part of a synchronisation on has the Loc-RIB after its last
part, though turns pass between the parts: a part has routes as they are when it is made, and later changes follow as
changes. The newest changes are kept as frames, up to HISTORY_OCTETS, for a subscriber that lost its connection; the
`epoch` separates this speaker's sequence numbers from an earlier one's. No change costs anything before the first
subscription.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgspec import structs

from reflector.addresses import FAMILIES
from reflector.commands import Changes
from reflector.engine import Engine
from reflector.messages import LocRibRoutes, LocRibUpdate, frame
from reflector.plan import Family
from reflector.rib.loc_rib import LocRib, Selection, Transition, best, next_hops
from reflector.rib.path import Path

# How many routes one frame of a synchronisation carries at most; a turn makes one such frame.
ROUTES_PER_UPDATE = 500
# A change of one route takes 40 octets or less, so this is the history of 200,000 of them or more.
HISTORY_OCTETS = 8 * 1024 * 1024


class LocRibStream:
    """Numbers the changes and keeps the newest."""

    def __init__(self, epoch: str, bound: int = HISTORY_OCTETS) -> None:
        self.epoch = epoch
        self.sequence = 0
        self._bound = bound
        self._frames: deque[bytes] = deque()
        self._octets = 0
        self._is_followed = False
        self._was_complete = False

    def follow(self) -> None:
        """A subscriber synchronises: from now on changes count."""
        self._is_followed = True

    def publish(
        self, changes: Changes, *, is_complete: bool, read_at: float = 0.0
    ) -> tuple[LocRibUpdate, bytes] | None:
        """The update for subscribers after a turn, and its frame; None if nothing has changed for them. No one is in
        sync before the Loc-RIB is complete; that it has become complete is a change, too."""
        becomes_complete = is_complete and not self._was_complete
        self._was_complete = is_complete
        if not self._is_followed:
            return None
        update = loc_rib_changes(changes, self.sequence + 1)
        if update is None and becomes_complete:
            update = LocRibUpdate(self.sequence + 1)
        if update is None:
            return None
        self.sequence += 1
        update = structs.replace(update, in_sync=is_complete, read_at=read_at)
        octets = frame(update)
        self._keep(octets)
        return update, octets

    def _keep(self, octets: bytes) -> None:
        self._frames.append(octets)
        self._octets += len(octets)
        while self._octets > self._bound:
            self._octets -= len(self._frames.popleft())

    def since(self, epoch: str, after: int) -> bytes | None:
        """The frames of the updates behind this one; None if they are not all here."""
        missed = self.sequence - after
        if epoch != self.epoch or not 0 <= missed <= len(self._frames):
            return None
        return b"".join(list(self._frames)[len(self._frames) - missed :])


# ----------------------------------------------------------------------------------- synchronisation


def loc_rib_sync(engine: Engine) -> Iterator[tuple[tuple[LocRibRoutes, ...], bool]]:
    """The whole Loc-RIB in parts: routes, and whether this is the last part. At least one part."""
    tables = [(rib, rib.prefixes()) for rib in engine.ribs.values()]
    parts = [(rib, keys, start) for rib, keys in tables for start in range(0, len(keys), ROUTES_PER_UPDATE)]
    for count, (rib, keys, start) in enumerate(parts, 1):
        yield _routes_now(rib, keys[start : start + ROUTES_PER_UPDATE]), count == len(parts)
    if not parts:
        yield (), True


def _routes_now(rib: LocRib, keys: list[bytes]) -> tuple[LocRibRoutes, ...]:
    """The settled routes of those of the prefixes that have one."""
    grouped: dict[tuple[Path, tuple[bytes, ...]], list[bytes]] = {}
    for nlri in keys:
        selection = rib.selection(nlri)
        path = best(selection)
        if path is not None:
            grouped.setdefault((path, next_hops(selection)), []).append(nlri)
    return tuple(_loc_rib_routes(path, hops, group) for (path, hops), group in grouped.items())


# ------------------------------------------------------------------------------------------- changes


def loc_rib_changes(changes: Changes, sequence: int) -> LocRibUpdate | None:
    """A turn's changes for subscribers, None if there were none."""
    routes: list[LocRibRoutes] = []
    withdrawn: dict[Family, list[bytes]] = {4: [], 6: []}
    for family in FAMILIES:
        for (path, hops), keys in _newest(changes[family]).items():
            if path is None:
                withdrawn[family] += keys
            else:
                routes.append(_loc_rib_routes(path, hops, keys))
    if not routes and not any(withdrawn.values()):
        return None
    return LocRibUpdate(sequence, tuple(routes), tuple(withdrawn[4]), tuple(withdrawn[6]))


# What subscribers see of a prefix: its best route and the next hops of all that are as good.
_Published = tuple[Path | None, tuple[bytes, ...]]


def _newest(changes: list[tuple[Transition, list[bytes]]]) -> dict[_Published, list[bytes]]:
    """What the FIB sees of the changes; a prefix that moved several times before the flush counts where it ended."""
    seen = [
        (_published(transition.after), keys)
        for transition, keys in changes
        if _published(transition.before) != _published(transition.after)
    ]
    newest: dict[_Published, list[bytes]] = {}
    if len(set().union(*(keys for _, keys in seen))) == sum(len(keys) for _, keys in seen):
        for published, keys in seen:
            newest.setdefault(published, []).extend(keys)
        return newest
    for nlri, published in {nlri: published for published, keys in seen for nlri in keys}.items():
        newest.setdefault(published, []).append(nlri)
    return newest


def _published(selection: Selection) -> _Published:
    return best(selection), next_hops(selection)


def _loc_rib_routes(path: Path, hops: tuple[bytes, ...], keys: list[bytes]) -> LocRibRoutes:
    return LocRibRoutes(
        family=path.family,
        source=path.source,
        session_type=path.session_type,
        next_hops=tuple(hop[:16] for hop in hops if hop),
        local_pref=path.local_pref,
        interface=path.interface,
        nlri=tuple(keys),
    )
