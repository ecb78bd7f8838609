"""The Loc-RIB as a stream, for who programs the kernel.

Routes are wire bytes, because the FIB hands them to the kernel as such: an NLRI is its length octet and prefix octets
(RFC 4271 4.3), a next hop 4 or 16 octets.
"""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message
from reflector.plan import Family, RouteSource, SessionType


class Subscribed(Message, frozen=True):
    """`epoch` names this life of the speaker. `resumed`: the changes since Subscribe.after follow and nothing else;
    otherwise the whole Loc-RIB does."""

    epoch: str
    resumed: bool = False


class LocRibRoutes(msgspec.Struct, frozen=True, array_like=True):
    """Routes that share all that the FIB needs of them.

    next_hops     packed addresses, one per path (several: ECMP)
    local_pref    of the best route; LOCAL_PREF 100 where none was received
    interface     of a local route
    """

    family: Family
    source: RouteSource
    session_type: SessionType
    next_hops: tuple[bytes, ...]
    local_pref: int
    interface: str
    nlri: tuple[bytes, ...]


class LocRibUpdate(Message, frozen=True):
    """Changes of the Loc-RIB: `routes` replace what was there, `withdrawn` is gone (by family). `read_at` is when the
    first octets that led to them were read, on the machine's clock that never goes back; 0 where none did."""

    sequence: int
    routes: tuple[LocRibRoutes, ...] = ()
    withdrawn_v4: tuple[bytes, ...] = ()
    withdrawn_v6: tuple[bytes, ...] = ()
    in_sync: bool = True
    read_at: float = 0.0
