"""Our routes beside those of others, in the kernel: the kernel's own key decides whose is whose.

Key: family, table, prefix, metric, TOS. Only a foreign route of the same key keeps ours out; every other one stands
beside it, untouched. What carries our protocol number is ours, and is put right within a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
import structlog
from fib_makers import decoded, learned, occupied, until, update
from fib_namespaces import Namespace

from bgpctl.fib.programmer import RouteProgrammer
from reflector.kernel.netlink.sockets import Monitor
from reflector.plan import PRIORITY_BASE, Family, HostRoute, KernelPlan, KernelRule, KernelVerdict

pytestmark = pytest.mark.netns

Script = Callable[[RouteProgrammer], Awaitable[None]]
# A prefix, our gateway, another gateway.
WAYS: dict[Family, tuple[str, str, str]] = {
    4: ("20.0.0.0/24", "10.0.0.2", "10.0.0.9"),
    6: ("fd09::/64", "fd00::2", "fd00::9"),
}
# Seconds, of the issue: until what another program deleted or overrode is repaired.
REPAIR = 1.0
families = pytest.mark.parametrize("family", [4, 6])


def programmed(node: Namespace, script: Script, plan: KernelPlan | None = None, former: int = 0) -> None:
    async def main() -> None:
        fib = await RouteProgrammer.open(plan or KernelPlan(), former=former)
        try:
            await script(fib)
        finally:
            await fib.close()

    node.run(main)


def learn(family: Family, *, metric: int = 1024, via: str = "") -> Script:
    prefix, ours, _ = WAYS[family]

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(prefix, via=(via or ours,), local_pref=PRIORITY_BASE - metric)))

    return script


# ---------------------------------------------------------------------------------------------- keys


@families
@pytest.mark.parametrize(
    "differs", [["metric", "2000"], ["metric", "500"], ["metric", "1024", "table", "100"]], ids=" ".join
)
def test_a_foreign_route_of_another_key_stands_beside_ours(node: Namespace, family: Family, differs: list[str]) -> None:
    prefix, ours, theirs = WAYS[family]
    node.ip("route", "add", prefix, "via", theirs, *differs, "proto", "static")
    before = node.routes("table", "all", "proto", "static")

    async def script(fib: RouteProgrammer) -> None:
        await learn(family)(fib)
        (line,) = node.routes()
        assert ours in line
        assert fib.status().foreign == ()
        await fib.apply_update(update(withdrawn=(prefix,)))
        assert node.routes() == []

    programmed(node, script)
    assert node.routes("table", "all", "proto", "static") == before


def test_a_foreign_route_of_another_tos_stands_beside_ours(node: Namespace) -> None:
    """IPv4 alone has a TOS in its routes; ours have none."""
    prefix, ours, theirs = WAYS[4]
    node.ip("route", "add", prefix, "via", theirs, "metric", "1024", "tos", "0x10", "proto", "static")

    async def script(fib: RouteProgrammer) -> None:
        await learn(4)(fib)
        assert fib.status().foreign == ()
        assert [line.split()[:3] for line in node.routes()] == [[prefix, "via", ours]]
        await fib.apply_update(update(withdrawn=(prefix,)))

    programmed(node, script)
    assert len(node.routes("proto", "static")) == 1


@families
@pytest.mark.parametrize("metric", [1024, 512, 2147483547])
def test_the_metric_is_the_priority_that_local_pref_carries(node: Namespace, family: Family, metric: int) -> None:
    """2147483547 is that of a route from eBGP, LOCAL_PREF 100."""

    async def script(fib: RouteProgrammer) -> None:
        await learn(family, metric=metric)(fib)
        (line,) = node.routes()
        assert f" metric {metric}" in line

    programmed(node, script)


@families
def test_another_priority_moves_the_route_without_a_gap(node: Namespace, family: Family) -> None:
    """The new metric is another key: it is there before the old one goes."""

    async def script(fib: RouteProgrammer) -> None:
        await learn(family)(fib)
        monitor = Monitor()
        await learn(family, metric=512)(fib)
        received = [(each.kind, decoded(each.body)) for each in monitor.read(10)[0]]
        monitor.close()
        assert [(kind, route.metric) for kind, route in received if route] == [(24, 512), (25, 1024)]

    programmed(node, script)


def test_a_plan_with_another_protocol_number_leaves_nothing_of_the_old_one(node: Namespace) -> None:
    programmed(node, learn(4))

    async def script(fib: RouteProgrammer) -> None:
        await learn(4)(fib)
        assert (node.routes("proto", "179"), len(node.routes("proto", "180"))) == ([], 1)

    programmed(node, script, KernelPlan(protocol=180), former=179)


@families
@pytest.mark.parametrize(("before", "after"), [(12, 179), (179, 12)])
def test_another_protocol_number_of_a_running_plan_replaces_each_route_where_it_stands(
    node: Namespace, family: Family, before: int, after: int
) -> None:
    blackhole = {4: "10.244.1.0/26", 6: "fd10::/122"}[family]

    async def script(fib: RouteProgrammer) -> None:
        await learn(family)(fib)
        assert len(node.routes("proto", str(before))) == 2
        monitor = Monitor()
        await fib.apply_plan(KernelPlan(protocol=after, blackholes=(blackhole,)))
        assert [each.kind for each in monitor.read(10)[0]] == [24, 24]  # RTM_NEWROUTE
        monitor.close()
        assert (node.routes("proto", str(before)), len(node.routes("proto", str(after)))) == ([], 2)

    programmed(node, script, KernelPlan(protocol=before, blackholes=(blackhole,)))


@families
def test_routes_that_bird_has_left_without_a_metric_go_when_ours_are_there(node: Namespace, family: Family) -> None:
    """With BIRD's number they are ours from the start: the new one is there before the old one goes. IPv6 makes 1024 of
    no metric, so there it is the same route."""
    prefix, ours, _ = WAYS[family]
    node.ip("route", "add", prefix, "via", ours, "proto", "12", *(("metric", "32") if family == 6 else ()))

    async def script(fib: RouteProgrammer) -> None:
        assert len(node.routes("proto", "12")) == 1
        monitor = Monitor()
        await learn(family)(fib)
        received = [(each.kind, decoded(each.body)) for each in monitor.read(10)[0]]
        monitor.close()
        assert [(kind, route.metric) for kind, route in received if route] == [
            (24, 1024),
            (25, 32 if family == 6 else 0),
        ]
        assert len(node.routes("proto", "12")) == 1

    programmed(node, script, KernelPlan(protocol=12))


def test_without_knowing_the_number_of_before_its_routes_are_somebody_elses(node: Namespace) -> None:
    programmed(node, learn(4))
    before = node.routes()

    async def script(fib: RouteProgrammer) -> None:
        await learn(4)(fib)
        assert [failure.reason for failure in fib.status().foreign] == [occupied(WAYS[4][0], "unknown", 179)]

    programmed(node, script, KernelPlan(protocol=180))
    assert node.routes() == before


# ------------------------------------------------------------------------------------------- repairs


async def seconds_until_right(node: Namespace, right: list[str]) -> float:
    """Ours, as they are listed by another process, which itself takes some milliseconds."""
    begun = time.monotonic()
    while await asyncio.to_thread(node.routes) != right:
        assert time.monotonic() < begun + 10
    return time.monotonic() - begun


@families
@pytest.mark.parametrize("deed", ["deletes it", "leads it elsewhere", "makes it a blackhole"])
def test_what_somebody_does_to_a_route_of_ours_is_undone_within_a_second(
    node: Namespace, family: Family, deed: str
) -> None:
    prefix, ours, theirs = WAYS[family]
    ours_of_them = ["metric", "1024", "proto", "179"]
    deeds = {
        "deletes it": ["route", "del", prefix, "via", ours],
        "leads it elsewhere": ["route", "replace", prefix, "via", theirs, *ours_of_them],
        "makes it a blackhole": ["route", "replace", "blackhole", prefix, *ours_of_them],
    }

    async def script(fib: RouteProgrammer) -> None:
        await learn(family)(fib)
        right = node.routes()
        for number in (1, 2, 3):
            await asyncio.to_thread(node.ip, *deeds[deed])
            seconds = await seconds_until_right(node, right)
            assert seconds < REPAIR
            await until(lambda number=number: fib.status().repairs == number, "a repair is counted")

    programmed(node, script)


@families
def test_an_override_by_another_owner_is_named_and_ours_is_back_within_a_second_of_its_end(
    node: Namespace, family: Family
) -> None:
    """`ip route replace` puts another program's route into the place of ours. It is not ours to change."""
    prefix, _, theirs = WAYS[family]

    async def script(fib: RouteProgrammer) -> None:
        await learn(family)(fib)
        right = node.routes()
        with structlog.testing.capture_logs() as logs:
            await asyncio.to_thread(
                node.ip, "route", "replace", prefix, "via", theirs, "metric", "1024", "proto", "bird"
            )
            await until(lambda: len(fib.status().foreign) == 1, "the override is seen")
            await asyncio.to_thread(node.ip, "route", "del", prefix, "via", theirs)
            assert await seconds_until_right(node, right) < REPAIR
            await until(lambda: len(logs) == 2, "both are in the log")
        assert [(log["event"], log["prefix"], log["metric"], log.get("reason")) for log in logs] == [
            (STANDS, prefix, 1024, occupied(prefix, "bird", 12)),
            (GONE, prefix, 1024, None),
        ]

    programmed(node, script)


STANDS = "a foreign route conflicts with ours"
GONE = "no foreign route conflicts with ours any more"


@families
def test_a_foreign_route_that_shadows_ours_is_in_the_log_once(node: Namespace, family: Family) -> None:
    prefix, ours, theirs = WAYS[family]

    async def script(fib: RouteProgrammer) -> None:
        await learn(family)(fib)
        with structlog.testing.capture_logs() as logs:
            await asyncio.to_thread(node.ip, "route", "add", prefix, "via", theirs, "metric", "100", "proto", "static")
            await until(lambda: len(fib.status().shadowed) == 1, "it is seen")
            await fib.resync()
        assert [(log["event"], log["reason"]) for log in logs] == [
            (STANDS, "another program's route wins: static (protocol 4, metric 100)")
        ]
        assert ours in node.routes()[0]

    programmed(node, script)


def test_what_is_not_ours_is_never_touched(node: Namespace) -> None:
    """The kernel's record of a life full of changes: not one of them is of a route with another number."""
    for number, protocol in enumerate(("static", "bird", "boot", "80", "178", "180")):
        node.ip("route", "add", f"30.0.{number}.0/24", "via", "10.0.0.9", "proto", protocol)
        node.ip("route", "add", f"20.0.{number}.0/24", "via", "10.0.0.9", "metric", "1024", "proto", protocol)
    before = [line for line in node.routes("table", "all") if "proto 179" not in line]

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(*(f"20.0.{n}.0/24" for n in range(10)), via=("10.0.0.2",))))
        await fib.apply_plan(KernelPlan(blackholes=("30.0.0.0/24", "20.0.1.0/24")))
        await fib.resync()
        await fib.apply_update(update(withdrawn=tuple(f"20.0.{n}.0/24" for n in range(10))))
        await fib.flush()

    programmed(node, script)
    assert node.routes("table", "all") == before


# --------------------------------------------------------------------------------- what is not wanted


@families
def test_a_pool_that_is_felixs_is_left_and_taken_when_the_plan_says_so(node: Namespace, family: Family) -> None:
    prefix = WAYS[family][0]
    left = KernelPlan(rules=(KernelRule(prefix, KernelVerdict.LEAVE),))

    async def script(fib: RouteProgrammer) -> None:
        await learn(family)(fib)
        assert (node.routes(), fib.status().desired) == ([], 0)
        await fib.apply_plan(KernelPlan())
        assert len(node.routes()) == 1
        await fib.apply_plan(left)
        assert node.routes() == []

    programmed(node, script, left)


@families
def test_a_next_hop_behind_wireguard_is_left_out(node: Namespace, family: Family) -> None:
    prefix, ours, theirs = WAYS[family]

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(prefix, via=(ours, theirs))))
        (line,) = node.routes()
        assert (ours in line, theirs in line) == (True, False)

    programmed(node, script, KernelPlan(excluded_next_hops=(theirs,)))


# ------------------------------------------------------------------------------------------ next hops


@families
def test_a_next_hop_is_looked_up_recursively(node: Namespace, family: Family) -> None:
    """RFC 4271 5.1.3, 9.1.2.1: through the gateway of the longest match, and through another when there is one."""
    net, far, one, other = {
        4: ("10.9.0.0/16", "10.9.0.7", "10.0.0.254", "10.0.0.253"),
        6: ("fd0a::/32", "fd0a::7", "fd00::254", "fd00::253"),
    }[family]
    node.ip("route", "add", net, "via", one)

    async def script(fib: RouteProgrammer) -> None:
        await learn(family, via=far)(fib)
        (line,) = node.routes()
        assert f"via {one} dev eth0" in line
        await asyncio.to_thread(node.ip, "route", "replace", net, "via", other)
        await until(lambda: f"via {other} dev eth0" in node.routes()[0], "the other gateway")
        await asyncio.to_thread(node.ip, "route", "del", net)
        await until(lambda: node.routes() == [], "no way, no route")
        assert len(fib.status().unresolved) == 1

    programmed(node, script)


@families
def test_a_next_hop_on_the_link_is_its_own_gateway(node: Namespace, family: Family) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await learn(family)(fib)
        assert f"via {WAYS[family][1]} dev eth0" in node.routes()[0]

    programmed(node, script)


@families
def test_reachable_by_is_a_host_route_that_follows_the_plan(node: Namespace, family: Family) -> None:
    peer, one, other = {
        4: ("192.168.7.7", "10.0.0.5", "10.0.0.6"),
        6: ("fd77::7", "fd00::5", "fd00::6"),
    }[family]

    async def script(fib: RouteProgrammer) -> None:
        await learn(family, via=peer)(fib)
        for gateway in (one, other):
            await fib.apply_plan(KernelPlan(host_routes=(HostRoute(peer, gateway),)))
            found = node.routes()
            assert len(found) == 2
            assert all(f"via {gateway} dev eth0 metric 1024" in line for line in found)
            assert any(line.startswith(peer) for line in found)
        await fib.apply_plan(KernelPlan())
        assert node.routes() == []

    programmed(node, script, KernelPlan())
