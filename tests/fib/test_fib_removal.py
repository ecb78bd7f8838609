"""The removal of all that is ours from a kernel, and of nothing else."""

from __future__ import annotations

import pytest
from fib_makers import underlay
from fib_namespaces import Namespace
from msgspec.structs import replace

from bgpctl.fib.edge.removal import find_ours, leaving_others, remove_ours
from bgpctl.fib.programmer import RouteProgrammer
from reflector.addresses import pack_address
from reflector.kernel.device import AddAddress, DeviceChange, RemoveAddress, SetDown
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.netlink.device_message import encode_device
from reflector.kernel.netlink.sockets import Requests
from reflector.plan import KernelPlan, Vtep, VxlanPlan

NAME, TUNL0 = "vxlan.calico", 40
VXLAN = VxlanPlan(
    4, NAME, 4096, 4789, "10.0.0.1", "10.244.0.1", "66:00:00:00:00:01",
    vteps=(Vtep("b", "10.0.0.2", "10.244.1.1", "66:00:00:00:00:02"),),
)  # fmt: skip
PLAN = KernelPlan(vxlans=(VXLAN,), blackholes=("10.244.0.0/26", "fd00:244::/122"))


def removed(node: Namespace) -> tuple[str, ...]:
    def remove() -> tuple[str, ...]:
        requests = Requests()
        try:
            return remove_ours(requests)
        finally:
            requests.close()

    return node.inside(remove)


def found(node: Namespace) -> list[str]:
    def find() -> list[str]:
        requests = Requests()
        try:
            return sorted(find_ours(requests).sentences())
        finally:
            requests.close()

    return node.inside(find)


def program(node: Namespace, plan: KernelPlan) -> None:
    async def main() -> None:
        await (await RouteProgrammer.open(plan)).close()

    node.run(main)


def settings_of(node: Namespace) -> str:
    """What the kernel reports of the VXLAN device, without the alias, and the entries on it."""
    shown = node.ip("-d", "link", "show", NAME) + node.ip("addr", "show", NAME) + node.ip("neigh", "show", "dev", NAME)
    return shown + node.command("bridge", "fdb", "show", "dev", NAME)


def test_what_a_programmer_made_is_found_and_removed(node: Namespace) -> None:
    program(node, PLAN)
    node.ip("route", "add", "10.9.0.0/16", "via", "10.0.0.2", "proto", "179", "table", "100")
    assert found(node) == [
        "blackhole route 10.244.0.0/26 metric 1023",
        "blackhole route fd00:244::/122 metric 1023",
        "device vxlan.calico",
        "route 10.9.0.0/16 metric 0 table 100",
    ]
    assert removed(node) == ()
    assert (found(node), node.routes()) == ([], [])
    assert NAME not in node.ip("link")


def test_a_device_that_was_there_before_stays_without_what_is_ours(node: Namespace) -> None:
    node.ip("link", "add", NAME, "type", "vxlan", "id", "4096", "dstport", "4789", "local", "10.0.0.1", "nolearning")
    node.ip("link", "set", NAME, "address", VXLAN.mac, "mtu", "1450", "up")
    before = settings_of(node)
    program(node, PLAN)
    assert "66:00:00:00:00:02" in settings_of(node)
    assert "our entries and alias on device vxlan.calico, which was there before" in found(node)
    assert removed(node) == ()
    assert settings_of(node) == before


def test_a_pool_that_goes_away_leaves_a_device_that_was_there_before(node: Namespace) -> None:
    node.ip("link", "add", NAME, "type", "vxlan", "id", "4096", "dstport", "4789", "local", "10.0.0.1", "nolearning")
    node.ip("link", "set", NAME, "address", VXLAN.mac, "mtu", "1450", "up")
    before = settings_of(node)
    program(node, PLAN)
    program(node, KernelPlan())
    assert settings_of(node) == before


def test_a_device_that_we_made_is_ours_also_for_the_next_programmer(node: Namespace) -> None:
    program(node, PLAN)
    program(node, replace(PLAN, vxlans=(replace(VXLAN, mtu=1400),)))
    assert "device vxlan.calico" in found(node)


def test_an_address_of_ours_is_known_on_a_device_of_somebody_else(node: Namespace) -> None:
    def add() -> None:
        requests = Requests()
        (index,) = [int(line.split(":")[0]) for line in node.ip("-o", "link", "show", "eth0").splitlines()]
        (refused,) = requests.batch(
            [encode_device(AddAddress("eth0", LinkAddress(index, pack_address("10.244.0.1"), 32)))]
        )
        assert refused is None
        requests.close()

    before = node.ip("addr", "show", "eth0")
    node.inside(add)
    if found(node) == []:
        pytest.skip("this kernel keeps no protocol number of addresses (Linux 5.18)")
    assert found(node) == ["address 10.244.0.1 on eth0"]
    assert removed(node) == ()
    assert node.ip("addr", "show", "eth0") == before


OURS = LinkAddress(TUNL0, pack_address("10.244.0.1"), 32)
OTHER = LinkAddress(TUNL0, pack_address("10.1.1.1"), 32)


@pytest.mark.parametrize(
    ("link", "others", "expected"),
    [
        (Link(TUNL0, "tunl0", kind="ipip"), (), [RemoveAddress("tunl0", OURS), SetDown("tunl0", TUNL0)]),
        (Link(TUNL0, "tunl0", kind="ipip"), (OTHER,), [RemoveAddress("tunl0", OURS)]),
        (Link(TUNL0, "tunl0", up=False, kind="ipip"), (), [RemoveAddress("tunl0", OURS)]),
        (Link(TUNL0, "eth0"), (), [RemoveAddress("eth0", OURS)]),
    ],
    ids=["nothing is left on it", "another program uses it", "down already", "no tunnel"],
)
def test_tunl0_goes_down_as_it_was_when_nobody_else_has_an_address_there(
    link: Link, others: tuple[LinkAddress, ...], expected: list[DeviceChange]
) -> None:
    under = underlay()
    under.put_link(link)
    for address in (OURS, *others):
        under.table.put_address(address)
    assert list(leaving_others([OURS], under)) == expected
