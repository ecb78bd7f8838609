"""Dumps and notifications of the kernel as links, addresses and routes, on their way into the FIB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from bgpctl.fib.core.observation import Observation
from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.netlink import link_message, route_message
from reflector.kernel.netlink.message import NO_FAMILY, Message, Request
from reflector.kernel.netlink.sockets import DumpInterrupted, Requests
from reflector.kernel.observe import observe_netconf
from reflector.plan import Family

FAMILIES: tuple[Family, ...] = (4, 6)
_T = TypeVar("_T")


def read_kernel(requests: Requests, observation: Observation, view: KernelView) -> Iterator[None]:
    """Fills the view from whole dumps; pauses after each piece.

    Raises DumpInterrupted: the view may lack something then."""
    for link in read_links(requests):
        view.underlay.put_link(link)
    for address in read_addresses(requests):
        view.underlay.table.put_address(address)
    _read_configuration(requests, view)
    interrupted = False
    for family in FAMILIES:
        try:
            for piece in requests.dump(route_message.dump_request(family)):
                for _, body in piece:
                    found = route_message.decode(body)
                    if found is not None:
                        observation.add_to(view, *found)
                yield
        except DumpInterrupted:
            interrupted = True
    if interrupted:
        raise DumpInterrupted


def update_links(requests: Requests, view: KernelView, observation: Observation) -> None:
    """Reads links and addresses, and takes up what is different from the view."""
    links = {link.index: link for link in read_links(requests)}
    addresses = set(read_addresses(requests))
    known = view.underlay
    for ifindex in known.links.keys() - links.keys():
        observation.remove_link(ifindex)
    for link in links.values():
        if known.links.get(link.index) != link:
            observation.observe_link(link)
    for address in known.addresses - addresses:
        observation.observe_address(address, came=False)
    for address in addresses - known.addresses:
        observation.observe_address(address, came=True)


def take_notification(notification: Message, observation: Observation) -> None:
    """Takes up what another program changed."""
    match notification.kind:
        case route_message.NEWROUTE | route_message.DELROUTE:
            event = route_message.decode_event(notification.kind, notification.flags, notification.body)
            if event is not None:
                observation.observe(event)
        case link_message.NEWLINK | link_message.DELLINK:
            link = decode_link(notification.body)
            if link is not None and notification.kind == link_message.NEWLINK:
                observation.observe_link(link)
            elif link is not None:
                observation.remove_link(link.index)
        case link_message.NEWNETCONF:
            observation.observe_configuration(notification.body)
        case link_message.NEWADDR | link_message.DELADDR:
            address = link_message.decode_address(notification.body)
            if address is not None:
                observation.observe_address(address, came=notification.kind == link_message.NEWADDR)


def _read_configuration(requests: Requests, view: KernelView) -> None:
    for family in FAMILIES:
        try:
            for piece in requests.dump(link_message.netconf_dump(family)):
                for _, body in piece:
                    observe_netconf(view.underlay.table, body)
        except OSError as error:
            if error.errno not in NO_FAMILY:
                raise


def decode_link(body: bytes) -> Link | None:
    """The link in a message, with its VXLAN settings if it has any."""
    link = link_message.decode_link(body)
    if link is None or link.kind != "vxlan":
        return link
    # pyroute2 is for nodes with tunnels: to import it costs the others memory and time (pyroute2_message).
    from reflector.kernel.netlink.device_message import vxlan_settings

    return msgspec.structs.replace(link, vxlan=vxlan_settings(body))


def read_links(requests: Requests) -> Iterator[Link]:
    return _read(requests, link_message.LINK_DUMP, decode_link)


def read_addresses(requests: Requests) -> Iterator[LinkAddress]:
    return _read(requests, link_message.ADDRESS_DUMP, link_message.decode_address)


def _read(requests: Requests, request: Request, decode: Callable[[bytes], _T | None]) -> Iterator[_T]:
    for piece in requests.dump(request):
        for _, body in piece:
            value = decode(body)
            if value is not None:
                yield value
