"""What two OPENs agreed on, as a value: ExaBGP's view of them, and the capabilities that it does not know.

Rule: a capability counts when both ends have sent it (RFC 5492 4). A peer without the multiprotocol capability speaks
IPv4 unicast (RFC 4760 8).
"""

from __future__ import annotations

from socket import socket
from typing import Any

from exabgp.bgp.message.open.capability import REFRESH, Capability
from exabgp.bgp.message.open.capability.graceful import Graceful
from exabgp.protocol.family import AFI, SAFI

from reflector.addresses import pack_address
from reflector.exabgp.capabilities import ROLE_CODES, LongLivedCapability, RoleCapability
from reflector.plan import Family, Role
from reflector.session.negotiated import GracefulRestart, LongLived, Negotiated

EXABGP_FAMILIES: dict[Family, Any] = {4: (AFI.ipv4, SAFI.unicast), 6: (AFI.ipv6, SAFI.unicast)}
# N, beside R in the four flags of the graceful restart capability (RFC 8538 2).
NOTIFICATION_FLAG = 0x4
_IPV6_NEXT_HOP = (AFI.ipv4, SAFI.unicast, AFI.ipv6)


def read_negotiated(negotiated: Any, connection: socket) -> Negotiated:
    """ExaBGP's view of the two OPENs as our value."""
    families = _families(negotiated)
    roles = roles_in(negotiated.received_open.capabilities)
    return Negotiated(
        router_id=negotiated.received_open.router_id.pack(),
        local_address=pack_address(connection.getsockname()[0].split("%")[0]),
        families=families,
        hold_time=int(negotiated.holdtime),
        four_octet_as=bool(negotiated.asn4),
        route_refresh=negotiated.refresh != REFRESH.ABSENT,
        enhanced_refresh=negotiated.refresh == REFRESH.ENHANCED,
        max_length=int(negotiated.msg_size),
        graceful_restart=_graceful_restart(negotiated),
        long_lived=_long_lived(negotiated, families),
        extended_next_hop=frozenset({4} if 4 in families and _IPV6_NEXT_HOP in negotiated.nexthop else ()),
        role=next(iter(roles)) if len(roles) == 1 else None,
        add_path_send=frozenset(f for f in families if negotiated.addpath.send(*EXABGP_FAMILIES[f])),
        add_path_receive=frozenset(f for f in families if negotiated.addpath.receive(*EXABGP_FAMILIES[f])),
    )


def roles_in(capabilities: Any) -> frozenset[Role | None]:
    """The roles in an OPEN, usually one or none; None stands for a number that is no role."""
    return frozenset(ROLE_CODES.get(code) for code in capabilities.get(RoleCapability.ID, ()))


def _families(negotiated: Any) -> tuple[Family, ...]:
    agreed = negotiated.families
    if not negotiated.received_open.capabilities.announced(Capability.CODE.MULTIPROTOCOL):
        agreed = [name for name in negotiated.neighbor.families() if name == EXABGP_FAMILIES[4]]
    return tuple(family for family, name in EXABGP_FAMILIES.items() if name in agreed)


def _graceful_restart(negotiated: Any) -> GracefulRestart | None:
    """The peer's capability, if we have announced ours as well (RFC 4724 3)."""
    code = Capability.CODE.GRACEFUL_RESTART
    sent, received = negotiated.sent_open.capabilities, negotiated.received_open.capabilities
    if not (sent.announced(code) and received.announced(code)):
        return None
    capability = received[code]
    families = {family: capability[name] for family, name in EXABGP_FAMILIES.items() if name in capability}
    return GracefulRestart(
        time=int(capability.restart_time),
        is_restarting=bool(capability.restart_flag & Graceful.RESTART_STATE),
        families=frozenset(families),
        forwarding=frozenset(family for family, flags in families.items() if flags & Graceful.FORWARDING_STATE),
        notification=bool(capability.restart_flag & sent[code].restart_flag & NOTIFICATION_FLAG),
    )


def _long_lived(negotiated: Any, families: tuple[Family, ...]) -> LongLived | None:
    """The peer's capability, if we have announced ours; without graceful restart it is ignored (RFC 9494 3.1)."""
    sent, received = negotiated.sent_open.capabilities, negotiated.received_open.capabilities
    if not all(
        opened.announced(code)
        for opened in (sent, received)
        for code in (LongLivedCapability.ID, Capability.CODE.GRACEFUL_RESTART)
    ):
        return None
    received_families = {f: received[LongLivedCapability.ID].get(EXABGP_FAMILIES[f]) for f in families}
    return LongLived(
        times={family: value[1] for family, value in received_families.items() if value is not None},
        forwarding=frozenset(family for family, value in received_families.items() if value is not None and value[0]),
    )
