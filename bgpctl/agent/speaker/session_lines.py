"""The lines of the speaker's log, as the agent logs them: those about sessions as events, all others as they are."""

from __future__ import annotations

import logging

import msgspec
import structlog

from bgpctl.daemon.logs import pass_on
from reflector.session.session_line import BEGINNING, LEVEL_OF, SessionLine

_LEVELS = {event: logging.getLevelName(level.upper()) for event, level in LEVEL_OF.items()}


def log_line(log: structlog.typing.FilteringBoundLogger, line: str) -> None:
    """One line of speaker.log."""
    session = _about_a_session(line)
    if session is None:
        pass_on(log, "speaker log", line=line)
        return
    named = {"peer": session.peer, "session": session.session}
    optional = {"peer_node": session.peer_node, "reason": session.reason, "left_out": session.left_out}
    fields = named | {name: value for name, value in optional.items() if value}
    log.log(_LEVELS[session.event], session.event, **fields)


def _about_a_session(line: str) -> SessionLine | None:
    """None as well for half a line, which the speaker may leave when its disk is full."""
    if not line.startswith(BEGINNING):
        return None
    try:
        session = msgspec.json.decode(line, type=SessionLine)
    except msgspec.MsgspecError:
        return None
    return session if session.event in _LEVELS else None
