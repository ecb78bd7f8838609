"""Messages of the kernel, taken up by a routing table.

Rule: of routes only what resolves next hops counts: those of the main table that are not our own. Links, addresses and
configuration count all.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from reflector.kernel.netlink.link_message import (
    DELADDR,
    DELLINK,
    NEWADDR,
    NEWLINK,
    NEWNETCONF,
    decode_address,
    decode_interface,
    decode_netconf,
)
from reflector.kernel.netlink.message import Message
from reflector.kernel.netlink.route_message import DELROUTE, NEWROUTE, decode_event
from reflector.kernel.routing_table import RoutingTable
from reflector.plan import MAIN_TABLE


def observe(table: RoutingTable, message: Message, own: Container[int]) -> bool:
    """`own`: protocol numbers of our routes. Returns whether the table is outdated now."""
    if message.kind in (NEWROUTE, DELROUTE):
        _observe_route(table, message, own)
        return False
    take = _OTHERS.get(message.kind)
    return take is not None and take(table, message.body)


def observe_netconf(table: RoutingTable, body: bytes) -> bool:
    found = decode_netconf(body)
    if found is not None:
        family, ifindex, ignores = found
        table.set_ignoring(family, ifindex, ignores=ignores)
    return False


def _observe_route(table: RoutingTable, message: Message, own: Container[int]) -> None:
    event = decode_event(message.kind, message.flags, message.body)
    if event is None or event.terms.table != MAIN_TABLE or event.terms.protocol in own:
        return
    if event.came:
        table.routes.put(event.nlri, event.terms, event.placement)
    else:
        table.routes.remove(event.nlri, event.terms)


def _observe_link(table: RoutingTable, body: bytes) -> bool:
    found = decode_interface(body)
    if found is None:
        return False
    ifindex, state = found
    return table.observe_interface(ifindex, state)


def _remove_link(table: RoutingTable, body: bytes) -> bool:
    found = decode_interface(body)
    if found is not None:
        table.remove_interface(found[0])
    return False


def _put_address(table: RoutingTable, body: bytes) -> bool:
    address = decode_address(body)
    if address is not None:
        table.put_address(address)
    return False


def _remove_address(table: RoutingTable, body: bytes) -> bool:
    address = decode_address(body)
    if address is not None:
        table.remove_address(address)
    return False


_OTHERS: dict[int, Callable[[RoutingTable, bytes], bool]] = {
    NEWLINK: _observe_link,
    DELLINK: _remove_link,
    NEWADDR: _put_address,
    DELADDR: _remove_address,
    NEWNETCONF: observe_netconf,
}
