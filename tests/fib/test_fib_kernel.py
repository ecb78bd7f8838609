"""The route programmer against the kernel, each test in network namespaces of its own. Facts are read with `ip`."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Awaitable, Callable

import msgspec
import pytest
import structlog
from fib_makers import decoded, learned, occupied, until, update
from fib_namespaces import Namespace, Topology

from bgpctl.errors import NotReadyError
from bgpctl.fib.core.failures import RouteFailure
from bgpctl.fib.programmer import RouteProgrammer
from reflector.addresses import pack_address
from reflector.kernel.change import Change, Verb
from reflector.kernel.netlink import route_message
from reflector.kernel.netlink.message import DUMP, Request
from reflector.kernel.netlink.sockets import RECEIVE_BUFFER, Monitor, Overrun, Requests
from reflector.kernel.route import KernelRoute, Leg, parse_prefix
from reflector.plan import HostRoute, KernelPlan

pytestmark = pytest.mark.netns

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
METRIC = 1024


def programmed(
    node: Namespace,
    script: Callable[[RouteProgrammer], Awaitable[None]],
    plan: KernelPlan | None = None,
    receive_buffer: int = RECEIVE_BUFFER,
) -> None:
    """Runs the script with a programmer in the namespace."""

    async def main() -> None:
        fib = await RouteProgrammer.open(plan or KernelPlan(), receive_buffer=receive_buffer)
        try:
            await script(fib)
        finally:
            await fib.close()

    node.run(main)


# ------------------------------------------------------------------------------------------- programming


def test_a_thousand_routes_are_added_and_withdrawn(node: Namespace) -> None:
    prefixes = [f"20.{n >> 8}.{n & 255}.0/24" for n in range(1000)]

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(*prefixes, via=("10.0.0.2",))))
        assert {line.split()[0] for line in node.routes()} == set(prefixes)
        assert (fib.status().desired, fib.status().installed, fib.status().in_sync) == (1000, 1000, True)
        await fib.apply_update(update(withdrawn=tuple(prefixes)))
        assert node.routes() == []
        assert (fib.status().desired, fib.status().installed) == (0, 0)

    programmed(node, script)


def test_batches_and_the_way_from_the_wire_are_timed(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        read_at = time.monotonic() - 0.3
        await fib.apply_update(msgspec.structs.replace(update(learned(A, via=("10.0.0.2",))), read_at=read_at))
        await fib.apply_update(update(withdrawn=(A,)))
        status = fib.status()
        assert (sum(status.batches.counts), sum(status.propagation.counts)) == (2, 1)
        assert 0.3 < status.propagation.total < 5
        assert 0 < status.batches.total < 5

    programmed(node, script)


def test_several_paths_are_one_multipath_route_in_both_families(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        both = learned(A, via=("10.0.0.2", "10.0.0.3")), learned("fd09::/64", via=("fd00::2", "fd00::3"))
        await fib.apply_update(update(*both))
        assert node.routes() == [
            f"{A} metric 1024 nexthop via 10.0.0.2 dev eth0 weight 1 nexthop via 10.0.0.3 dev eth0 weight 1",
            "fd09::/64 metric 1024 pref medium "
            "nexthop via fd00::2 dev eth0 weight 1 nexthop via fd00::3 dev eth0 weight 1",
        ]

    programmed(node, script)


@pytest.mark.parametrize(("prefix", "one", "two"), [(A, "10.0.0.2", "10.0.0.3"), ("fd09::/64", "fd00::2", "fd00::3")])
def test_paths_that_come_and_go_change_the_route_in_place(node: Namespace, prefix: str, one: str, two: str) -> None:
    async def script(fib: RouteProgrammer) -> None:
        for paths in ((one,), (one, two), (two,)):
            await fib.apply_update(update(learned(prefix, via=paths)))
            (line,) = node.routes()
            assert [leg in line for leg in (one, two)] == [leg in paths for leg in (one, two)]

    programmed(node, script)


def test_own_blocks_are_blackholes_in_both_families(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        assert node.routes() == [
            "blackhole 10.244.0.0/26 metric 1023",
            "blackhole fd44::/122 dev lo metric 1023 pref medium",
        ]

    programmed(node, script, KernelPlan(blackholes=("10.244.0.0/26", "fd44::/122", "10.244.1.1/32", "fd44::5/128")))


@pytest.mark.parametrize("block", ["10.244.0.0/26", "fd44::/122"])
def test_a_blackhole_does_not_drop_what_a_workloads_route_to_the_block_carries(node: Namespace, block: str) -> None:
    """Which route carries the traffic is the kernel's own answer."""
    inside = block.replace("0/26", "5").replace("/122", "5")

    async def script(fib: RouteProgrammer) -> None:
        assert len(node.routes()) == 1
        node.ip("route", "add", block, "dev", "eth0", "metric", "1024")
        await until(lambda: node.routes() == [], "the blackhole gone")
        assert "dev eth0" in node.ip("route", "get", inside)
        node.ip("route", "del", block, "dev", "eth0")
        await until(lambda: len(node.routes()) == 1, "the blackhole back")

    programmed(node, script, KernelPlan(blackholes=(block,)))


def test_a_changed_next_hop_leaves_no_gap(node: Namespace) -> None:
    """The kernel's own record of it: one notification, a replacement; no deletion."""

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.0.0.2",))))
        monitor = Monitor()
        await fib.apply_update(update(learned(A, via=("10.0.0.3",))))
        received = [(each.kind, bool(each.flags & 0x100)) for each in monitor.read(10)[0]]
        monitor.close()
        assert received == [(route_message.NEWROUTE, True)]

    programmed(node, script)


def test_the_plans_table_is_used(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.0.0.2",))))
        assert node.routes("table", "all", "proto", "179") == [f"{A} via 10.0.0.2 dev eth0 table 4000 metric 1024"]
        await fib.apply_plan(KernelPlan())
        assert node.routes("table", "all", "proto", "179") == [f"{A} via 10.0.0.2 dev eth0 metric 1024"]

    programmed(node, script, KernelPlan(table=4000))


def test_an_error_in_the_middle_of_a_batch_belongs_to_its_route(node: Namespace) -> None:
    """20.0.1.0/24 goes through a gateway that is on no link: the kernel refuses that one alone."""

    def batch() -> list[str | None]:
        requests = Requests()
        eth0 = int(node.ip("-o", "link", "show", "eth0").split(":")[0])
        legs = dict.fromkeys((A, B, C), "10.0.0.2") | {B: "172.16.0.1"}
        changes = []
        for prefix, gateway in legs.items():
            way = (Leg(pack_address(gateway), eth0),)
            changes.append(Change(Verb.ADD, KernelRoute(4, parse_prefix(prefix)[1], METRIC, 179, way)))
        answers = requests.batch([route_message.encode(change) for change in changes])
        requests.close()
        return [answer and answer.reason for answer in answers]

    assert node.inside(batch) == [None, "Nexthop has invalid gateway (Network is unreachable)", None]
    assert [line.split()[0] for line in node.routes()] == [A, C]


def unknown(*prefixes: str) -> list[Request]:
    """Deletions that the kernel refuses, because there are no such routes."""
    routes = [KernelRoute(4, parse_prefix(prefix)[1], METRIC, 179) for prefix in prefixes]
    return [route_message.encode(Change(Verb.DELETE, each)) for each in routes]


def test_refusals_that_were_lost_are_an_overrun_and_the_next_batch_is_answered(node: Namespace) -> None:
    """The smallest receive buffer holds a few answers; the kernel drops the others, the last one with them."""

    def lose_and_ask_again() -> list[int | None]:
        requests = Requests(receive_buffer=2048)
        with pytest.raises(Overrun):
            requests.batch(unknown(*(f"20.0.{n}.0/24" for n in range(200))))
        answers = requests.batch(unknown(A))
        requests.close()
        return [answer and answer.errno for answer in answers]

    assert node.inside(lose_and_ask_again) == [errno.ESRCH]


def test_every_refusal_belongs_to_its_route_across_datagrams(node: Namespace) -> None:
    node.batch(*(f"route add 20.{n >> 8}.{n & 255}.0/24 via 10.0.0.2 metric 1024 proto 179" for n in range(0, 1000, 3)))

    def refused() -> list[int]:
        requests = Requests()
        answers = requests.batch(unknown(*(f"20.{n >> 8}.{n & 255}.0/24" for n in range(1000))))
        requests.close()
        return [number for number, answer in enumerate(answers) if answer is not None]

    assert node.inside(refused) == [n for n in range(1000) if n % 3]
    assert node.routes() == []


def test_a_monitor_hears_what_others_do_and_not_what_its_owner_does(node: Namespace) -> None:
    def received() -> list[bytes]:
        requests = Requests()
        monitor = Monitor(requests.portid)
        legs = (Leg(pack_address("10.0.0.2"), int(node.ip("-o", "link", "show", "eth0").split(":")[0])),)
        requests.batch([route_message.encode(Change(Verb.ADD, KernelRoute(4, parse_prefix(A)[1], METRIC, 179, legs)))])
        node.ip("route", "add", B, "via", "10.0.0.9")
        found = [decoded(each.body) for each in monitor.read(10)[0]]
        monitor.close()
        requests.close()
        # The kernel's own routes to the IPv6 addresses may come as late as this.
        return [route.nlri for route in found if route is not None and route.family == 4]

    assert node.inside(received) == [parse_prefix(B)[1]]


def test_a_dump_that_was_abandoned_does_not_disturb_the_next(node: Namespace) -> None:
    node.batch(*(f"route add 20.{n >> 8}.{n & 255}.0/24 via 10.0.0.9" for n in range(2000)))

    def abandon_and_repeat() -> tuple[int, int]:
        requests = Requests()
        started = requests.dump(route_message.dump_request(4))
        first = len(next(started))
        started.close()
        every = sum(map(len, requests.dump(route_message.dump_request(4))))
        requests.close()
        return first, every

    first, every = node.inside(abandon_and_repeat)
    assert 0 < first < 2000 < every


def test_a_dump_that_the_kernel_refuses_is_an_error(node: Namespace) -> None:
    def refused() -> int | None:
        requests = Requests()
        by_source = Request(route_message.GETROUTE, DUMP, bytes((2, 0, 8)) + bytes(9))
        with pytest.raises(OSError, match="Invalid argument") as raised:
            list(requests.dump(by_source))
        requests.close()
        return raised.value.errno

    assert node.inside(refused) == errno.EINVAL


def test_a_refused_route_is_reported_and_tried_again(node: Namespace) -> None:
    """A device route of scope global is no connected route to the kernel, until it becomes one of scope link."""
    node.ip("route", "add", "10.9.0.0/24", "dev", "eth0", "scope", "global")

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.9.0.7",))))
        assert fib.status().failed == (RouteFailure(A, "Nexthop has invalid gateway (Network is unreachable)", METRIC),)
        node.ip("route", "replace", "10.9.0.0/24", "dev", "eth0", "scope", "link")
        await until(lambda: fib.status().installed == 1, "the refused route tried again")
        assert fib.status().failed == ()

    programmed(node, script)


# ---------------------------------------------------------------------------------------------- restart


def test_a_restart_adopts_what_is_there_and_sweeps_what_does_not_come_back(node: Namespace) -> None:
    async def before(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, B, via=("10.0.0.2",))))

    async def after(fib: RouteProgrammer) -> None:
        assert len(node.routes()) == 2
        monitor = Monitor()
        await fib.apply_update(update(learned(A, via=("10.0.0.2",)), in_sync=False))
        assert (len(node.routes()), fib.status().in_sync) == (2, False)
        await fib.apply_update(update())
        assert [line.split()[0] for line in node.routes()] == [A]
        assert [each.kind for each in monitor.read(10)[0]] == [route_message.DELROUTE]
        monitor.close()

    programmed(node, before)
    programmed(node, after)


def test_a_new_stream_keeps_the_routes_until_it_is_in_sync(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, B, via=("10.0.0.2",))))
        fib.begin_sync()
        await fib.apply_update(update(learned(B, via=("10.0.0.2",)), in_sync=False))
        assert len(node.routes()) == 2
        await fib.apply_update(update())
        assert [line.split()[0] for line in node.routes()] == [B]

    programmed(node, script)


def test_close_leaves_the_routes(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.0.0.2",))))

    programmed(node, script)
    assert node.routes() == [f"{A} via 10.0.0.2 dev eth0 metric 1024"]


def test_flush_leaves_nothing_of_ours_and_everything_of_others(node: Namespace) -> None:
    node.ip("route", "add", B, "via", "10.0.0.9", "proto", "static")
    others = node.routes("table", "all")

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.0.0.2",)), learned("fd09::/64", via=("fd00::2",))))
        # What another program made with our number, twice in one key, is ours to remove as well.
        node.ip("route", "append", A, "via", "10.0.0.7", "metric", str(METRIC), "proto", "179")
        await fib.flush()

    programmed(node, script, KernelPlan(blackholes=("10.244.0.0/26",)))
    assert node.routes("table", "all") == others


# --------------------------------------------------------------------------------------- others at work


def test_a_deleted_route_is_repaired_at_once(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.0.0.2",))))
        node.ip("route", "del", A)
        await until(lambda: fib.status().repairs == 1, "a repair")
        assert node.routes() == [f"{A} via 10.0.0.2 dev eth0 metric 1024"]

    programmed(node, script)


def test_all_routes_of_a_flush_by_somebody_are_repaired(node: Namespace) -> None:
    prefixes = [f"20.0.{n}.0/24" for n in range(200)]

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(*prefixes, via=("10.0.0.2",))))
        node.ip("route", "flush", "proto", "179")
        await until(lambda: len(node.routes()) == 200, "all routes back")

    programmed(node, script)


def test_one_path_deleted_from_an_ipv6_route_is_repaired(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned("fd09::/64", via=("fd00::2", "fd00::3"))))
        node.ip("route", "del", "fd09::/64", "via", "fd00::3")
        await until(lambda: fib.status().repairs == 1, "a repair")
        (line,) = node.routes()
        assert "fd00::2" in line
        assert "fd00::3" in line

    programmed(node, script)


def test_a_foreign_route_of_the_same_key_is_reported_and_left_until_it_goes(node: Namespace) -> None:
    node.ip("route", "add", A, "via", "10.0.0.9", "metric", str(METRIC), "proto", "static")

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.0.0.2",))))
        assert fib.status().foreign == (RouteFailure(A, occupied(A, "static", 4), METRIC),)
        assert (node.routes(), len(node.routes("proto", "static"))) == ([], 1)
        node.ip("route", "del", A, "proto", "static")
        await until(lambda: fib.status().installed == 1, "our route")
        assert fib.status().foreign == ()

    programmed(node, script)


def test_a_foreign_route_that_replaces_ours_is_left(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.0.0.2",))))
        node.ip("route", "replace", A, "via", "10.0.0.9", "metric", str(METRIC), "proto", "static")
        await until(lambda: len(fib.status().foreign) == 1, "the foreign route seen")
        assert (node.routes(), len(node.routes("proto", "static"))) == ([], 1)

    programmed(node, script)


def test_a_path_that_somebody_appends_to_an_ipv6_route_is_taken_out_again(node: Namespace) -> None:
    """IPv6 makes one route of both, so it cannot be left to its owner."""

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned("fd09::/64", via=("fd00::2",))))
        node.ip("route", "append", "fd09::/64", "via", "fd00::9", "metric", str(METRIC), "proto", "static")
        await until(lambda: "fd00::9" not in node.ip("-6", "route"), "the appended path gone")
        assert node.routes() == ["fd09::/64 via fd00::2 dev eth0 metric 1024 pref medium"]
        assert fib.status().in_sync

    programmed(node, script)


def test_lost_notifications_lead_to_a_look_at_the_whole_kernel(node: Namespace) -> None:
    """The smallest receive buffer holds a few notifications; the loop is kept from reading while many come."""
    prefixes = [f"20.0.{n}.0/24" for n in range(250)]

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(*prefixes, via=("10.0.0.2",))))
        with structlog.testing.capture_logs() as logs:
            node.ip("route", "flush", "proto", "179")  # the loop does not run meanwhile: this call blocks it
            await until(lambda: fib.status().repairs == 250, "all repaired")
        assert {log["event"] for log in logs} == {"notifications of the kernel were lost, everything is read again"}
        assert len(node.routes()) == 250

    programmed(node, script, receive_buffer=2048)


def test_after_an_overrun_the_next_loss_is_told_again(node: Namespace) -> None:
    """Until its queue was seen empty, the kernel drops without another word."""

    def lose_twice() -> int:
        monitor = Monitor(receive_buffer=2048)
        losses = 0
        for network in (30, 40):
            node.batch(*(f"route add {network}.0.{n}.0/24 via 10.0.0.9" for n in range(100)))
            try:
                monitor.read(10_000)
            except Overrun:
                losses += 1
        monitor.close()
        return losses

    assert node.inside(lose_twice) == 2


# ---------------------------------------------------------------------------------------- what is below


def test_a_next_hop_behind_a_gateway_is_reached_through_it(node: Namespace) -> None:
    node.ip("route", "add", "10.9.0.0/16", "via", "10.0.0.254")

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.9.0.7",))))
        assert node.routes() == [f"{A} via 10.0.0.254 dev eth0 metric 1024"]
        node.ip("route", "replace", "10.9.0.0/16", "via", "10.0.0.253")
        await until(lambda: "10.0.0.253" in node.routes()[0], "the route through the other gateway")

    programmed(node, script)


def test_an_unresolved_route_waits_for_its_next_hop(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.9.0.7",))))
        assert (node.routes(), fib.status().installed) == ([], 0)
        assert fib.status().unresolved == (RouteFailure(A, "next hop 10.9.0.7: the kernel has no route to it"),)
        node.ip("addr", "add", "10.9.0.1/24", "dev", "eth0")
        await until(lambda: fib.status().installed == 1, "the route")
        assert node.routes() == [f"{A} via 10.9.0.7 dev eth0 metric 1024"]
        assert fib.status().unresolved == ()

    programmed(node, script)


def test_a_link_that_goes_down_and_up_gets_its_routes_back(node: Namespace) -> None:
    """The kernel drops them with the link and says nothing of the IPv4 ones."""

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("10.0.0.2",)), learned("fd09::/64", via=("fd00::2",))))
        node.ip("link", "set", "eth0", "down")
        await until(lambda: len(fib.status().unresolved) == 2, "both unresolved")
        node.ip("link", "set", "eth0", "up")
        node.ip("addr", "replace", "fd00::1/64", "dev", "eth0", "nodad")  # gone with the link
        await until(lambda: len(node.routes()) == 2, "both back")
        assert fib.status().installed == 2

    programmed(node, script)


def test_a_host_route_makes_a_peer_and_what_is_behind_it_reachable(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(A, via=("192.168.7.7",))))
        assert node.routes() == [
            f"{A} via 10.0.0.5 dev eth0 metric 1024",
            "192.168.7.7 via 10.0.0.5 dev eth0 metric 1024",
        ]

    programmed(node, script, KernelPlan(host_routes=(HostRoute("192.168.7.7", "10.0.0.5"),)))


def test_without_the_right_to_change_routes_open_says_so(topology: Topology) -> None:
    """A process that gave up its privileges, in a namespace of its own."""
    namespace = topology.namespace("plain")
    program = (
        "import asyncio\n"
        "from bgpctl.fib.programmer import RouteProgrammer\n"
        "from reflector.plan import KernelPlan\n"
        "try: asyncio.run(RouteProgrammer.open(KernelPlan()))\n"
        f"except __import__('bgpctl.errors').errors.{NotReadyError.__name__} as error: print(error)\n"
    )
    output = namespace.command("setpriv", "--bounding-set=-net_admin", "--inh-caps=-all", sys.executable, "-c", program)
    assert output == "Programming kernel routes needs root (CAP_NET_ADMIN); --no-fib goes without.\n"
