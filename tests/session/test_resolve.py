"""Speaker, FIB and kernel resolve alike: random tables in a namespace, each address asked of all three."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from segment import Segment
from test_kernel_routes import Watcher

from bgpctl.fib.core.desired import DesiredRoutes, Paths
from bgpctl.fib.core.reconciler import Reconciler
from bgpctl.fib.edge.observer import read_kernel
from bgpctl.fib.kernel.kernel_view import KernelView
from reflector.addresses import pack_address, unpack_address
from reflector.kernel.netlink.sockets import Requests
from reflector.kernel.resolve import Unresolved
from reflector.kernel.route import parse_prefix
from reflector.plan import KernelPlan

pytestmark = pytest.mark.netns

LINKS = ("one", "two")
GATEWAYS = {4: {"one": "192.0.2.2", "two": "198.51.100.2"}, 6: {"one": "fd0a::2", "two": "fd0b::2"}}
PREFIXES = {
    4: ("default", "10.0.0.0/8", "10.1.0.0/16", "10.1.128.0/17", "10.1.128.4/30", "10.1.128.5/32"),
    6: ("default", "fd00::/8", "fd10::/64", "fd10::8000:0:0:0/65", "fd10::4/126", "fd10::5/128"),
}
ADDRESSES = (
    "10.1.128.5", "10.1.128.6", "10.1.128.9", "10.1.0.1", "10.9.0.1", "203.0.113.1", "192.0.2.9", "198.51.100.9",
    "192.0.2.1", "fd10::5", "fd10::6", "fd10::9", "fd10::8000:0:0:1", "fd99::1", "2001:db8::1", "fd0a::9", "fd0b::9",
    "fd0a::1",
)  # fmt: skip


class Node:
    """A namespace with two veth links beside eth0, whose carriers their other ends decide."""

    def __init__(self, segment: Segment, directory: Path) -> None:
        self.watcher = Watcher(segment, directory)
        self._segment = segment
        self.watcher.batch(
            *(f"link add {link} type veth peer name {link}-end" for link in LINKS),
            *(f"link set {each} up" for link in LINKS for each in (link, f"{link}-end")),
            "addr add 192.0.2.1/24 dev one",
            "addr add 198.51.100.1/24 dev two",
            "addr add fd0a::1/64 dev one nodad",
            "addr add fd0b::1/64 dev two nodad",
        )
        # A router: the state of neighbours plays no part.
        self.watcher.sysctl("net/ipv6/conf/all/forwarding", 1)

    def ignore(self, link: str, value: int) -> None:
        for family in ("ipv4", "ipv6"):
            self.watcher.sysctl(f"net/{family}/conf/{link}/ignore_routes_with_linkdown", value)

    def plug(self, link: str, *, is_in: bool) -> None:
        self.watcher.ip(f"link set {link}-end {'up' if is_in else 'down'}")

    def change(self, family: int, route: str) -> None:
        """What the kernel refuses is not there."""
        command = ["ip", "-n", self._segment.namespace("n"), f"-{family}", "route", *route.split()]
        subprocess.run(command, check=False, capture_output=True)

    def kernels_leg(self, address: str) -> tuple[str, str] | None:
        """Link and gateway ("" on the link) that the kernel takes, or None."""
        command = ["ip", "-n", self._segment.namespace("n"), "-j", "route", "get", address]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        found: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
        if not found or found[0].get("type") == "local":
            return None
        return found[0]["dev"], found[0].get("gateway", "")

    def names(self) -> dict[int, str]:
        command = ["ip", "-n", self._segment.namespace("n"), "-j", "link"]
        return {each["ifindex"]: each["ifname"] for each in json.loads(subprocess.check_output(command))}

    def fib(self) -> DesiredRoutes:
        """The FIB's view, from a dump."""
        view = KernelView()
        with self._segment.inside("n"):
            requests = Requests()
        list(read_kernel(requests, Reconciler(KernelPlan()).observation, view))
        requests.close()
        return DesiredRoutes(KernelPlan(), view.underlay)


@pytest.fixture
def node(segment: Segment, tmp_path: Path) -> Iterator[Node]:
    node = Node(segment, tmp_path)
    yield node
    node.watcher.routes.close("the test is over")


def speakers_legs(node: Node, address: str) -> tuple[set[tuple[str, str]], Unresolved | None]:
    resolution, names = node.watcher.resolve(address), node.names()
    return {(names[leg.ifindex], unpack_address(leg.gateway) if leg.gateway else "") for leg in resolution.legs}, (
        resolution.reason
    )


def fibs_legs(node: Node, address: str) -> set[tuple[str, str]]:
    family, names = (6 if ":" in address else 4), node.names()
    wish = node.fib().bgp(
        parse_prefix("20.0.0.0/24" if family == 4 else "fd77::/64"), Paths((pack_address(address),), 1)
    )
    legs = wish.routes[0].legs if wish.routes else ()
    return {(names[leg.ifindex], unpack_address(leg.gateway)) for leg in legs}


def a_random_route(rng: random.Random, family: int) -> str:
    verb = rng.choice(("add", "add", "append", "prepend", "replace", "del"))
    prefix, metric = rng.choice(PREFIXES[family]), rng.choice((0, 10, 20)) or (0 if family == 4 else 5)
    gateways = GATEWAYS[family]
    if rng.random() < 0.15:
        kind = rng.choice(("blackhole", "unreachable", "prohibit", "throw"))
        return f"{verb} {kind} {prefix} metric {metric}"
    if rng.random() < 0.25:
        both = " ".join(f"nexthop via {gateways[link]} dev {link}" for link in LINKS)
        return f"{verb} {prefix} metric {metric} {both}"
    link = rng.choice(LINKS)
    way = f"via {gateways[link]} dev {link}" if rng.random() < 0.7 else f"dev {link}"
    return f"{verb} {prefix} {way} metric {metric}"


@pytest.mark.parametrize("seed", range(8))
def test_random_tables_resolve_as_the_kernel_does(node: Node, seed: int) -> None:
    """Also while they change below a speaker that watches, and to the FIB that reads them in the end."""
    rng = random.Random(seed)  # noqa: S311
    for link in LINKS:
        node.ignore(link, rng.choice((0, 1)))
    node.watcher.watch()
    flapping, at = rng.choice(LINKS), rng.randrange(60)
    for step in range(30):
        family = rng.choice((4, 6))
        node.change(family, a_random_route(rng, family))
        if step == at:
            node.watcher.batch(f"link set {flapping} down", f"link set {flapping} up")
    dead = rng.choice((*LINKS, ""))
    if dead:
        node.plug(dead, is_in=False)
    node.watcher.settle()
    for address in ADDRESSES:
        kernels = node.kernels_leg(address)
        legs, reason = speakers_legs(node, address)
        assert (kernels in legs) if kernels else not legs, (address, kernels, legs, reason)
        assert (reason is Unresolved.NO_CARRIER) == (bool(legs) and {link for link, _ in legs} == {dead}), address
        with_carrier = {leg for leg in legs if leg[0] != dead} or legs
        assert fibs_legs(node, address) == {
            (link, gateway or str(ip_address(address))) for link, gateway in with_carrier
        }


def test_a_better_route_over_a_link_without_carrier_is_what_all_three_keep_to(node: Node) -> None:
    """Until the kernel is set to ignore such routes."""
    node.watcher.watch()
    node.watcher.batch("route add 10.0.0.0/24 dev one metric 100", "route add 10.0.0.0/24 dev two metric 200")
    node.plug("one", is_in=False)
    node.watcher.settle()
    assert node.kernels_leg("10.0.0.2") == ("one", "")
    assert speakers_legs(node, "10.0.0.2") == ({("one", "")}, Unresolved.NO_CARRIER)
    assert fibs_legs(node, "10.0.0.2") == {("one", "10.0.0.2")}
    node.ignore("one", 1)
    node.watcher.settle()
    assert node.kernels_leg("10.0.0.2") == ("two", "")
    assert speakers_legs(node, "10.0.0.2") == ({("two", "")}, None)
    assert fibs_legs(node, "10.0.0.2") == {("two", "10.0.0.2")}
