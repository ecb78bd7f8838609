"""Routes to workloads as the kernel reports them: what it does to links is done to the routes over them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from fib_makers import until
from fib_namespaces import Namespace, Topology

from bgpctl.fib.programmer import RouteProgrammer
from reflector.plan import KernelPlan

pytestmark = pytest.mark.netns

PLAN = KernelPlan(
    workload_networks=("192.168.0.0/16", "fd64::/48"),
    aggregated_blocks=("192.168.1.0/26",),
    local_subnets=("10.0.0.0/24", "fd00::/64"),
)
FOUR, SIX = "192.168.2.7/32", "fd64:0:0:2::7/128"


class Watched:
    """The routes that are announced, and whether they have been reported."""

    def __init__(self, fib: RouteProgrammer) -> None:
        self._fib = fib

    async def become(self, *expected: tuple[str, int, str]) -> None:
        """Reported, and exactly these."""
        await until(lambda: {tuple(each) for each in self._fib.workload_routes()} == set(expected), str(expected))
        assert self._fib.workloads_changed.is_set()
        self._fib.workloads_changed.clear()


@pytest.fixture
def pods(node: Namespace) -> Namespace:
    for number in (1, 2):
        node.ip("link", "add", f"cali{number}", "type", "veth", "peer", "name", f"pod{number}")
        node.ip("link", "set", f"pod{number}", "up")
        node.ip("link", "set", f"cali{number}", "up")
    return node


def watched(node: Namespace, script: Callable[[Watched], Awaitable[None]]) -> None:
    async def main() -> None:
        fib = await RouteProgrammer.open(PLAN)
        try:
            await script(Watched(fib))
        finally:
            await fib.close()

    node.run(main)


def add(node: Namespace, prefix: str, device: str = "cali1", *words: str) -> None:
    node.ip("-6" if ":" in prefix else "-4", "route", "add", prefix, "dev", device, *words)


@pytest.mark.parametrize("prefix", [FOUR, SIX])
def test_a_route_that_comes_moves_and_goes(pods: Namespace, prefix: str) -> None:
    async def script(routes: Watched) -> None:
        await routes.become()
        add(pods, prefix, "cali1", "metric", "1024")
        await routes.become((prefix, 1024, "cali1"))
        add(pods, prefix, "cali2", "metric", "512")
        await routes.become((prefix, 512, "cali2"))
        family = "-6" if ":" in prefix else "-4"
        pods.ip(family, "route", "del", prefix, "dev", "cali2")
        await routes.become((prefix, 1024, "cali1"))
        pods.ip(family, "route", "replace", prefix, "dev", "cali2", "metric", "1024")
        await routes.become((prefix, 1024, "cali2"))
        pods.ip(family, "route", "del", prefix, "dev", "cali2")
        await routes.become()

    watched(pods, script)


@pytest.mark.parametrize("prefix", [FOUR, SIX])
@pytest.mark.parametrize("end", ["down", "deleted", "moved into another namespace", "flushed"])
def test_a_workload_whose_link_goes_is_gone(pods: Namespace, topology: Topology, prefix: str, end: str) -> None:
    """Also when the link comes back: its routes have gone with it."""
    commands = {
        "down": ("link", "set", "cali1", "down"),
        "deleted": ("link", "del", "cali1"),
        "moved into another namespace": ("link", "set", "cali1", "netns", topology.namespace("elsewhere").name),
        "flushed": ("-6" if ":" in prefix else "-4", "route", "flush", "dev", "cali1"),
    }

    async def script(routes: Watched) -> None:
        add(pods, prefix)
        add(pods, "192.168.2.8/32", "cali2")
        await routes.become((prefix, 1024, "cali1"), ("192.168.2.8/32", 1024, "cali2"))
        pods.ip(*commands[end])
        await routes.become(("192.168.2.8/32", 1024, "cali2"))
        if end == "down":
            pods.ip("link", "set", "cali1", "up")
            assert prefix.split("/")[0] not in pods.ip("-6" if ":" in prefix else "-4", "route")
            add(pods, prefix, "cali2")
            await routes.become((prefix, 1024, "cali2"), ("192.168.2.8/32", 1024, "cali2"))

    watched(pods, script)


def test_a_route_without_a_metric_is_the_one_that_the_kernel_uses(pods: Namespace) -> None:
    """IPv4 has no lower one. Its priority is the normal one, as in Calico."""

    async def script(routes: Watched) -> None:
        add(pods, FOUR, "cali2", "metric", "512")
        await routes.become((FOUR, 512, "cali2"))
        add(pods, FOUR)
        await routes.become((FOUR, 1024, "cali1"))

    watched(pods, script)


def test_a_renamed_link_has_its_new_name(pods: Namespace) -> None:
    async def script(routes: Watched) -> None:
        add(pods, FOUR)
        await routes.become((FOUR, 1024, "cali1"))
        pods.ip("link", "set", "cali1", "name", "cali7")
        await routes.become((FOUR, 1024, "cali7"))

    watched(pods, script)


def test_what_was_there_before_the_agent_is_announced(pods: Namespace) -> None:
    add(pods, FOUR)
    add(pods, SIX)
    add(pods, "192.168.1.5/32")

    async def script(routes: Watched) -> None:
        await routes.become((FOUR, 1024, "cali1"), (SIX, 1024, "cali1"))

    watched(pods, script)


def test_the_networks_of_the_node_and_its_tunnels_are_not(pods: Namespace) -> None:
    """Connected networks in a pool, a host route over the underlay, and another node's block through a tunnel."""
    pods.ip("link", "add", "vx", "type", "vxlan", "id", "7", "dstport", "4789", "dev", "eth0")
    pods.ip("link", "set", "vx", "up")
    pods.ip("addr", "add", "192.168.77.1/24", "dev", "cali2")
    add(pods, "192.168.9.9/32", "eth0")
    add(pods, "192.168.8.0/26", "vx")

    async def script(routes: Watched) -> None:
        add(pods, FOUR)
        await routes.become((FOUR, 1024, "cali1"))

    watched(pods, script)
