"""Permanent neighbours and VXLAN forwarding entries, as values. Addresses and MACs are octets."""

from __future__ import annotations

from typing import NamedTuple


class Neighbour(NamedTuple):
    """`address` on the device's other side has this MAC."""

    ifindex: int
    address: bytes
    mac: bytes


class Forwarding(NamedTuple):
    """Frames to this MAC go to the node at `remote`."""

    ifindex: int
    mac: bytes
    remote: bytes


Entry = Neighbour | Forwarding
