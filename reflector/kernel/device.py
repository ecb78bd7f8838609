"""Changes of tunnel devices, as values."""

from __future__ import annotations

import msgspec

from reflector.kernel.link import LinkAddress, VxlanSettings


class CreateDevice(msgspec.Struct, frozen=True):
    """`vxlan` None: IPIP."""

    name: str
    vxlan: VxlanSettings | None


class MarkDevice(msgspec.Struct, frozen=True):
    """The device that has just been created gets this alias. In one datagram with that, so that no crash comes
    between: the kernel ignores an alias in the request that creates."""

    name: str
    alias: str


class DeleteDevice(msgspec.Struct, frozen=True):
    name: str
    ifindex: int


class ChangeDevice(msgspec.Struct, frozen=True):
    """The device is set up with these settings. `mac` b"", `mtu` 0 and `alias` "" leave them."""

    name: str
    ifindex: int
    mac: bytes
    mtu: int
    alias: str


class AddAddress(msgspec.Struct, frozen=True):
    """The address carries our protocol number."""

    name: str
    address: LinkAddress


class RemoveAddress(msgspec.Struct, frozen=True):
    name: str
    address: LinkAddress


class ReleaseDevice(msgspec.Struct, frozen=True):
    """Our alias is taken from the device. What it has of us besides goes first."""

    name: str
    ifindex: int


class SetDown(msgspec.Struct, frozen=True):
    name: str
    ifindex: int


DeviceChange = (
    CreateDevice | MarkDevice | DeleteDevice | ChangeDevice | AddAddress | RemoveAddress | ReleaseDevice | SetDown
)
