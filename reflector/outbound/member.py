"""A member of an update group: what the outbound rooms see of a peer."""

from __future__ import annotations

from typing import Protocol

from reflector.outbound.outbox import Outbox
from reflector.plan import SessionPlan
from reflector.session.counters import PeerCounters
from reflector.session.negotiated import Negotiated


class Member(Protocol):
    """`name` is that of the session in the plan; `marks_refreshes`: the peer knows the marks of an enhanced route
    refresh (RFC 7313)."""

    name: str
    session: SessionPlan
    negotiated: Negotiated | None
    outbox: Outbox
    counters: PeerCounters

    @property
    def marks_refreshes(self) -> bool: ...
