"""What the route programmer reports of the kernel's routes: counts, failures and latencies. A frozen value."""

from __future__ import annotations

import msgspec

from bgpctl.fib.core.failures import RouteFailure
from bgpctl.fib.tunnels.tunnel import DeviceFailure
from reflector.messages import Histogram


class FibStatus(msgspec.Struct, frozen=True):
    """What is so now; `repairs` counts since start.

    desired, installed   how many routes
    failed               the kernel refused them
    unresolved           a next hop, or all of them, has no way
    foreign              a foreign route occupies the key
    shadowed             installed, but a foreign route of lower metric is used
    unsafe               learned routes that would take the way to this node's own network, a peer or a next hop
    unsafe_own    the same of the plan's own routes: blackholes, routes to blocks of nodes without a BGP speaker
    retained             how many the speaker does not name
    in_sync              the Loc-RIB stream has sent all that it can, and nothing is outstanding
    workload_routes      routes of other programs to workloads of this node that no block stands for, all of them
    synced_at            when the kernel last was as desired after a change, in seconds since the epoch; 0 = never
    batches              seconds from sending a batch to its last acknowledgement
    propagation          seconds from reading an UPDATE in the speaker to the acknowledgement of all that followed
    """

    desired: int
    installed: int
    repairs: int
    in_sync: bool
    failed: tuple[RouteFailure, ...] = ()
    unresolved: tuple[RouteFailure, ...] = ()
    foreign: tuple[RouteFailure, ...] = ()
    shadowed: tuple[RouteFailure, ...] = ()
    unsafe: tuple[RouteFailure, ...] = ()
    unsafe_own: tuple[RouteFailure, ...] = ()
    devices: tuple[DeviceFailure, ...] = ()
    batches: Histogram = Histogram()
    propagation: Histogram = Histogram()
    synced_at: float = 0.0
    retained: int = 0
    workload_routes: int = 0
