"""Links and their addresses, as values."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class VxlanSettings(msgspec.Struct, frozen=True):
    """What makes a VXLAN device that device: to change one of these it has to be made anew. `local` is packed."""

    vni: int
    port: int
    local: bytes
    learning: bool = False


class Link(msgspec.Struct, frozen=True):
    """`kind` is "vxlan", "veth", ...; "" for hardware. `alias` is free text that stays with the link. `up`: it is
    switched on; `carrier`: it is operational as well, or at least has a carrier (RFC 2863 ifOperStatus)."""

    index: int
    name: str
    up: bool = True
    carrier: bool = True
    mtu: int = 1500
    mac: bytes = b""
    kind: str = ""
    alias: str = ""
    vxlan: VxlanSettings | None = None


class LinkAddress(NamedTuple):
    """An address (packed) with its prefix length, on a link."""

    ifindex: int
    address: bytes
    length: int
