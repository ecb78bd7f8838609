"""What the OPENs of both ends agreed on (RFC 4271 4.2, RFC 5492): values for as long as a session is Established."""

from __future__ import annotations

from typing import NamedTuple

from reflector.plan import Family, Role


class GracefulRestart(NamedTuple):
    """The peer's capability (RFC 4724 3), where we sent ours as well.

    time           seconds that it may be away
    is_restarting  R: it has just restarted; it must not be waited for
    families       whose routes we may keep while it is away; `forwarding` (F): whose routes it kept itself
    notification   N, sent by both ends: a NOTIFICATION is a restart as well, unless it is a hard reset (RFC 8538)
    """

    time: int
    is_restarting: bool
    families: frozenset[Family]
    forwarding: frozenset[Family]
    notification: bool = False


class LongLived(NamedTuple):
    """The peer's long-lived graceful restart capability, where we sent ours as well (RFC 9494 3).

    times        seconds for which its stale routes may stay once the restart time is over, by family
    forwarding   families whose routes it kept itself (F)
    """

    times: dict[Family, int]
    forwarding: frozenset[Family]


class Negotiated(NamedTuple):
    """One session's agreement.

    local_address       this end's, packed
    extended_next_hop   families whose routes may have an IPv6 next hop on this session though they are not IPv6
                        (RFC 8950)
    role                the peer's, None if it sent none (RFC 9234)
    """

    router_id: bytes
    local_address: bytes
    families: tuple[Family, ...]
    hold_time: int
    four_octet_as: bool = True
    route_refresh: bool = False
    enhanced_refresh: bool = False
    max_length: int = 4096
    graceful_restart: GracefulRestart | None = None
    long_lived: LongLived | None = None
    extended_next_hop: frozenset[Family] = frozenset()
    role: Role | None = None
    add_path_send: frozenset[Family] = frozenset()
    add_path_receive: frozenset[Family] = frozenset()
