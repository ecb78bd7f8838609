"""Who is behind the VXLAN: per remote node a neighbour and a forwarding entry on our device. Pure.

The route to a remote block leads through the owner's tunnel address; the neighbour entry gives that address a MAC,
and the forwarding entry gives the MAC the node to send the outer packet to (RFC 7348 4). All are permanent: nothing
is learned and nothing is flooded. Only entries on our own device are looked at.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from bgpctl.fib.tunnels.tunnel import parse_mac
from reflector.addresses import pack_address
from reflector.kernel.neighbour import Entry, Forwarding, Neighbour
from reflector.plan import VxlanPlan


class EntryDifference(NamedTuple):
    """`put` overwrites what has the same address or MAC; `remove` comes after it."""

    put: tuple[Entry, ...]
    remove: tuple[Entry, ...]


def desired_entries(plan: VxlanPlan, ifindex: int) -> frozenset[Entry]:
    """The entries of every remote end on the device."""
    entries: set[Entry] = set()
    for vtep in plan.vteps:
        mac = parse_mac(vtep.mac)
        entries.add(Neighbour(ifindex, pack_address(vtep.tunnel_address), mac))
        entries.add(Forwarding(ifindex, mac, pack_address(vtep.node_address)))
    return frozenset(entries)


def entry_difference(desired: Collection[Entry], observed: Collection[Entry]) -> EntryDifference:
    """What makes `observed` into `desired`. An entry whose identity stays is overwritten, not removed."""
    identities = {_identity(entry) for entry in desired}
    put = sorted(set(desired) - set(observed), key=_order)
    gone = [entry for entry in observed if _identity(entry) not in identities]
    return EntryDifference(tuple(put), tuple(sorted(gone, key=_order)))


def _identity(entry: Entry) -> tuple[bool, int, bytes]:
    return isinstance(entry, Neighbour), entry[0], entry[1]


def _order(entry: Entry) -> tuple[bool, int, bytes, bytes]:
    return isinstance(entry, Neighbour), *entry
