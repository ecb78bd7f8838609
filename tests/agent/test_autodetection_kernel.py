"""Address detection against the kernel: what it sees of real links, and how it follows them.

Each test has a network namespace of its own, with eth0 and eth1 (each one end of a veth pair, both ends up).
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from address_makers import found, node_document, resources

from bgpctl.agent.autodetection import observer
from bgpctl.agent.autodetection.detector import Detector
from bgpctl.agent.autodetection.host import Host
from bgpctl.agent.autodetection.observer import HostObserver
from bgpctl.agent.autodetection.settings import DetectionSettings
from bgpctl.agent.complete.detected_addresses import with_detected_addresses
from bgpctl.agent.node_resources import NodeResources
from bgpctl.configuration.read import Sources, read_options
from reflector.plan import ROUTE_PROTOCOL

pytestmark = pytest.mark.netns

InOwnNetwork = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
QUICK = 0.3


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def sysctl(name: str, value: int) -> None:
    subprocess.run(["sysctl", "-q", "-w", f"{name}={value}"], check=True)


@pytest.fixture
def with_links(in_own_network: InOwnNetwork) -> InOwnNetwork:
    """Runs a coroutine function in a namespace with the two links."""

    def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def prepared() -> None:
            for name in ("eth0", "eth1"):
                ip("link", "add", name, "type", "veth", "peer", "name", f"peer-{name}")
                for end in (name, f"peer-{name}"):
                    sysctl(f"net.ipv6.conf.{end}.accept_dad", 0)
                    ip("link", "set", end, "up")
            await main()

        in_own_network(prepared)

    return run


async def look(*destinations: tuple[Any, str]) -> Host:
    async with HostObserver() as here:
        return await here.host(destinations)


# ------------------------------------------------------------------------------------------------ looking


def test_several_addresses_with_a_secondary_one(with_links: InOwnNetwork) -> None:
    async def main() -> None:
        for each in ("10.0.0.1/24", "10.0.0.2/24", "10.1.0.1/16"):
            ip("address", "add", each, "dev", "eth0")
        host = await look()
        assert found("interface=eth0", 4, host) == "10.0.0.1/24 eth0"
        assert found("cidr=10.0.0.2/32", 4, host) == "10.0.0.2/24 eth0"
        (eth0,) = [each for each in host.interfaces if each.name == "eth0"]
        assert [(each.text, each.secondary) for each in eth0.of_family(4)] == [
            ("10.0.0.1/24", False), ("10.1.0.1/16", False), ("10.0.0.2/24", True)
        ]  # fmt: skip

    with_links(main)


def test_first_found_leaves_peers_of_containers_and_the_loopback_aside(with_links: InOwnNetwork) -> None:
    async def main() -> None:
        ip("address", "add", "192.0.2.1/32", "dev", "lo")
        ip("link", "add", "docker0", "type", "bridge")
        ip("link", "set", "docker0", "up")
        ip("address", "add", "172.17.0.1/16", "dev", "docker0")
        ip("address", "add", "10.0.0.1/24", "dev", "eth0")
        assert found("first-found", 4, await look()) == "10.0.0.1/24 eth0"

    with_links(main)


def test_a_link_that_is_down_and_one_that_only_lacks_its_cable(with_links: InOwnNetwork) -> None:
    async def main() -> None:
        ip("address", "add", "10.0.0.1/24", "dev", "eth0")
        ip("link", "set", "peer-eth0", "down")
        assert found("interface=eth0", 4, await look()) == "10.0.0.1/24 eth0"
        ip("link", "set", "eth0", "down")
        assert "eth0 is down" in found("interface=eth0", 4, await look())

    with_links(main)


def test_the_address_of_a_point_to_point_link_is_this_end_s(with_links: InOwnNetwork) -> None:
    async def main() -> None:
        ip("address", "add", "10.0.0.1", "peer", "10.0.0.2/32", "dev", "eth0")
        assert found("interface=eth0", 4, await look()) == "10.0.0.1/32 eth0"

    with_links(main)


def test_tentative_deprecated_and_link_local_ipv6_addresses_are_passed_over(with_links: InOwnNetwork) -> None:
    """RFC 4862 5.4, 5.5.4."""

    async def main() -> None:
        ip("address", "add", "fd00::1/64", "dev", "eth0", "preferred_lft", "0")
        sysctl("net.ipv6.conf.eth0.accept_dad", 1)
        sysctl("net.ipv6.conf.eth0.dad_transmits", 100)
        ip("address", "add", "fd00::2/64", "dev", "eth0")
        reason = found("interface=eth0", 6, await look())
        assert "fd00::1 on eth0 is deprecated" in reason
        assert "fd00::2 on eth0 is tentative" in reason
        assert "fe80::" in reason
        ip("address", "add", "fd00::3/64", "dev", "eth0", "nodad")
        assert found("interface=eth0", 6, await look()) == "fd00::3/64 eth0"

    with_links(main)


def test_can_reach_follows_the_kernel_s_routes(with_links: InOwnNetwork) -> None:
    async def main() -> None:
        ip("address", "add", "10.0.0.1/24", "dev", "eth0")
        ip("address", "add", "10.0.0.7/24", "dev", "eth0")
        ip("address", "add", "10.1.0.1/24", "dev", "eth1")
        for name, number in (("eth0", 0), ("eth1", 1)):
            ip("address", "add", f"fd0{number}::1/64", "dev", name, "nodad")
        ip("route", "add", "8.8.0.0/16", "via", "10.1.0.254")
        ip("route", "add", "8.9.0.0/16", "via", "10.0.0.254", "src", "10.0.0.7")
        ip("route", "add", "2001:db8::/32", "via", "fd01::9")
        asked: dict[tuple[Any, str], str] = {
            (4, "10.0.0.9"): "10.0.0.1/24 eth0",
            (4, "8.8.8.8"): "10.1.0.1/24 eth1",
            (4, "8.9.8.8"): "10.0.0.7/24 eth0",
            (6, "2001:db8::1"): "fd01::1/64 eth1",
            (4, "9.9.9.9"): "9.9.9.9 cannot be reached over IPv4 (Network is unreachable)",
            (4, "localhost"): "the way to localhost has the source 127.0.0.1, which other routers cannot reach",
            (6, "8.8.8.8"): "8.8.8.8 cannot be reached over IPv6 (Address family for hostname not supported)",
        }
        host = await look(*asked)
        assert {each: found(f"can-reach={each[1]}", each[0], host) for each in asked} == asked

    with_links(main)


# --------------------------------------------------------------------------------------------- following


class Followed:
    """What comes out of the resources of one Node `a`, in a task of its own."""

    def __init__(self, path: Path, own_protocol: int = ROUTE_PROTOCOL, **environment: str) -> None:
        self._observer = HostObserver(own_protocol, settle=QUICK, retry=0.2)
        self.seen: list[tuple[str, str]] = []
        self._came = asyncio.Event()
        self.resources: asyncio.Queue[NodeResources] = asyncio.Queue()
        self.resources.put_nowait(resources(node_document("a")))
        self._detector = Detector(read_options(DetectionSettings, Sources({}, environment)), path / "addresses.json")

    async def _changes(self) -> AsyncGenerator[NodeResources, None]:
        while True:
            yield await self.resources.get()

    async def follow(self) -> None:
        async with (
            aclosing(self._changes()) as changes,
            aclosing(with_detected_addresses(changes, self._detector, self._observer)) as completed,
        ):
            async for each in completed:
                node = each.loaded.resources.nodes["a"]
                self.seen.append((node.address(4), node.address(6)))
                self._came.set()

    async def saw(self, count: int, within: float = 10.0) -> None:
        """Waits until so much was seen in all, and no more."""
        async with asyncio.timeout(within):
            while len(self.seen) < count:
                self._came.clear()
                await self._came.wait()
        assert len(self.seen) == count


def following(
    with_links: InOwnNetwork, followed: Followed, script: Callable[[], Awaitable[None]]
) -> list[tuple[str, str]]:
    """What was seen while `script` went on."""

    async def main() -> None:
        task = asyncio.create_task(followed.follow())
        try:
            await script()
        finally:
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()

    with_links(main)
    return followed.seen


def test_an_address_that_is_changed_is_taken_up(with_links: InOwnNetwork, tmp_path: Path) -> None:
    followed = Followed(tmp_path)

    async def script() -> None:
        ip("address", "add", "10.0.0.1/24", "dev", "eth0")
        await followed.saw(1)
        ip("address", "add", "10.0.0.9/24", "dev", "eth1")
        ip("address", "del", "10.0.0.1/24", "dev", "eth0")
        await followed.saw(2)

    assert following(with_links, followed, script) == [("10.0.0.1", ""), ("10.0.0.9", "")]


def test_an_address_that_flaps_has_never_been_away(with_links: InOwnNetwork, tmp_path: Path) -> None:
    followed = Followed(tmp_path)

    async def script() -> None:
        ip("address", "add", "10.0.0.1/24", "dev", "eth0")
        ip("address", "add", "10.1.0.1/24", "dev", "eth1")
        await followed.saw(1)
        for _ in range(5):
            ip("address", "del", "10.1.0.1/24", "dev", "eth1")
            ip("link", "set", "eth1", "down")
            await asyncio.sleep(QUICK / 10)
            ip("link", "set", "eth1", "up")
            ip("address", "add", "10.1.0.1/24", "dev", "eth1")
        # The sentinel: what comes after the flap is what shows next.
        ip("address", "del", "10.1.0.1/24", "dev", "eth1")
        await followed.saw(2)

    assert following(with_links, followed, script) == [("10.1.0.1", ""), ("10.0.0.1", "")]


def test_links_that_make_no_difference_are_no_news(with_links: InOwnNetwork, tmp_path: Path) -> None:
    followed = Followed(tmp_path)

    async def script() -> None:
        ip("address", "add", "10.0.0.1/24", "dev", "eth0")
        await followed.saw(1)
        for number in range(3):
            ip("link", "add", f"cali{number}", "type", "bridge")
            await asyncio.sleep(QUICK * 1.5)
        followed.resources.put_nowait(resources(node_document("a"), node_document("b")))
        await followed.saw(2)

    assert following(with_links, followed, script) == [("10.0.0.1", "")] * 2


def test_an_ipv6_address_is_taken_up_when_duplicate_address_detection_is_over(
    with_links: InOwnNetwork, tmp_path: Path
) -> None:
    """RFC 4862 5.4."""
    followed = Followed(tmp_path, IP="none", IP6="autodetect")

    async def script() -> None:
        sysctl("net.ipv6.conf.eth0.accept_dad", 1)
        ip("address", "add", "fd00::1/64", "dev", "eth0")
        await followed.saw(2)

    assert following(with_links, followed, script) == [("", ""), ("", "fd00::1")]


@pytest.mark.parametrize("own_protocol", [179, 180])
def test_can_reach_follows_a_route_that_comes_but_not_one_that_bgp_brings(
    with_links: InOwnNetwork, tmp_path: Path, own_protocol: int
) -> None:
    followed = Followed(tmp_path, own_protocol, IP_AUTODETECTION_METHOD="can-reach=8.8.8.8")

    async def script() -> None:
        ip("address", "add", "10.0.0.1/24", "dev", "eth0")
        ip("address", "add", "10.1.0.1/24", "dev", "eth1")
        ip("route", "add", "default", "via", "10.0.0.254")
        await followed.saw(1)
        ip("route", "add", "8.8.8.0/25", "via", "10.1.0.254", "proto", str(own_protocol))
        await asyncio.sleep(QUICK * 2)  # long enough to be taken up, if it were noticed
        await followed.saw(1)
        ip("route", "add", "8.8.0.0/16", "via", "10.1.0.254", "proto", "static")
        await followed.saw(2)

    assert following(with_links, followed, script) == [("10.0.0.1", ""), ("10.1.0.1", "")]


def test_a_destination_that_cannot_be_reached_is_retried(
    with_links: InOwnNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "EVERYTHING", observer.LINKS_AND_ADDRESSES)  # deaf to routes
    followed = Followed(tmp_path, IP_AUTODETECTION_METHOD="can-reach=8.8.8.8")

    async def script() -> None:
        ip("address", "add", "10.0.0.1/24", "dev", "eth0")
        await followed.saw(1)
        ip("route", "add", "default", "via", "10.0.0.254")
        await followed.saw(2)

    assert following(with_links, followed, script) == [("", ""), ("10.0.0.1", "")]


def test_a_node_that_has_its_addresses_opens_no_socket(with_links: InOwnNetwork, tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    followed.resources.get_nowait()
    followed.resources.put_nowait(resources(node_document("a", "ipv4Address: 10.9.9.9/24")))

    async def script() -> None:
        opened: list[HostObserver] = []
        really = HostObserver._open
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(HostObserver, "_open", lambda self: (opened.append(self), really(self)))
            await followed.saw(1)
            assert opened == []
            followed.resources.put_nowait(resources(node_document("a")))
            await followed.saw(2)
            assert len(opened) == 1

    assert following(with_links, followed, script) == [("10.9.9.9", ""), ("", "")]
