"""Commands: what the engine asks of the owner of the sockets and of the Loc-RIB's subscribers, once a turn.

Rule: an event returns nothing to do; the flush at the end of its turn does. What became of a Close comes back as an
event (session_down).
"""

from __future__ import annotations

from typing import NamedTuple

from reflector.outbound.member import Member
from reflector.plan import Family
from reflector.rib.loc_rib import Transition
from reflector.session.ending import Ending

# What became of prefixes in a turn, in the order of events.
Changes = dict[Family, list[tuple[Transition, list[bytes]]]]


class Close(NamedTuple):
    """End this session, with this NOTIFICATION message unless it is b"" (the peer has sent one).

    hold_down   seconds for which it stays down; math.inf = until the plan changes it, 0 = it is retried at once
    ending      to be handed back to session_down
    """

    session: str
    notification: bytes
    reason: str
    hold_down: float = 0.0
    ending: Ending = Ending.NOTIFICATION


class Turn(NamedTuple):
    """What a flush decided: the peers with something to send, the sessions to close, and the Loc-RIB's changes. With
    `is_unfinished` another turn has work that this one left to it."""

    ready: list[Member]
    closes: list[Close]
    changes: Changes
    is_unfinished: bool = False
