"""The Loc-RIB as a stream, for the FIB.

Routes are wire bytes, because the FIB hands them to the kernel as such: an NLRI is its length octet and prefix octets
(RFC 4271 4.3), a next hop 4 or 16 octets.
"""

from __future__ import annotations

import msgspec

from reflector.messages.message import Message
from reflector.plan import Family, RouteSource, SessionType


class Subscribed(Message, frozen=True):
    """The stream begins.

    epoch     the stream's name, another one after each start of the speaker
    resumed   only the changes since Subscribe.after follow; otherwise the whole Loc-RIB does
    """

    epoch: str
    resumed: bool = False


class LocRibRoutes(msgspec.Struct, frozen=True, array_like=True):
    """Routes that have everything but the prefix in common. Encoded as an array, in this order.

    family         4: IPv4 unicast, 6: IPv6 unicast
    source         of the best route
    session_type   of the session that the best route came from
    next_hops      of each path 4 or 16 octets; several: ECMP
    local_pref     of the best route; 100 where none was received
    interface      of a route of this node itself; "": none
    nlri           prefixes: a length octet and the prefix octets (RFC 4271 4.3)
    """

    family: Family
    source: RouteSource
    session_type: SessionType
    next_hops: tuple[bytes, ...]
    local_pref: int
    interface: str
    nlri: tuple[bytes, ...]


class LocRibUpdate(Message, frozen=True):
    """Changes of the Loc-RIB.

    sequence                     one more with every change; while the table is sent, that of the newest change
    routes                       replace what was there for their prefixes
    withdrawn_v4, withdrawn_v6   prefixes without a route from now on, as NLRI
    in_sync                      with this update the receiver has the whole Loc-RIB
    read_at                      when the first octets that led to it were read, in seconds of CLOCK_MONOTONIC; 0: none
    """

    sequence: int
    routes: tuple[LocRibRoutes, ...] = ()
    withdrawn_v4: tuple[bytes, ...] = ()
    withdrawn_v6: tuple[bytes, ...] = ()
    in_sync: bool = True
    read_at: float = 0.0
