"""From resources to the kernel: which pools are ours to program, and through what.

Node `a` has 10.0.0.1/24; `near` is in the same subnet, `far` behind a gateway. Each owns a block of each pool.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import structlog
from compiler_makers import configuration, felix, pool
from compiler_makers import node as node_resource
from fib_makers import learned, update
from fib_namespaces import Namespace

from bgpctl.compiler import CompileOptions, compile_node
from bgpctl.fib.programmer import RouteProgrammer
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.plan import KernelPlan

pytestmark = pytest.mark.netns

NEAR, FAR, GATEWAY = "10.0.0.2", "10.1.0.2", "10.0.0.254"
POOLS = {
    "plain": (11, {}),
    "vxlan": (12, {"vxlanMode": "Always"}),
    "vxlan-cross": (13, {"vxlanMode": "CrossSubnet"}),
    "ipip": (14, {"ipipMode": "Always"}),
    "ipip-cross": (15, {"ipipMode": "CrossSubnet"}),
    "ipip-never": (16, {"ipipMode": "Never"}),
}
CLUSTER: tuple[Resource, ...] = (
    node_resource("a", "10.0.0.1/24", ipip="10.14.0.1", ipv4VXLANTunnelAddr="10.12.0.1"),
    node_resource("near", f"{NEAR}/24", ipv4VXLANTunnelAddr="10.12.2.1"),
    node_resource("far", f"{FAR}/24", ipv4VXLANTunnelAddr="10.12.3.1"),
    *(pool(name, f"10.{number}.0.0/16", **modes) for name, (number, modes) in POOLS.items()),
)
# By the pool: the way to the block of `near`, and that to the block of `far`.
PLAIN = (f"via {NEAR} dev eth0", f"via {GATEWAY} dev eth0")
VXLAN = ("via 10.12.2.1 dev vxlan.calico", "via 10.12.3.1 dev vxlan.calico")
VXLAN_CROSS = (PLAIN[0], VXLAN[1])
IPIP = (f"via {NEAR} dev tunl0", f"via {FAR} dev tunl0")
IPIP_CROSS = (PLAIN[0], IPIP[1])
NO_WAY = ("", "")


def has_ipip(node: Namespace) -> bool:
    node.command("ip", "link", "add", "probe", "type", "ipip", "remote", "192.0.2.1", check=False)
    found = "probe" in node.ip("link")
    node.command("ip", "link", "del", "probe", check=False)
    return found


def compiled(*others: Resource, without_felix: bool = False) -> KernelPlan:
    resources = ResourceSet.of(*CLUSTER, *others)
    return compile_node(resources, "a", CompileOptions(without_felix=without_felix)).plan.kernel


def programmed(node: Namespace, plan: KernelPlan, script: Callable[[RouteProgrammer], Awaitable[None]]) -> None:
    async def main() -> None:
        fib = await RouteProgrammer.open(plan)
        try:
            await script(fib)
        finally:
            await fib.close()

    node.ip("route", "add", "10.1.0.0/24", "via", GATEWAY)
    node.run(main)


async def learn_all(fib: RouteProgrammer) -> None:
    numbers = [number for number, _ in POOLS.values()]
    near, far = ([f"10.{number}.{third}.0/26" for number in numbers] for third in (2, 3))
    await fib.apply_update(update(learned(*near, via=(NEAR,)), learned(*far, via=(FAR,))))


def ways(node: Namespace) -> dict[str, tuple[str, str]]:
    """By the pool: gateway and device of both blocks."""
    lines = {line.split()[0]: line.split(" metric ")[0] for line in node.routes()}
    return {
        name: (
            lines.get(f"10.{number}.2.0/26", " ").partition(" ")[2],
            lines.get(f"10.{number}.3.0/26", " ").partition(" ")[2],
        )
        for name, (number, _) in POOLS.items()
    }


@pytest.mark.parametrize("without_felix", [False, True], ids=["with Felix", "without Felix"])
@pytest.mark.parametrize("program", ["", "Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly"])
def test_program_cluster_routes_decides_what_is_in_the_kernel(
    node: Namespace, program: str, without_felix: bool
) -> None:
    """Where the kernel has no IPIP, a route through it is not there and every other one is."""
    changes = (configuration(programClusterRoutes=program),) if program else ()
    without_encapsulation = program in ("", "Enabled", "EnabledNoEncapOnly")
    ours_of_ipip = program in ("Enabled", "EnabledIPIPOnly")
    through_ipip = IPIP if has_ipip(node) else NO_WAY
    expected = {
        "plain": PLAIN if without_encapsulation else NO_WAY,
        "ipip-never": PLAIN if without_encapsulation else NO_WAY,
        "vxlan": VXLAN if without_felix else NO_WAY,
        "vxlan-cross": VXLAN_CROSS if without_felix else NO_WAY,
        "ipip": through_ipip if ours_of_ipip else NO_WAY,
        "ipip-cross": (IPIP_CROSS[0], through_ipip[1]) if ours_of_ipip else NO_WAY,
    }

    async def script(fib: RouteProgrammer) -> None:
        await learn_all(fib)
        assert ways(node) == expected

    programmed(node, compiled(*changes, without_felix=without_felix), script)


def test_a_live_change_of_program_cluster_routes_takes_and_leaves(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await learn_all(fib)
        for program, there in (("Disabled", NO_WAY), ("Enabled", PLAIN)):
            await fib.apply_plan(compiled(configuration(programClusterRoutes=program)))
            assert ways(node)["plain"] == there

    programmed(node, compiled(), script)


def test_vni_port_and_mtu_of_felix_configuration_are_the_devices(node: Namespace) -> None:
    async def script(fib: RouteProgrammer) -> None:
        shown = node.ip("-d", "-o", "link", "show", "vxlan.calico")
        for fact in ("mtu 1400", "vxlan id 7 local 10.0.0.1", "dstport 8472"):
            assert fact in shown

    programmed(node, compiled(felix(vxlanVNI=7, vxlanPort=8472, vxlanMTU=1400), without_felix=True), script)


def test_each_encapsulation_leaves_room_for_its_header(node: Namespace) -> None:
    """RFC 7348 5: 50 octets of a VXLAN over IPv4. The underlay has 9000; what is not tunnelled has all of them."""
    node.ip("link", "set", "eth0", "mtu", "9000")

    async def script(fib: RouteProgrammer) -> None:
        await learn_all(fib)
        assert "mtu 8950" in node.ip("-o", "link", "show", "vxlan.calico")
        assert "mtu 9000" in node.ip("-o", "link", "show", "eth0")
        assert "mtu" not in "".join(node.routes())

    programmed(node, compiled(without_felix=True), script)


def test_a_kernel_without_ipip_is_told_once_and_costs_no_other_route(node: Namespace) -> None:
    if has_ipip(node):
        pytest.skip("this kernel has IPIP")

    async def script(fib: RouteProgrammer) -> None:
        await learn_all(fib)
        for _ in range(3):
            await fib.resync()
            await learn_all(fib)
        status = fib.status()
        assert [failure.prefix for failure in status.unresolved] == ["10.14.2.0/26", "10.14.3.0/26", "10.15.3.0/26"]
        assert {failure.reason.split(": ")[1] for failure in status.unresolved} == {"the tunnel device does not exist"}
        assert (status.installed, status.in_sync, status.failed) == (5, True, ())

    with structlog.testing.capture_logs() as logs:
        programmed(node, compiled(configuration(programClusterRoutes="Enabled")), script)
    (logged,) = logs
    assert (logged["event"], logged["device"]) == ("a tunnel device is not as planned", "tunl0")
    assert logged["reason"].startswith("creating the IPIP device: ")


def test_the_gateway_of_a_tunnelled_route_is_on_its_link(node: Namespace) -> None:
    """The far end of the tunnel is in no connected network, so its route says `onlink`."""

    async def script(fib: RouteProgrammer) -> None:
        await learn_all(fib)
        assert [line for line in node.routes() if line.startswith("10.12.3.0/26")] == [
            "10.12.3.0/26 via 10.12.3.1 dev vxlan.calico metric 1024 onlink"
        ]

    programmed(node, compiled(without_felix=True), script)
