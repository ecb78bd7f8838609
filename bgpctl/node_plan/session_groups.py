"""Sessions written down in groups: what many of them share stands once.

Rule: two sessions are of one group when they differ in nothing but their peer: its address and node, and which of the
two connects. A session whose name is not its peer's address is a group of its own. Groups stand in the order of their
first session, peers in a group in the order of the plan; the sessions of a plan are in the order of their peers'
addresses, and so are those that are read back.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from reflector.addresses import address_order
from reflector.plan import SessionPlan, Value


class GroupPeer(Value, frozen=True):
    """What is a session's own."""

    address: str
    node: str = ""
    passive: bool = False


class SessionGroup(Value, frozen=True):
    """`shared`: one of the sessions without what is its own; `name` only where it is not the peer's address."""

    shared: SessionPlan
    peers: tuple[GroupPeer, ...]


def grouped(sessions: Iterable[SessionPlan]) -> tuple[SessionGroup, ...]:
    found: dict[SessionPlan, list[GroupPeer]] = {}
    for each in sessions:
        name = "" if each.name == each.peer_address else each.name
        shared = replace(each, name=name, peer_address="", peer_node="", passive=False)
        found.setdefault(shared, []).append(GroupPeer(each.peer_address, each.peer_node, each.passive))
    return tuple(SessionGroup(shared, tuple(peers)) for shared, peers in found.items())


def ungrouped(groups: Iterable[SessionGroup]) -> tuple[SessionPlan, ...]:
    """The sessions of the groups, in the order of a plan. Raises msgspec.ValidationError for what is no address."""
    sessions = [
        replace(
            group.shared,
            name=group.shared.name or peer.address,
            peer_address=peer.address,
            peer_node=peer.node,
            passive=peer.passive,
        )
        for group in groups
        for peer in group.peers
    ]
    try:
        return tuple(sorted(sessions, key=lambda each: address_order(each.peer_address)))
    except ValueError as error:
        raise msgspec.ValidationError(f"a peer of a session: {error}") from error
