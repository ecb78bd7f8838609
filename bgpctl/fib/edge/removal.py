"""What the kernel has of us, and its removal: only the kernel is asked, so it works without agent and plan.

ours                                         known by                            then
routes, of any table, family and kind        their protocol number               deleted
VXLAN devices that we made                   their alias (tunnel.MADE)           deleted, with all that is on them
VXLAN devices that were there before us      their alias (tunnel.ADOPTED)        stay, without entries, addresses, alias
addresses on other devices (tunl0)           their protocol number (Linux 5.18)  removed; tunl0 is set down, as it was,
                                                                                 when no address is left on it
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from errno import EADDRNOTAVAIL, ENODEV, ENOENT, ESRCH
from typing import TypeVar

import msgspec

from bgpctl.fib.core.desired import IPIP_DEVICE
from bgpctl.fib.edge.observer import FAMILIES, read_links
from bgpctl.fib.edge.tunnel_setup import carry_out
from bgpctl.fib.kernel.underlay import Underlay
from bgpctl.fib.tunnels.tunnel import device_changes
from reflector.addresses import unpack_address
from reflector.kernel.change import Change, Verb
from reflector.kernel.device import DeleteDevice, DeviceChange, ReleaseDevice, RemoveAddress, SetDown
from reflector.kernel.link import LinkAddress
from reflector.kernel.netlink import route_message
from reflector.kernel.netlink.link_message import ADDRESS_DUMP, decode_address, is_marked_address
from reflector.kernel.netlink.sockets import DumpInterrupted, Refusal, Requests
from reflector.kernel.route import BLACKHOLE, KernelRoute, prefix_text, route_of
from reflector.plan import MAIN_TABLE, ROUTE_PROTOCOL

# Appended routes show one by one, and a dump that was interrupted may have missed some.
_ROUNDS = 5
_T = TypeVar("_T")
_ALREADY_GONE = (ESRCH, ENOENT, ENODEV, EADDRNOTAVAIL)


class Ours(msgspec.Struct, frozen=True):
    """What is to be removed: routes, then what changes on devices."""

    routes: tuple[KernelRoute, ...] = ()
    devices: tuple[DeviceChange, ...] = ()

    def sentences(self) -> Iterator[str]:
        """One for each thing, for people."""
        for route in self.routes:
            kind = "blackhole " if route.kind == BLACKHOLE else ""
            table = "" if route.table == MAIN_TABLE else f" table {route.table}"
            yield f"{kind}route {prefix_text(route.destination)} metric {route.metric}{table}"
        for change in self.devices:
            yield _sentence(change)


def find_ours(requests: Requests, protocol: int = ROUTE_PROTOCOL) -> Ours:
    """Reads the kernel. What comes and goes meanwhile may be missed."""
    underlay = Underlay()
    for link in read_links(requests):
        underlay.put_link(link)
    marked = _read_addresses(requests, underlay)
    devices, _ = device_changes((), underlay)
    return Ours(tuple(_read_routes(requests, protocol)), (*devices, *leaving_others(marked, underlay)))


def remove_ours(requests: Requests, protocol: int = ROUTE_PROTOCOL) -> tuple[str, ...]:
    """Removes it. What is still there afterwards: a sentence each, with the kernel's reason where it gave one."""
    reasons: dict[str, str] = {}
    for _ in range(_ROUNDS):
        found = find_ours(requests, protocol)
        if not found.routes and not found.devices:
            return ()
        reasons = dict(_remove(requests, found))
    left = find_ours(requests, protocol)
    return tuple(f"{thing}{reasons.get(thing, ': another program puts it back')}" for thing in left.sentences())


def _remove(requests: Requests, found: Ours) -> Iterator[tuple[str, str]]:
    """What the kernel refused, and why."""
    answers = requests.batch([route_message.encode(Change(Verb.DELETE, route)) for route in found.routes])
    answers += _finished(carry_out(requests, found.devices))
    for thing, answer in zip(found.sentences(), answers, strict=True):
        if answer is not None and not _is_gone(answer):
            yield thing, f": {answer.reason}"


def _finished(work: Generator[None, None, _T]) -> _T:
    """What comes of work that pauses, done at once."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            value: _T = end.value
            return value


def _is_gone(answer: Refusal) -> bool:
    return answer.errno in _ALREADY_GONE


def _read_routes(requests: Requests, protocol: int) -> Iterator[KernelRoute]:
    for family in FAMILIES:
        try:
            for piece in requests.dump(route_message.dump_request(family)):
                for _, body in piece:
                    found = route_message.decode(body)
                    if found is not None and found[1].protocol == protocol:
                        yield route_of(*found)
        except DumpInterrupted:
            continue


def _read_addresses(requests: Requests, underlay: Underlay) -> list[LinkAddress]:
    """Puts all addresses into the underlay; returns those that carry our number."""
    marked = []
    for piece in requests.dump(ADDRESS_DUMP):
        for _, body in piece:
            address = decode_address(body)
            if address is not None:
                underlay.table.put_address(address)
                if is_marked_address(body):
                    marked.append(address)
    return marked


def leaving_others(marked: Collection[LinkAddress], underlay: Underlay) -> Iterator[DeviceChange]:
    """What removes addresses of ours (`marked`) from devices that are not."""
    changed, _ = device_changes((), underlay)
    ours = {each.ifindex for each in changed if isinstance(each, DeleteDevice | ReleaseDevice)}
    for address in marked:
        link = underlay.links.get(address.ifindex)
        if link is None or link.index in ours:
            continue
        yield RemoveAddress(link.name, address)
        others = [each for each in underlay.addresses if each.ifindex == link.index and each not in marked]
        if (link.name, link.kind) == (IPIP_DEVICE, "ipip") and link.up and not others:
            yield SetDown(link.name, link.index)


def _sentence(change: DeviceChange) -> str:
    match change:
        case DeleteDevice(name=name):
            return f"device {name}"
        case ReleaseDevice(name=name):
            return f"our entries and alias on device {name}, which was there before"
        case RemoveAddress(name=name, address=address):
            return f"address {unpack_address(address.address)} on {name}"
        case SetDown(name=name):
            return f"device {name}: set down"
        case _:
            raise AssertionError(f"a removal does not {type(change).__name__}")
