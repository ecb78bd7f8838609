"""Tunnel devices: what the plan asks for, and what has to be done to what is there. Pure.

VXLAN: the device is ours alone. By its alias we know it after a restart, and whether it was there before us: MADE or
ADOPTED.

    device of that name                               then
    none                                              create, MADE
    no alias, but the same VXLAN                      ADOPTED: set what can be set (MTU, MAC, up, alias), address it
    ours                                              the same, and it stays what it is
    ours, but another VNI, port, local address ...    delete and create
    anything else                                     failure: reported, not touched

A device that no plan asks for any more is deleted if MADE; one that is ADOPTED stays, without addresses, entries and
alias.
IPIP: `tunl0` comes with the kernel's module and may be another program's too (Felix gives it an address): it is
brought up, gets the address that is missing and the MTU that is asked for or fits; a plan takes nothing from it. The
addresses that we give carry our protocol number (IFA_PROTO, Linux 5.18), so that `removal` knows them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bgpctl.fib.core.desired import IPIP_DEVICE
from bgpctl.fib.kernel.underlay import Underlay
from reflector.addresses import pack_address
from reflector.kernel.device import (
    AddAddress,
    ChangeDevice,
    CreateDevice,
    DeleteDevice,
    DeviceChange,
    MarkDevice,
    ReleaseDevice,
    RemoveAddress,
)
from reflector.kernel.link import Link, LinkAddress, VxlanSettings
from reflector.kernel.route import is_link_local, parse_prefix, prefix_of
from reflector.plan import KernelPlan, VxlanPlan

MADE, ADOPTED = "bgpctl", "bgpctl: adopted"
# Outer Ethernet, IP, UDP and VXLAN headers (RFC 7348 5); the outer IPv4 header (RFC 2003 3).
_OVERHEAD = {4: 50, 6: 70}
_IPIP_OVERHEAD = 20
_USUAL_MTU = 1500


class Tunnel(msgspec.Struct, frozen=True):
    """A tunnel device as wanted. `vxlan` None: IPIP. `mac` b"" and `mtu` 0: as they are."""

    name: str
    address: bytes
    vxlan: VxlanSettings | None = None
    mac: bytes = b""
    mtu: int = 0


class DeviceFailure(msgspec.Struct, frozen=True):
    name: str
    reason: str


def desired_tunnels(plan: KernelPlan, underlay: Underlay) -> tuple[Tunnel, ...]:
    """The devices that the plan asks for; an MTU it leaves open comes from the link that carries the tunnel."""
    tunnels = [_vxlan_tunnel(vxlan, underlay) for vxlan in plan.vxlans]
    if plan.ipip_address:
        mtu = plan.ipip_mtu or _ipip_limit(plan, underlay)
        tunnels.append(Tunnel(IPIP_DEVICE, pack_address(plan.ipip_address), mtu=mtu))
    return tuple(tunnels)


def _ipip_limit(plan: KernelPlan, underlay: Underlay) -> int:
    """What fits the link that has this node's address; 0 when the device has less already, or is not there yet: the
    kernel begins with 1480. It is never made larger, for it may be meant so."""
    device = underlay.link_named(IPIP_DEVICE)
    local = [prefix_of(parse_prefix(text)) for text in plan.local_subnets]
    links = [
        underlay.links[each.ifindex]
        for each in underlay.addresses
        if each.ifindex in underlay.links and any(subnet.covers_address(each.address) for subnet in local)
    ]
    limit = min((link.mtu for link in links if link.name != IPIP_DEVICE), default=0) - _IPIP_OVERHEAD
    return limit if device is not None and 0 < limit < device.mtu else 0


def device_changes(
    tunnels: tuple[Tunnel, ...], underlay: Underlay
) -> tuple[list[DeviceChange], tuple[DeviceFailure, ...]]:
    """What to do next, and what cannot be done. A device that is created shows up in the underlay before it can be
    set up: carry out, observe, and call this until nothing is left."""
    wanted = {tunnel.name for tunnel in tunnels}
    changes: list[DeviceChange] = []
    for ours in our_devices(underlay):
        if ours.name not in wanted:
            changes += _farewell(ours, underlay)
    failures = []
    for tunnel in tunnels:
        link = underlay.link_named(tunnel.name)
        if link is None:
            changes.append(CreateDevice(tunnel.name, tunnel.vxlan))
            if tunnel.vxlan is not None:
                changes.append(MarkDevice(tunnel.name, MADE))
        elif reason := _foreign(tunnel, link):
            failures.append(DeviceFailure(tunnel.name, reason))
        elif link.vxlan != tunnel.vxlan:
            changes.append(DeleteDevice(link.name, link.index))
        else:
            changes += _settings(tunnel, link)
            changes += _addresses(tunnel, link, underlay)
    return changes, tuple(failures)


def our_devices(underlay: Underlay) -> list[Link]:
    """The VXLAN devices that we made or adopted."""
    return [link for link in underlay.links.values() if _is_ours(link)]


def _vxlan_tunnel(plan: VxlanPlan, underlay: Underlay) -> Tunnel:
    local = pack_address(plan.local_address)
    parent = underlay.link_of_address(local)
    mtu = plan.mtu or (parent.mtu if parent is not None else _USUAL_MTU) - _OVERHEAD[(len(local) == 4 and 4) or 6]
    settings = VxlanSettings(plan.vni, plan.port, local)
    return Tunnel(plan.device, pack_address(plan.tunnel_address), settings, parse_mac(plan.mac), mtu)


def parse_mac(mac: str) -> bytes:
    """Raises ValueError when it is none."""
    octets = bytes.fromhex(mac.replace(":", ""))
    if len(octets) not in (0, 6):
        raise ValueError(f"{mac!r} is no MAC address")
    return octets


def _is_ours(link: Link) -> bool:
    return link.kind == "vxlan" and link.alias in (MADE, ADOPTED)


def _farewell(link: Link, underlay: Underlay) -> Iterator[DeviceChange]:
    """A device that is ours and not wanted."""
    if link.alias == MADE:
        yield DeleteDevice(link.name, link.index)
        return
    for address in sorted(underlay.addresses):
        if address.ifindex == link.index and not is_link_local(address.address):
            yield RemoveAddress(link.name, address)
    yield ReleaseDevice(link.name, link.index)


def _foreign(tunnel: Tunnel, link: Link) -> str:
    """Why the device of that name is not for us to touch, or ""."""
    if tunnel.vxlan is None:
        return "" if link.kind == "ipip" else f"a device of this name exists and is no IPIP tunnel ({link.kind})"
    if link.vxlan is None:
        return f"a device of this name exists and is no VXLAN ({link.kind or 'hardware'})"
    if not _is_ours(link) and link.vxlan.vni != tunnel.vxlan.vni:
        return f"a VXLAN device of this name exists with VNI {link.vxlan.vni} instead of {tunnel.vxlan.vni}"
    return ""


def _settings(tunnel: Tunnel, link: Link) -> Iterator[DeviceChange]:
    alias = "" if tunnel.vxlan is None else link.alias if _is_ours(link) else ADOPTED
    is_marked = not alias or link.alias == alias
    if not (link.up and is_marked and tunnel.mac in (b"", link.mac) and tunnel.mtu in (0, link.mtu)):
        yield ChangeDevice(link.name, link.index, tunnel.mac, tunnel.mtu, alias)


def _addresses(tunnel: Tunnel, link: Link, underlay: Underlay) -> Iterator[DeviceChange]:
    wanted = LinkAddress(link.index, tunnel.address, len(tunnel.address) * 8)
    if wanted not in underlay.addresses:
        yield AddAddress(link.name, wanted)
    if not _is_ours(link):
        return
    for address in sorted(underlay.addresses):
        if address.ifindex == link.index and address != wanted and not is_link_local(address.address):
            yield RemoveAddress(link.name, address)
