"""How the sessions of a speaker stand: what costs no look at any route, so that it may be asked at any time."""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message


class DownSession(msgspec.Struct, frozen=True):
    """A session that is not Established.

    name             of the session
    peer_address     of the peer
    peer_as          of the peer
    peer_node        the node at the other end; "": not a node of the cluster
    state            of the BGP finite state machine
    down             seconds since it went down, or since the speaker has it
    is_overdue       it is down for longer than an attempt to set it up takes
    last_error       why the last attempt to set it up failed, else why it went down; "": neither has happened
    last_error_age   seconds since then
    ended            why the last session ended; "": none has
    """

    name: str
    peer_address: str
    peer_as: int
    peer_node: str
    state: str
    down: float
    is_overdue: bool
    last_error: str = ""
    last_error_age: float = 0.0
    ended: str = ""


class FlappingSession(msgspec.Struct, frozen=True):
    """A session that went down three times in ten minutes, whatever it is now.

    name           of the session
    peer_address   of the peer
    peer_node      the node at the other end; "": not a node of the cluster
    ended          why the last session ended
    """

    name: str
    peer_address: str
    peer_node: str
    ended: str


class Sessions(Message, frozen=True):
    """How the sessions of the plan stand.

    expected      sessions of the plan
    established   of these
    overdue       of these, down for longer than an attempt to set one up takes
    down          those that are not Established, the longest first, as many as were asked for
    flapping      those that went down three times in ten minutes, as many as were asked for
    """

    expected: int
    established: int
    overdue: int
    down: tuple[DownSession, ...] = ()
    flapping: tuple[FlappingSession, ...] = ()
