"""The OPEN: what we offer beyond exabgp.conf, and which peers we refuse for the OPEN that they sent.

Rule: what is offered comes from one of two places. ExaBGP has its own settings from exabgp.conf; what it has no setting
for, the OPEN takes from the plan's session:

    extended next hop            IPv4 routes on an IPv6 session may have an IPv6 next hop (RFC 8950 4). ExaBGP offers it
                                 only to sessions that carry IPv6 routes as well, which is not needed
    role                         RFC 9234 4.1; a role that does not fit ours, or none although `role_strict`, is refused
                                 with Role Mismatch (4.2)
    long-lived graceful restart  RFC 9494 3.1, only together with graceful restart
    graceful restart, N          a NOTIFICATION that is no hard reset is a restart, too (RFC 8538 2)
    graceful restart, R          from the start of the speaker until its End-of-RIB markers may go out (RFC 4724 4.1)

R is set after every start, also after the first one of a machine: a speaker cannot know whether a peer still has routes
of the speaker before it. All that R asks of a peer is not to wait for our End-of-RIB, which we send only when all peers
have sent their routes (selection_deferral): without R a cluster that boots would wait in a circle. With F peers do not
flush routes. It is always set: kernel routes outlive the speaker, a reflector forwards nothing, and after a boot of the
machine the End-of-RIB removes what the peers kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exabgp.bgp.message import _NOP, Notify, Open
from exabgp.bgp.message.open import Version
from exabgp.bgp.message.open.capability import Capabilities, Capability
from exabgp.bgp.message.open.capability.nexthop import NextHop
from exabgp.protocol.family import AFI, SAFI
from exabgp.reactor.protocol import Protocol

from reflector.exabgp.capabilities import LongLivedCapability, RoleCapability
from reflector.exabgp.negotiation import EXABGP_FAMILIES, NOTIFICATION_FLAG, roles_in
from reflector.plan import Role, SessionPlan
from reflector.wire.message import ErrorCode, OpenError

BGP_VERSION = 4
# What the peer of each role must be (RFC 9234 4.2, table 2).
COUNTERPART = {
    Role.PROVIDER: Role.CUSTOMER,
    Role.CUSTOMER: Role.PROVIDER,
    Role.RS: Role.RS_CLIENT,
    Role.RS_CLIENT: Role.RS,
    Role.PEER: Role.PEER,
}


class SpeakerProtocol(Protocol):  # type: ignore[misc]  # ExaBGP has no types
    """ExaBGP's side of one connection, with our OPEN."""

    def __init__(self, peer: Any) -> None:
        super().__init__(peer)
        self._session: SessionPlan | None = peer.reactor.session_at(peer.address)

    def new_open(self) -> Iterator[Any]:
        """Yields ExaBGP's no-operation until the OPEN is written, and then the OPEN."""
        neighbor = self.neighbor
        capabilities = Capabilities().new(neighbor, self.peer.reactor.is_restarting(), local_as=neighbor["local-as"])
        if self._session is not None:
            offer(capabilities, self._session)
        message = Open(
            Version(BGP_VERSION), neighbor["local-as"], neighbor["hold-time"], neighbor["router-id"], capabilities
        )
        for _ in self.write(message):
            yield _NOP
        yield message

    def read_open(self, ip: str) -> Iterator[Any]:
        try:
            yield from super().read_open(ip)
        except Notify as refusal:
            if (refusal.code, refusal.subcode) != (ErrorCode.OPEN_MESSAGE, OpenError.UNSUPPORTED_VERSION):
                raise
            # RFC 4271 6.2: the data is the version that we support, not a sentence.
            raise Notify(refusal.code, refusal.subcode, BGP_VERSION.to_bytes(2, "big")) from refusal

    def validate_open(self) -> None:
        super().validate_open()
        mismatch = role_mismatch(self._session, roles_in(self.negotiated.received_open.capabilities))
        if mismatch:
            raise Notify(ErrorCode.OPEN_MESSAGE, OpenError.ROLE_MISMATCH, mismatch)


def offer(capabilities: Any, session: SessionPlan) -> None:
    """Adds to ExaBGP's capabilities what the plan's session offers beyond them."""
    if ":" in session.peer_address and 4 in session.families:
        capabilities[Capability.CODE.NEXTHOP] = NextHop([(AFI.ipv4, SAFI.unicast, AFI.ipv6)])
    if session.role is not None:
        capabilities[RoleCapability.ID] = RoleCapability.of(session.role)
    restart = capabilities.get(Capability.CODE.GRACEFUL_RESTART)
    if restart is None:
        return
    restart.restart_flag |= NOTIFICATION_FLAG
    if session.long_lived_stale_time:
        long_lived = LongLivedCapability()
        for family in session.families:
            long_lived[EXABGP_FAMILIES[family]] = (True, session.long_lived_stale_time)
        capabilities[LongLivedCapability.ID] = long_lived


def offers_the_same(one: SessionPlan, other: SessionPlan) -> bool:
    """Whether two definitions make the same OPEN, as far as exabgp.conf does not show it."""
    return (one.role, one.role_strict, one.long_lived_stale_time) == (
        other.role,
        other.role_strict,
        other.long_lived_stale_time,
    )


def role_mismatch(session: SessionPlan | None, received: frozenset[Role | None]) -> str:
    """Why the peer's role cannot be accepted, "" if it can. None in `received` is a number that is no role."""
    if session is None or session.role is None:
        return ""
    if not received:
        return "a role is required" if session.role_strict else ""
    if received == {COUNTERPART[session.role]}:
        return ""
    names = " and ".join(sorted("unknown" if role is None else role.value for role in received))
    return f"the role of a {session.role.value}'s peer is {COUNTERPART[session.role].value}, not {names}"
