"""A next hop of learned routes, as the kernel sees it."""

from __future__ import annotations

from reflector.kernel.lookup import Lookup


class NextHop(Lookup):
    """The lookup of `address`, or of the gateway to it: one for all paths with this next hop."""

    __slots__ = ("address",)

    def __init__(self, address: bytes, gateway: bytes = b"") -> None:
        super().__init__(gateway or address)
        self.address = address
