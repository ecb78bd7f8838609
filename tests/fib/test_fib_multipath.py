"""Multipath routes against the kernel: a path whose link goes down leaves, and a change of paths leaves no gap."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Awaitable, Callable

import pytest
from fib_makers import decoded, learned, until, update
from fib_namespaces import Namespace, Topology

from bgpctl.fib.programmer import RouteProgrammer
from reflector.kernel.netlink import link_message, route_message
from reflector.kernel.netlink.sockets import Monitor
from reflector.kernel.route import parse_prefix
from reflector.plan import Family, KernelPlan

pytestmark = pytest.mark.netns

WAYS: dict[Family, tuple[str, str, str]] = {
    4: ("20.0.0.0/24", "10.0.0.2", "10.1.0.2"),
    6: ("fd09::/64", "fd00::2", "fd01::2"),
}
ALONE = "20.0.1.0/24"
# Seconds from the kernel's word on the link to its word on the route.
AT_ONCE = 0.05


@pytest.fixture
def two_links(topology: Topology) -> tuple[Namespace, Namespace]:
    """A node wired to a peer twice: eth0 (10.0.0.0/24, fd00::/64) and eth1 (10.1.0.0/24, fd01::/64)."""
    node, peer = topology.namespace("node"), topology.namespace("peer")
    for number in (0, 1):
        topology.wire(node, f"eth{number}", peer, f"eth{number}")
        for namespace, host in ((node, 1), (peer, 2)):
            namespace.ip("addr", "add", f"10.{number}.0.{host}/24", "dev", f"eth{number}")
            namespace.ip("addr", "add", f"fd0{number}::{host}/64", "dev", f"eth{number}", "nodad")
    return node, peer


def programmed(node: Namespace, script: Callable[[RouteProgrammer], Awaitable[None]]) -> None:
    async def main() -> None:
        fib = await RouteProgrammer.open(KernelPlan())
        try:
            await script(fib)
        finally:
            await fib.close()

    node.run(main)


def reaction(monitor: Monitor, prefix: str, left: str) -> float:
    """Seconds from the first notification of a link to that of the route with `left` as its only gateway."""
    destination = parse_prefix(prefix)
    link_changed = 0.0
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        select.select([monitor], [], [], 0.1)
        now = time.monotonic()
        for each in monitor.read(100)[0]:
            if each.kind == link_message.NEWLINK:
                link_changed = link_changed or now
            elif each.kind == route_message.NEWROUTE:
                route = decoded(each.body)
                gateways = [leg.gateway for leg in route.legs] if route else []
                if route and route.destination == destination and gateways == [parse_prefix(left)[1][1:]]:
                    return now - link_changed
    raise AssertionError("ten seconds without the remaining path")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("end", ["ours: set down", "the peer's: no carrier"])
def test_a_path_whose_link_goes_down_leaves_within_fifty_milliseconds(
    two_links: tuple[Namespace, Namespace], family: Family, end: str
) -> None:
    node, peer = two_links
    prefix, stays, goes = WAYS[family]

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(prefix, via=(stays, goes))))
        monitor = Monitor()
        seconds = asyncio.create_task(asyncio.to_thread(reaction, monitor, prefix, stays))
        whose = node if end.startswith("ours") else peer
        await asyncio.to_thread(whose.ip, "link", "set", "eth1", "down")
        measured = await seconds
        monitor.close()
        assert measured < AT_ONCE
        (line,) = node.routes()
        assert (stays in line, goes in line) == (True, False)

    programmed(node, script)


def test_it_does_not_wait_for_a_look_at_a_large_table(two_links: tuple[Namespace, Namespace]) -> None:
    """A link that is set down may have taken routes along in silence, and only a dump shows which; of 20,000 routes
    that takes longer than this."""
    node, _ = two_links
    prefix, stays, goes = WAYS[4]
    node.batch(*(f"route add 30.{n >> 8}.{n & 255}.0/24 via {stays}" for n in range(20_000)))

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(prefix, via=(stays, goes)), learned(ALONE, via=(goes,))))
        monitor = Monitor()
        seconds = asyncio.create_task(asyncio.to_thread(reaction, monitor, prefix, stays))
        await asyncio.to_thread(node.ip, "link", "set", "eth1", "down")
        measured = await seconds
        monitor.close()
        assert measured < AT_ONCE
        await until(lambda: fib.status().in_sync, "the look at the whole kernel")
        assert [line.split()[0] for line in node.routes()] == [prefix]

    programmed(node, script)


@pytest.mark.parametrize("family", [4, 6])
def test_a_carrier_that_returns_brings_its_path_back(two_links: tuple[Namespace, Namespace], family: Family) -> None:
    node, peer = two_links
    prefix, stays, returns = WAYS[family]

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(prefix, via=(stays, returns))))
        for state, there in (("down", False), ("up", True)):
            await asyncio.to_thread(peer.ip, "link", "set", "eth1", state)
            await until(lambda there=there: (returns in "".join(node.routes())) is there, f"eth1 {state}")

    programmed(node, script)


@pytest.mark.parametrize("family", [4, 6])
def test_a_hundred_changes_of_the_paths_leave_no_gap(two_links: tuple[Namespace, Namespace], family: Family) -> None:
    """The kernel's own record of all that happened: every change is one replacement, and no deletion is among them."""
    node, _ = two_links
    prefix, one, other = WAYS[family]
    sets = ((one,), (one, other), (other,), (other, one))

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(prefix, via=sets[-1])))
        monitor = Monitor()
        for number in range(100):
            await fib.apply_update(update(learned(prefix, via=sets[number % 4])))
        received = [(each.kind, bool(each.flags & 0x100)) for each in monitor.read(1000)[0]]
        monitor.close()
        assert received == [(route_message.NEWROUTE, True)] * 100

    programmed(node, script)


@pytest.mark.parametrize("family", [4, 6])
def test_packets_go_on_while_the_paths_change(two_links: tuple[Namespace, Namespace], family: Family) -> None:
    """A ping a millisecond through a route whose paths change a hundred times: each is answered."""
    node, peer = two_links
    prefix, one, other = WAYS[family]
    target = {4: "20.0.0.7", 6: "fd09::7"}[family]
    peer.ip("addr", "add", f"{target}/{32 if family == 4 else 128}", "dev", "lo")

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(prefix, via=(one,))))
        # Both neighbours are known before a packet has to wait for one.
        for gateway in (one, other):
            await asyncio.to_thread(node.command, "ping", "-c1", "-W2", gateway)
        pinging = asyncio.create_task(
            asyncio.to_thread(node.command, "ping", "-q", "-i0.002", "-c500", "-W2", target, check=False)
        )
        changes = 0
        while changes < 100 or not pinging.done():
            await fib.apply_update(update(learned(prefix, via=((one, other), (other,), (one,))[changes % 3])))
            changes += 1
            await asyncio.sleep(0.001)
        assert "500 received" in await pinging

    programmed(node, script)
