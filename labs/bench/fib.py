"""Route programming: our netlink batches beside `ip -batch`, and the whole programmer beside both.

    python labs/bench/fib.py [--routes 10000 --routes 100000] [--runs 5]      (root)

Every run has a fresh network namespace with one link. The three ways take turns, so that a busy machine hurts all
alike; medians in seconds. `batch` encodes and sends route values in acknowledged batches; `programmer` starts with
a Loc-RIB update and includes the decisions, the bookkeeping and hearing the kernel's notifications. `ip -batch`
includes starting `ip`, and its input is made beforehand.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from bgpctl.fib import route_message
from bgpctl.fib.difference import Change, Verb
from bgpctl.fib.netlink import Requests
from bgpctl.fib.programmer import BATCH, RouteProgrammer
from bgpctl.fib.route import Hop, KernelRoute, parse_address, prefix_text
from reflector.messages import LocRibRoutes, LocRibUpdate
from reflector.plan import ROUTE_PROTOCOL, KernelPlan, RouteSource, SessionType

NEXT_HOP = "10.0.0.2"
METRIC = 1024
LOCAL_PREF = 2147483647 - METRIC
Timing = tuple[float, float]


def nlris(count: int) -> tuple[bytes, ...]:
    """/26 blocks, as a cluster has them: 20.0.0.0/26 and on."""
    return tuple(bytes((26,)) + (0x14000000 + (number << 6)).to_bytes(4, "big") for number in range(count))


def iproute2(count: int) -> Timing:
    prefixes = [prefix_text((4, nlri)) for nlri in nlris(count)]
    adds = "".join(f"route add {p} via {NEXT_HOP} dev eth0 metric {METRIC} proto 179\n" for p in prefixes)
    deletes = "".join(f"route del {p} metric {METRIC} proto 179\n" for p in prefixes)
    timings = []
    for lines in (adds, deletes):
        start = time.perf_counter()
        subprocess.run(["ip", "-batch", "-"], input=lines.encode(), check=True)
        timings.append(time.perf_counter() - start)
    return timings[0], timings[1]


def batches(count: int) -> Timing:
    ifindex = socket.if_nametoindex("eth0")
    hops = (Hop(parse_address(NEXT_HOP), ifindex),)
    routes = [KernelRoute(4, nlri, METRIC, ROUTE_PROTOCOL, hops) for nlri in nlris(count)]
    requests = Requests()
    timings = []
    for verb in (Verb.ADD, Verb.DELETE):
        start = time.perf_counter()
        for first in range(0, count, BATCH):
            slice_ = routes[first : first + BATCH]
            answers = requests.batch([route_message.encode(Change(verb, route)) for route in slice_])
            assert answers == [None] * len(slice_), answers
        timings.append(time.perf_counter() - start)
    requests.close()
    return timings[0], timings[1]


def programmer(count: int) -> Timing:
    return asyncio.run(_programmer(count))


async def _programmer(count: int) -> Timing:
    every = nlris(count)
    group = LocRibRoutes(4, RouteSource.BGP, SessionType.IBGP, (parse_address(NEXT_HOP),), LOCAL_PREF, "", every)
    fib = await RouteProgrammer.open(KernelPlan())
    start = time.perf_counter()
    await fib.apply_update(LocRibUpdate(1, (group,)))
    added = time.perf_counter()
    assert fib.status().installed == count, fib.status()
    again = time.perf_counter()
    await fib.apply_update(LocRibUpdate(2, withdrawn_v4=every))
    removed = time.perf_counter()
    await fib.close()
    return added - start, removed - again


WAYS: dict[str, Callable[[int], Timing]] = {"ip -batch": iproute2, "batch": batches, "programmer": programmer}


def measure_here(way: str, count: int) -> None:
    """One run in this process's namespace, which is fresh; prints the two times."""
    for command in (
        "link set lo up",
        "link add eth0 type veth peer name eth1",
        "link set eth0 up",
        "link set eth1 up",
        "addr add 10.0.0.1/24 dev eth0",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    added, removed = WAYS[way](count)
    print(added, removed)


def measure(way: str, count: int) -> Timing:
    command = ["unshare", "--net", sys.executable, __file__, "--here", way, "--routes", str(count)]
    added, removed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return float(added), float(removed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--routes", type=int, action="append")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--here", choices=tuple(WAYS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("fib.py: network namespaces need root")
    counts = options.routes or [10_000, 100_000]
    if options.here:
        measure_here(options.here, counts[0])
        return
    print(f"{'routes':>8}  {'way':<11} {'add':>8} {'withdraw':>9}   us a route (add)")
    for count in counts:
        runs: dict[str, list[Timing]] = {way: [] for way in WAYS}
        for _ in range(options.runs):
            for way in WAYS:
                runs[way].append(measure(way, count))
        for way, timings in runs.items():
            added, removed = (statistics.median(side) for side in zip(*timings, strict=True))
            print(f"{count:>8}  {way:<11} {added:>8.3f} {removed:>9.3f}   {added / count * 1e6:.1f}")


if __name__ == "__main__":
    main()
