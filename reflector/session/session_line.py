"""The speaker's log lines about sessions: what is worth one, and how many there may be.

    session up          it is Established
    session down        it was Established, and why it is not any more
    session not up      why an attempt failed: once for each obstacle since it was last up or down

Rule: a line is a change. An attempt that fails as the one before did is none. A session has BURST lines, and one more
for each REFILL seconds; of those beyond, the last one waits until it may be written, with the number of those that were
not. The agent reads these lines (bgpctl/agent/speaker/session_lines.py) and logs them as events of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from reflector.plan import SessionPlan
from reflector.session.obstacle import Failure, Obstacle

UP, DOWN, NOT_UP = "session up", "session down", "session not up"
# Levels of a plan's log_level, the most talkative first, and that of each line.
LEVELS = ("debug", "info", "warning", "error", "critical")
LEVEL_OF = {UP: "info", DOWN: "warning", NOT_UP: "warning"}
# How a line begins.
BEGINNING = '{"event":"session '
BURST = 10
REFILL = 600.0


class SessionLine(msgspec.Struct, frozen=True):
    """`left_out` lines about the session before this one were not written."""

    event: str
    session: str
    peer: str
    reason: str = ""
    peer_node: str = ""
    left_out: int = 0


class _Recent:
    """Of one session: how many lines it may have at once, and which one waits."""

    __slots__ = ("at", "failed_for", "left_out", "tokens", "waiting")

    def __init__(self, now: float) -> None:
        self.tokens = float(BURST)
        self.at = now
        self.failed_for: Obstacle | None = None
        self.waiting: SessionLine | None = None
        self.left_out = 0

    def may_write(self, now: float) -> bool:
        self.tokens = min(self.tokens + (now - self.at) / REFILL, float(BURST))
        self.at = now
        return self.tokens >= 1


class SessionLines:
    """Writes lines of `level` and more severe ones with `write`. Times are seconds of a clock that never goes back."""

    def __init__(self, write: Callable[[str], None], level: str = "info") -> None:
        self._write = write
        self._least = LEVELS.index(level) if level in LEVELS else LEVELS.index("info")
        self._recent: dict[str, _Recent] = {}
        self._waiting: set[str] = set()

    def up(self, session: SessionPlan, now: float) -> None:
        self._change(session, UP, "", now)

    def down(self, session: SessionPlan, reason: str, now: float) -> None:
        self._change(session, DOWN, reason, now)

    def not_up(self, session: SessionPlan, failure: Failure) -> None:
        recent = self._of(session.name, failure.at)
        if failure.obstacle is not recent.failed_for:
            recent.failed_for = failure.obstacle
            self._say(session, NOT_UP, failure.sentence, failure.at)

    def tick(self, now: float) -> None:
        """What waited and may be written now."""
        for name in list(self._waiting):
            recent = self._recent[name]
            if recent.waiting is not None and recent.may_write(now):
                self._out(recent, recent.waiting)
                self._waiting.discard(name)

    def keep(self, names: Collection[str]) -> None:
        """Forget all sessions but these."""
        for name in self._recent.keys() - set(names):
            del self._recent[name]
            self._waiting.discard(name)

    def _change(self, session: SessionPlan, event: str, reason: str, now: float) -> None:
        self._of(session.name, now).failed_for = None
        self._say(session, event, reason, now)

    def _say(self, session: SessionPlan, event: str, reason: str, now: float) -> None:
        if LEVELS.index(LEVEL_OF[event]) < self._least:
            return
        recent = self._of(session.name, now)
        line = SessionLine(event, session.name, session.peer_address, reason, session.peer_node)
        if recent.may_write(now):
            self._waiting.discard(session.name)
            self._out(recent, line)
            return
        recent.left_out += recent.waiting is not None
        recent.waiting = line
        self._waiting.add(session.name)

    def _out(self, recent: _Recent, line: SessionLine) -> None:
        left_out = recent.left_out + (recent.waiting is not None and recent.waiting is not line)
        recent.tokens -= 1
        recent.waiting, recent.left_out = None, 0
        self._write(msgspec.json.encode(msgspec.structs.replace(line, left_out=left_out)).decode())

    def _of(self, name: str, now: float) -> _Recent:
        recent = self._recent.get(name)
        if recent is None:
            recent = self._recent[name] = _Recent(now)
        return recent
