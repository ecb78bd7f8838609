"""Route programming: our netlink batches beside `ip -batch`, and the whole programmer beside both.

    python labs/bench/fib.py [--routes 10000 --routes 100000] [--runs 5] [--changes 5000]      (root)

Every run has a fresh network namespace with one link. The three ways take turns, so that a busy machine hurts all
alike; medians in seconds. `batch` encodes and sends route values in acknowledged batches; `programmer` starts with
a Loc-RIB update and includes the decisions, the bookkeeping and hearing the kernel's notifications. `ip -batch`
includes starting `ip`, and its input is made beforehand.

Then the time of one route's change: another process stands in for the speaker and streams `--changes` updates of one
route each at 1,000 a second, beside 10,000 routes that stay. Each carries the time at which it was due, so a programmer
that falls behind pays for it; the time ends when the kernel has acknowledged the change. In milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

from msgspec import structs

from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from bgpctl.fib.edge.settling import BATCH
from bgpctl.fib.programmer import RouteProgrammer
from reflector.addresses import pack_address
from reflector.kernel.change import Change, Verb
from reflector.kernel.netlink import route_message
from reflector.kernel.netlink.sockets import Requests
from reflector.kernel.route import KernelRoute, Leg, prefix_text
from reflector.messages import LocRibRoutes, LocRibUpdate, Subscribed, frame
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
    legs = (Leg(pack_address(NEXT_HOP), ifindex),)
    routes = [KernelRoute(4, nlri, METRIC, ROUTE_PROTOCOL, legs) for nlri in nlris(count)]
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
    group = LocRibRoutes(4, RouteSource.BGP, SessionType.IBGP, (pack_address(NEXT_HOP),), LOCAL_PREF, "", every)
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


# ------------------------------------------------------------------------------------ one route's change


def changes(count: int) -> Iterator[LocRibUpdate]:
    """A route comes, another LOCAL_PREF, another next hop, and it goes: in turn, over 250 prefixes."""
    group = LocRibRoutes(4, RouteSource.BGP, SessionType.IBGP, (pack_address(NEXT_HOP),), LOCAL_PREF, "", ())
    for number in range(count):
        nlri = (bytes((24, 30, 0, number // 4 % 250)),)
        new = structs.replace(group, nlri=nlri)
        yield (
            LocRibUpdate(number, (new,)),
            LocRibUpdate(number, (structs.replace(new, local_pref=LOCAL_PREF - 1),)),
            LocRibUpdate(number, (structs.replace(new, next_hops=(pack_address("10.0.0.3"),)),)),
            LocRibUpdate(number, withdrawn_v4=nlri),
        )[number % 4]


def stand_in_speaker(path: str, count: int) -> None:
    """Streams the table, then the changes at their pace, to the first who connects; then closes."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(frame(Subscribed(epoch="bench")))
        stay = LocRibRoutes(
            4, RouteSource.BGP, SessionType.IBGP, (pack_address(NEXT_HOP),), LOCAL_PREF, "", nlris(10_000)
        )
        connection.sendall(frame(LocRibUpdate(0, (stay,))))
        start = time.monotonic() + 1.0  # the table is in the kernel by then
        for number, update in enumerate(changes(count)):
            due = start + number / 1000
            time.sleep(max(0.0, due - time.monotonic()))
            connection.sendall(frame(structs.replace(update, read_at=due)))


async def follow(path: Path) -> list[float]:
    """Seconds from due to acknowledged of every change."""
    fib = await RouteProgrammer.open(KernelPlan())
    seconds = []
    async with aclosing(SpeakerLink(path).loc_rib()) as updates:
        try:
            async for update in updates:
                if isinstance(update, LocRibUpdate):
                    await fib.apply_update(update)
                    if update.read_at:
                        seconds.append(time.monotonic() - update.read_at)
        except SpeakerAwayError:
            pass  # everything has been reported
    await fib.close()
    return seconds


def measure_changes_here(count: int) -> None:
    """Prints median, 99th percentile and maximum in milliseconds."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "speaker.sock")
        speaker = subprocess.Popen([sys.executable, __file__, "--speaker", str(path), "--changes", str(count)])
        while not path.exists():
            time.sleep(0.01)
        seconds = sorted(asyncio.run(follow(path)))
        assert speaker.wait() == 0
    assert len(seconds) == count, len(seconds)
    at = (seconds[count // 2], seconds[count * 99 // 100], seconds[-1])
    print(*(f"{each * 1000:.2f}" for each in at))


WAYS: dict[str, Callable[[int], Timing]] = {"ip -batch": iproute2, "batch": batches, "programmer": programmer}


def make_link() -> None:
    """In this process's namespace, which is fresh."""
    for command in (
        "link set lo up",
        "link add eth0 type veth peer name eth1",
        "link set eth0 up",
        "link set eth1 up",
        "addr add 10.0.0.1/24 dev eth0",
    ):
        subprocess.run(["ip", *command.split()], check=True)


def measure_here(way: str, count: int) -> None:
    """Prints the two times of one run."""
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
    parser.add_argument("--changes", type=int, default=5000)
    parser.add_argument("--speaker", help=argparse.SUPPRESS)
    parser.add_argument("--here", choices=(*WAYS, "changes"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("fib.py: network namespaces need root")
    counts = options.routes or [10_000, 100_000]
    if options.speaker:
        stand_in_speaker(options.speaker, options.changes)
        return
    if options.here:
        make_link()
        if options.here == "changes":
            measure_changes_here(options.changes)
        else:
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
    command = ["unshare", "--net", sys.executable, __file__, "--here", "changes", "--changes", str(options.changes)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    middle, late, latest = done.stdout.split()
    print(f"one route's change at 1,000 a second: median {middle} ms, 99 % within {late} ms, all within {latest} ms")


if __name__ == "__main__":
    main()
