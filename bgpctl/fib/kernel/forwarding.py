"""Where the kernel sends what our routes are for: the immediate gateway and the interface, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.addresses import unpack_address
from reflector.kernel.route import Leg, prefix_text


class NextHop(msgspec.Struct, frozen=True):
    """`gateway` "" where the destination is on the link; `interface` "" when the link is gone."""

    gateway: str
    interface: str


def forwarding(view: KernelView) -> Iterator[tuple[str, tuple[NextHop, ...]]]:
    """Each prefix of ours in the kernel with its ways out; none for a blackhole."""
    for route in view.observed:
        yield prefix_text(route.destination), tuple(_next_hop(view, leg) for leg in route.legs)


def _next_hop(view: KernelView, leg: Leg) -> NextHop:
    link = view.underlay.links.get(leg.ifindex)
    return NextHop(unpack_address(leg.gateway) if leg.gateway else "", link.name if link else "")
