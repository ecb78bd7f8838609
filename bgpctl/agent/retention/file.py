"""RUN_DIRECTORY/retained: what an agent knows of routes that are retained, for the one after it.

Rule: the file is there only while routes are retained. It has until when they may stay, and their BGP next hops: the
kernel does not have those, and a speaker that was restarted as well has nothing. It adds no route: what is not in the
kernel any more is not taken from here. A file that cannot be read is as good as none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.private_file import write_private
from bgpctl.fib.core.desired import Paths
from reflector.kernel.route import Destination
from reflector.plan import Family

# While the routes change they are written at most so often, in seconds.
WRITE_PAUSE = 10.0

log = get_logger("retention")


class RetainedRoutes(msgspec.Struct, frozen=True, array_like=True):
    """Routes with the same next hops; `nlri` as in LocRibRoutes."""

    family: Family
    next_hops: tuple[bytes, ...]
    local_pref: int
    nlri: tuple[bytes, ...]

    @property
    def paths(self) -> Paths:
        return Paths(self.next_hops, self.local_pref)

    @property
    def destinations(self) -> list[Destination]:
        return [(self.family, each) for each in self.nlri]


class RetainedState(msgspec.Struct, frozen=True):
    """`until`: when the last of them goes, in seconds since the epoch."""

    until: float = 0.0
    routes: tuple[RetainedRoutes, ...] = ()


NOTHING = RetainedState()


def gathered(known: Iterable[tuple[Destination, Paths]]) -> tuple[RetainedRoutes, ...]:
    groups: dict[tuple[Family, Paths], list[bytes]] = {}
    for (family, nlri), paths in known:
        groups.setdefault((family, paths), []).append(nlri)
    return tuple(
        RetainedRoutes(family, paths.next_hops, paths.local_pref, tuple(nlri))
        for (family, paths), nlri in groups.items()
    )


class RetainedFile:
    """Made once for each agent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._may_exist = True
        self._written_at: tuple[object, float] = (None, 0.0)

    def read(self, now: float) -> RetainedState:
        """What an earlier agent left, unless its time is over."""
        try:
            memory = msgspec.msgpack.decode(self._path.read_bytes(), type=RetainedState)
        except FileNotFoundError:
            return NOTHING
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("what is known of retained routes is not readable, it is left aside", error=str(error))
            return NOTHING
        return memory if memory.until > now else NOTHING

    def keep(
        self, until: float, state: object, known: Callable[[], Iterable[tuple[Destination, Paths]]], now: float
    ) -> None:
        """Written when `state` is another one, though at most every WRITE_PAUSE; `now` is of a clock that never goes
        back."""
        before, written_at = self._written_at
        if state != before and (before is None or now >= written_at + WRITE_PAUSE):
            self._written_at = state, now
            self.write(RetainedState(until, gathered(known())))

    def write(self, memory: RetainedState) -> None:
        """A disk that is full costs only this knowledge."""
        self._may_exist = True
        try:
            write_private(self._path, msgspec.msgpack.encode(memory))
        except OSError as error:
            log.warning("what is known of retained routes is not kept for the next agent", error=str(error))

    def remove(self) -> None:
        if self._may_exist:
            self._path.unlink(missing_ok=True)
        self._may_exist, self._written_at = False, (None, 0.0)
