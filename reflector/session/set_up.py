"""How far a session has come that is not Established, as the session layer has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reflector.session.obstacle import Failure, Obstacle


class SetUp(NamedTuple):
    """`state` is that of the BGP finite state machine; `failure` of the last attempt since the session was Established;
    `failures` are all attempts that failed, by obstacle."""

    state: str = "Idle"
    failure: Failure | None = None
    failures: Mapping[Obstacle, int] = {}


NOT_BEGUN = SetUp()
# By the name of the session.
SetUps = Mapping[str, SetUp]
