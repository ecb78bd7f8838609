"""Capabilities of the OPEN that ExaBGP does not know, made as its own are: registered by their code.

    9    BGP role                       RFC 9234 4.1   one octet
    71   long-lived graceful restart    RFC 9494 3.1   for each family AFI, SAFI, flags (F) and 24 bits of seconds

Rule: a value of the wrong length is an OPEN message error (RFC 4271 6.2, RFC 5492 3). All roles of an OPEN with several
are kept; whether they agree is judged where they are read (RFC 9234 4.2).
"""

from __future__ import annotations

from typing import Any

from exabgp.bgp.message import Notify
from exabgp.bgp.message.open.capability import Capability
from exabgp.protocol.family import AFI, SAFI

from reflector.plan import Role
from reflector.wire.message import ErrorCode

ROLE_CODES = {0: Role.PROVIDER, 1: Role.RS, 2: Role.RS_CLIENT, 3: Role.CUSTOMER, 4: Role.PEER}
_CODE_OF_ROLE = {role: code for code, role in ROLE_CODES.items()}
LONGEST_STALE_TIME = 0xFFFFFF
_FORWARDING = 0x80
_FAMILY_OCTETS = 7


@Capability.register()
class RoleCapability(Capability, list[int]):  # type: ignore[misc]  # ExaBGP has no types
    """The octets of all role capabilities of one OPEN."""

    ID = 9

    @classmethod
    def of(cls, role: Role) -> RoleCapability:
        capability = cls()
        capability.append(_CODE_OF_ROLE[role])
        return capability

    def extract(self) -> list[bytes]:
        return [bytes((code,)) for code in self]

    @staticmethod
    def unpack_capability(instance: RoleCapability, data: bytes, _code: Any = None) -> RoleCapability:
        if len(data) != 1:
            raise Notify(ErrorCode.OPEN_MESSAGE, 0, f"a role capability of {len(data)} octets")
        instance.append(data[0])
        return instance


@Capability.register()
class LongLivedCapability(Capability, dict[tuple[Any, Any], tuple[bool, int]]):  # type: ignore[misc]
    """By ExaBGP's (AFI, SAFI): whether forwarding state was kept (F), and the stale time in seconds."""

    ID = 71

    def extract(self) -> list[bytes]:
        return [b"".join(_pack_family(*family, *value) for family, value in self.items())]

    @staticmethod
    def unpack_capability(instance: LongLivedCapability, data: bytes, _code: Any = None) -> LongLivedCapability:
        if len(data) % _FAMILY_OCTETS:
            raise Notify(ErrorCode.OPEN_MESSAGE, 0, f"a long-lived graceful restart capability of {len(data)} octets")
        for start in range(0, len(data), _FAMILY_OCTETS):
            one = data[start : start + _FAMILY_OCTETS]
            family = (AFI.unpack(one[:2]), SAFI.unpack(one[2]))
            instance[family] = (bool(one[3] & _FORWARDING), int.from_bytes(one[4:], "big"))
        return instance


def _pack_family(afi: Any, safi: Any, forwarding: bool, seconds: int) -> bytes:
    flags = _FORWARDING if forwarding else 0
    seconds = min(seconds, LONGEST_STALE_TIME)
    return bytes(afi.pack() + safi.pack()) + bytes((flags,)) + seconds.to_bytes(3, "big")
