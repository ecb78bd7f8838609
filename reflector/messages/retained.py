"""What a speaker retains of nodes whose sessions are away, and what it has forgotten of it."""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message


class RetainedSession(msgspec.Struct, frozen=True):
    """A session to another node of the cluster that has not been heard, or not again since it was lost.

    is_up             it is Established
    tells_of_others   the peer may reflect to us what other nodes have
    routes            stale ones that are the best of their prefix
    left              seconds until the last stale one goes
    next_hops         of them, packed; others of this peer may be among them
    """

    name: str
    peer_node: str
    is_up: bool = False
    tells_of_others: bool = True
    routes: int = 0
    left: float = 0.0
    next_hops: tuple[bytes, ...] = ()


class Retained(Message, frozen=True):
    """`awaited` sessions, and those `heard` ones that tell of other nodes than the peer. It was so before the update
    with this `sequence` in the stream of this `epoch`; `uptime` is the speaker's, in seconds."""

    awaited: tuple[RetainedSession, ...]
    heard: tuple[str, ...]
    epoch: str
    sequence: int
    uptime: float


class Forgotten(Message, frozen=True):
    routes: int
