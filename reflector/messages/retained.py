"""What a speaker retains of nodes whose sessions are down, and how many routes of it were withdrawn early."""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message


class RetainedSession(msgspec.Struct, frozen=True):
    """A session to another node of the cluster whose peer has not sent all its routes since the speaker started, or
    since the session was last down.

    name          of the session
    peer_node     the node at the other end
    is_up         the session is Established
    may_reflect   the peer may reflect other nodes' routes to us
    routes        stale routes that are the best of their prefix
    left          seconds until the last stale route is withdrawn
    next_hops     of the peer's routes, 4 or 16 octets each; [] without a stale route
    """

    name: str
    peer_node: str
    is_up: bool = False
    may_reflect: bool = True
    routes: int = 0
    left: float = 0.0
    next_hops: tuple[bytes, ...] = ()


class Retained(Message, frozen=True):
    """What is retained.

    awaited               sessions whose peer has yet to send all its routes
    complete_reflectors   sessions to reflectors that have sent all their routes
    epoch                 of the Loc-RIB stream (see Subscribed)
    sequence              of the stream; all of this is contained in the updates up to this one
    uptime                of the speaker, in seconds
    """

    awaited: tuple[RetainedSession, ...]
    complete_reflectors: tuple[str, ...]
    epoch: str
    sequence: int
    uptime: float


class RetainedWithdrawn(Message, frozen=True):
    """The retained routes that led to these next hops are withdrawn.

    routes   how many
    """

    routes: int
