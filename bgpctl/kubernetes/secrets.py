"""The Secrets that BGPPeers and the BGPConfiguration name, and of them only the keys that these name.

Each is asked for by its name (get), never listed or watched, so a role needs no more than that for these names. A
changed Secret is seen within `Intervals.secrets`, one that is named from now on at once.

Rule: a Secret that could not be read stays as it was; it is absent only when the API server says so.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError, Failure
from bgpctl.kubernetes.intervals import USUAL, Intervals
from bgpctl.kubernetes.kinds import SECRET
from bgpctl.kubernetes.notices import Notices
from bgpctl.kubernetes.pauses import Pauses
from bgpctl.kubernetes.wire import Reader

SecretName = tuple[str, str]
Wanted = Mapping[SecretName, frozenset[str]]


@dataclass(slots=True)
class _Known:
    """What is known of one; `text` "" for absent, None for not known."""

    keys: frozenset[str]
    text: str | None = None
    failure: Failure | None = None
    failing_since: float = 0.0

    @property
    def is_settled(self) -> bool:
        return self.text is not None or (self.failure is not None and self.failure.cause is Cause.FORBIDDEN)


class SecretReader:
    def __init__(
        self, server: ApiServer, notices: Notices, changed: Callable[[], None], intervals: Intervals = USUAL
    ) -> None:
        self._server = server
        self._notices = notices
        self._changed = changed
        self._interval = intervals.secrets
        self._reader = Reader(SECRET)
        self._known: dict[SecretName, _Known] = {}
        self._pauses = Pauses(random.random)
        self._asked = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="follow secrets")

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})

    @property
    def wanted(self) -> Wanted:
        return {name: known.keys for name, known in self._known.items()}

    @property
    def is_settled(self) -> bool:
        return all(known.is_settled for known in self._known.values())

    def want(self, wanted: Wanted) -> None:
        """From now on these. What is known of one stays known if it has no other keys."""
        if wanted == self.wanted:
            return
        before = self._known
        self._known = {
            name: before[name] if name in before and before[name].keys == keys else _Known(keys)
            for name, keys in sorted(wanted.items())
        }
        self._asked.set()

    def documents(self) -> dict[str, str]:
        return {SECRET.name_of(*name): known.text for name, known in self._known.items() if known.text}

    def failures(self) -> dict[str, tuple[Failure, float]]:
        """What each fails with, and since when, by the name of the resource."""
        return {
            SECRET.name_of(*name): (known.failure, known.failing_since)
            for name, known in self._known.items()
            if known.failure
        }

    async def _run(self) -> None:
        while True:
            self._asked.clear()
            is_well = True
            for name, known in list(self._known.items()):
                is_well &= await self._read(name, known)
            if is_well:
                self._pauses.succeeded()
            pause = self._pauses.around(self._interval) if is_well else self._pauses.next()
            try:
                await asyncio.wait_for(self._asked.wait(), pause)
            except TimeoutError:
                continue

    async def _read(self, name: SecretName, known: _Known) -> bool:
        """Whether the next look is to be at the usual time."""
        before = (known.text, known.failure)
        try:
            known.text = self._reader.document(await self._server.get(SECRET.path_of(*name)), known.keys)
            known.failure = None
        except FailedError as error:
            if error.failure.cause is Cause.ABSENT:
                known.text, known.failure = "", None
            else:
                known.failure = error.failure
                self._notices.give(f"{SECRET.resource} {'/'.join(name)}", f"cannot be read: {error.failure}")
        except Exception as error:  # a fault of ours: the other Secrets, and this one after a pause, go on
            known.failure = Failure(Cause.NOT_READABLE, f"{type(error).__name__}, a fault of bgpctl")
            self._notices.give(SECRET.resource, "reading failed, a fault of bgpctl", error)
        if before[1] is None:
            known.failing_since = asyncio.get_running_loop().time()
        if (known.text, known.failure) != before:
            self._changed()
        return known.failure is None or known.failure.cause is Cause.FORBIDDEN
