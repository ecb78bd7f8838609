"""VXLAN against the kernel: the device, the entries behind it, and packets from pod to pod across a router."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable

import pytest
from fib_makers import learned, until, update
from fib_namespaces import Namespace, Topology

from bgpctl.fib.programmer import RouteProgrammer
from bgpctl.fib.tunnels.tunnel import DeviceFailure
from reflector.plan import Encapsulation, Family, KernelPlan, KernelRule, KernelVerdict, Vtep, VxlanPlan

pytestmark = pytest.mark.netns
Script = Callable[[RouteProgrammer], Awaitable[None]]

# family, pool, "pod" addresses, node addresses, tunnel addresses; {} is the node: 1 or 2
NETWORKS: dict[Family, tuple[str, str, str, str, str]] = {
    4: ("10.244.0.0/16", "10.244.{}.0/26", "10.244.{}.5", "172.16.{}.1", "10.244.{}.1"),
    6: ("fd44::/48", "fd44:0:0:{}::/122", "fd44:0:0:{}::5", "fd16:{}::1", "fd44:0:0:{}::1"),
}
DEVICES: dict[Family, str] = {4: "vxlan.calico", 6: "vxlan-v6.calico"}
ROUTER: dict[Family, str] = {4: "172.16.{}.254", 6: "fd16:{}::254"}


def mac(node: int) -> str:
    return f"66:00:00:00:00:0{node}"


def plan(node: int, family: Family = 4, *, vni: int = 4096, vteps: bool = True) -> KernelPlan:
    """Node 1 or 2 of a cluster of two."""
    pool, block, _, address, tunnel = NETWORKS[family]
    far = 3 - node
    remote = Vtep(f"node{far}", address.format(far), tunnel.format(far), mac(far))
    vxlan = VxlanPlan(
        family,
        DEVICES[family],
        vni,
        4789,
        address.format(node),
        tunnel.format(node),
        mac(node),
        vteps=(remote,) if vteps else (),
    )
    rule = KernelRule(pool, KernelVerdict.PROGRAM, Encapsulation.VXLAN)
    return KernelPlan(rules=(rule,), blackholes=(block.format(node),), vxlans=(vxlan,))


@pytest.fixture
def nodes(topology: Topology) -> tuple[Namespace, Namespace]:
    """Two nodes in different subnets with a router between them, and a pod's address on each."""
    router = topology.namespace("router")
    router.command("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    router.command("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
    made = []
    for number in (1, 2):
        node = topology.namespace(f"node{number}")
        topology.wire(node, "eth0", router, f"eth{number}")
        for family in (4, 6):
            _, _, pod, address, _ = NETWORKS[family]
            length = "24" if family == 4 else "64"
            nodad = [] if family == 4 else ["nodad"]
            gateway = ROUTER[family].format(number)
            router.ip("addr", "add", f"{gateway}/{length}", "dev", f"eth{number}", *nodad)
            node.ip("addr", "add", f"{address.format(number)}/{length}", "dev", "eth0", *nodad)
            node.ip("route", "add", "default", "via", gateway)
            node.ip("addr", "add", pod.format(number), "dev", "lo", *nodad)
        made.append(node)
    return made[0], made[1]


def programmed(node: Namespace, kernel: KernelPlan, script: Script) -> None:
    async def main() -> None:
        fib = await RouteProgrammer.open(kernel)
        try:
            await script(fib)
        finally:
            await fib.close()

    node.run(main)


def learn_the_other_block(node: int, family: Family) -> Script:
    _, block, _, address, _ = NETWORKS[family]
    far = 3 - node

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned(block.format(far), via=(address.format(far),))))
        status = fib.status()
        assert (status.installed, status.failed, status.unresolved, status.devices) == (2, (), (), ())

    return script


@pytest.mark.skipif(shutil.which("ping") is None, reason="needs ping (iputils-ping)")
@pytest.mark.parametrize("family", [4, 6])
def test_pods_reach_each_other_through_the_tunnel(nodes: tuple[Namespace, Namespace], family: Family) -> None:
    for number, node in enumerate(nodes, 1):
        programmed(node, plan(number, family), learn_the_other_block(number, family))
    _, _, pod, _, _ = NETWORKS[family]
    output = nodes[0].command("ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", "-I", pod.format(1), pod.format(2))
    assert "3 packets transmitted, 3 received" in output
    # They went through the tunnel, not past it: its device counted them.
    link = nodes[0].ip("-s", "-o", "link", "show", DEVICES[family]).replace("\\", " ").split("TX:")[1].split()
    assert int(link[link.index("collsns") + 2]) >= 3


def test_the_route_leads_to_the_owners_tunnel_address(nodes: tuple[Namespace, Namespace]) -> None:
    programmed(nodes[0], plan(1), learn_the_other_block(1, 4))
    assert nodes[0].routes() == [
        "blackhole 10.244.1.0/26 metric 1023",
        "10.244.2.0/26 via 10.244.2.1 dev vxlan.calico metric 1024 onlink",
    ]


def device(node: Namespace) -> str:
    return node.ip("-d", "-o", "link", "show", "vxlan.calico")


def test_the_device_is_made_as_planned(nodes: tuple[Namespace, Namespace]) -> None:
    async def script(fib: RouteProgrammer) -> None:
        shown = device(nodes[0])
        for fact in ("mtu 1450", "vxlan id 4096 local 172.16.1.1", "dstport 4789", "nolearning", mac(1), "UP"):
            assert fact in shown
        assert "inet 10.244.1.1/32" in nodes[0].ip("-o", "addr", "show", "vxlan.calico")

    programmed(nodes[0], plan(1), script)


def test_a_right_device_is_adopted_after_a_restart(nodes: tuple[Namespace, Namespace]) -> None:
    async def script(fib: RouteProgrammer) -> None:
        assert fib.status().devices == ()

    programmed(nodes[0], plan(1), script)
    before = device(nodes[0])
    programmed(nodes[0], plan(1), script)
    assert device(nodes[0]) == before


def test_another_vni_in_the_plan_makes_the_device_anew_and_moves_the_routes(
    nodes: tuple[Namespace, Namespace],
) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await learn_the_other_block(1, 4)(fib)
        await fib.apply_plan(plan(1, vni=4097))
        assert "vxlan id 4097" in device(nodes[0])
        assert len(nodes[0].routes()) == 2
        assert fib.status().installed == 2

    programmed(nodes[0], plan(1), script)


def test_a_deleted_device_comes_back_with_its_routes(nodes: tuple[Namespace, Namespace]) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await learn_the_other_block(1, 4)(fib)
        nodes[0].ip("link", "del", "vxlan.calico")
        await until(lambda: len(nodes[0].routes()) == 2, "both routes back")
        assert mac(2) in nodes[0].ip("neigh", "show", "dev", "vxlan.calico")

    programmed(nodes[0], plan(1), script)


@pytest.mark.parametrize(
    "damage",
    [
        ("ip", "neigh", "del", "FAR", "dev", "vxlan.calico"),
        ("ip", "neigh", "flush", "dev", "vxlan.calico", "nud", "permanent"),
        ("bridge", "fdb", "del", "MAC", "dev", "vxlan.calico", "dst", "REMOTE", "self"),
        ("bridge", "fdb", "replace", "MAC", "dev", "vxlan.calico", "dst", "192.0.2.9", "self", "permanent"),
    ],
    ids=["a neighbour goes", "all neighbours go", "a forwarding entry goes", "a forwarding entry leads elsewhere"],
)
def test_what_others_do_to_our_entries_is_undone(nodes: tuple[Namespace, Namespace], damage: tuple[str, ...]) -> None:
    async def script(fib: RouteProgrammer) -> None:
        await learn_the_other_block(1, 4)(fib)
        good = entries(nodes[0])
        words = {"FAR": "10.244.2.1", "MAC": mac(2), "REMOTE": "172.16.2.1"}
        nodes[0].command(*(words.get(word, word) for word in damage))
        await until(lambda: entries(nodes[0]) == good, "entries back")

    programmed(nodes[0], plan(1), script)


def test_a_foreign_device_of_that_name_is_reported_and_not_touched(nodes: tuple[Namespace, Namespace]) -> None:
    nodes[0].ip("link", "add", "vxlan.calico", "type", "vxlan", "id", "7", "dstport", "4789")
    before = device(nodes[0])

    async def script(fib: RouteProgrammer) -> None:
        assert fib.status().devices == (
            DeviceFailure("vxlan.calico", "a VXLAN device of this name exists with VNI 7 instead of 4096"),
        )
        await fib.flush()

    programmed(nodes[0], plan(1), script)
    assert device(nodes[0]) == before


def entries(node: Namespace) -> tuple[str, str]:
    neighbours = node.ip("neigh", "show", "dev", "vxlan.calico")
    forwarding = node.command("bridge", "fdb", "show", "dev", "vxlan.calico")
    return " ".join(neighbours.split()), " ".join(forwarding.split())


def test_entries_follow_the_plan(nodes: tuple[Namespace, Namespace]) -> None:
    async def script(fib: RouteProgrammer) -> None:
        assert entries(nodes[0]) == (
            f"10.244.2.1 lladdr {mac(2)} PERMANENT",
            f"{mac(2)} dst 172.16.2.1 self permanent",
        )
        await fib.apply_plan(plan(1, vteps=False))
        assert entries(nodes[0]) == ("", "")

    programmed(nodes[0], plan(1), script)


def test_entries_on_other_devices_are_not_touched(nodes: tuple[Namespace, Namespace]) -> None:
    nodes[0].ip("neigh", "add", "172.16.1.77", "lladdr", "02:00:00:00:00:77", "dev", "eth0", "nud", "permanent")
    nodes[0].ip("link", "add", "vxlan7", "type", "vxlan", "id", "7", "dstport", "8472")
    nodes[0].command("bridge", "fdb", "add", "02:00:00:00:00:07", "dev", "vxlan7", "dst", "172.16.9.9")

    async def script(fib: RouteProgrammer) -> None:
        await fib.flush()

    programmed(nodes[0], plan(1), script)
    assert "172.16.1.77 lladdr 02:00:00:00:00:77 PERMANENT" in nodes[0].ip("neigh", "show", "dev", "eth0")
    assert "172.16.9.9" in nodes[0].command("bridge", "fdb", "show", "dev", "vxlan7")


def test_flush_removes_the_device_and_all_routes(nodes: tuple[Namespace, Namespace]) -> None:
    before = nodes[0].ip("-o", "link"), nodes[0].ip("-o", "addr"), nodes[0].routes("table", "all")

    async def script(fib: RouteProgrammer) -> None:
        await learn_the_other_block(1, 4)(fib)
        await fib.flush()
        assert fib.status().desired == 0

    programmed(nodes[0], plan(1), script)
    assert (nodes[0].ip("-o", "link"), nodes[0].ip("-o", "addr"), nodes[0].routes("table", "all")) == before


def has_ipip(node: Namespace) -> bool:
    node.command("ip", "link", "add", "probe", "type", "ipip", "remote", "192.0.2.1", check=False)
    return "probe" in node.ip("link")


def test_without_ipip_in_the_kernel_device_and_routes_are_reported(nodes: tuple[Namespace, Namespace]) -> None:
    if has_ipip(nodes[0]):
        pytest.skip("this kernel has IPIP")
    rule = KernelRule("10.244.0.0/16", KernelVerdict.PROGRAM, Encapsulation.IPIP)

    async def script(fib: RouteProgrammer) -> None:
        await fib.apply_update(update(learned("10.244.2.0/26", via=("172.16.2.1",))))
        (device,) = fib.status().devices
        assert (device.name, device.reason.split(":")[0]) == ("tunl0", "creating the IPIP device")
        (route,) = fib.status().unresolved
        assert route.reason == "next hop 172.16.2.1: the tunnel device does not exist"

    programmed(nodes[0], KernelPlan(rules=(rule,), ipip_address="10.244.1.1"), script)
