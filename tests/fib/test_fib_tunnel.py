"""Tunnel devices and who is behind the VXLAN: what has to be done to what is there."""

from __future__ import annotations

import pytest
from fib_makers import TUNNEL, underlay
from msgspec.structs import replace

from bgpctl.fib.tunnels.tunnel import ADOPTED, MADE, DeviceFailure, Tunnel, desired_tunnels, device_changes
from bgpctl.fib.tunnels.vxlan import desired_entries, entry_difference
from reflector.addresses import pack_address
from reflector.kernel.device import (
    AddAddress,
    ChangeDevice,
    CreateDevice,
    DeleteDevice,
    DeviceChange,
    MarkDevice,
    ReleaseDevice,
    RemoveAddress,
)
from reflector.kernel.link import Link, LinkAddress, VxlanSettings
from reflector.kernel.neighbour import Entry, Forwarding, Neighbour
from reflector.plan import KernelPlan, Vtep, VxlanPlan

NAME = "vxlan.calico"
MAC = bytes.fromhex("660000000001")
SETTINGS = VxlanSettings(4096, 4789, pack_address("10.0.0.1"))
PLAN = VxlanPlan(4, NAME, 4096, 4789, "10.0.0.1", "10.244.0.1", "66:00:00:00:00:01")
WANTED = Tunnel(NAME, pack_address("10.244.0.1"), SETTINGS, MAC, 1450)
RIGHT = Link(TUNNEL, NAME, mtu=1450, mac=MAC, kind="vxlan", alias=MADE, vxlan=SETTINGS)
ADDRESS = LinkAddress(TUNNEL, pack_address("10.244.0.1"), 32)


def link(**different: object) -> Link:
    fields = {name: getattr(RIGHT, name) for name in RIGHT.__struct_fields__}
    return Link(**(fields | different))  # type: ignore[arg-type]  # the tests name fields of Link


def changes(there: Link | None, *addresses: LinkAddress) -> list[DeviceChange]:
    under = underlay()
    if there is not None:
        under.put_link(there)
    for address in addresses:
        under.table.put_address(address)
    return device_changes((WANTED,), under)[0]


SET_UP = ChangeDevice(NAME, TUNNEL, MAC, 1450, MADE)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param(None, [CreateDevice(NAME, SETTINGS), MarkDevice(NAME, MADE)], id="missing: created"),
        pytest.param(RIGHT, [], id="right: left alone"),
        pytest.param(link(up=False), [SET_UP], id="down: brought up"),
        pytest.param(link(mtu=1400), [SET_UP], id="another MTU: set"),
        pytest.param(link(mac=b"\2\0\0\0\0\1"), [SET_UP], id="another MAC: set"),
        pytest.param(link(alias=""), [replace(SET_UP, alias=ADOPTED)], id="no program's, and it matches: adopted"),
        pytest.param(link(alias=ADOPTED), [], id="adopted before: stays so"),
        pytest.param(
            link(vxlan=VxlanSettings(4096, 8472, SETTINGS.local)),
            [DeleteDevice(NAME, TUNNEL)],
            id="another port: made anew",
        ),
        pytest.param(
            link(vxlan=VxlanSettings(7, 4789, SETTINGS.local)),
            [DeleteDevice(NAME, TUNNEL)],
            id="another VNI but ours: made anew",
        ),
        pytest.param(
            link(vxlan=VxlanSettings(4096, 4789, SETTINGS.local, learning=True)),
            [DeleteDevice(NAME, TUNNEL)],
            id="it learns: made anew",
        ),
        pytest.param(link(vxlan=VxlanSettings(7, 4789, SETTINGS.local), alias=""), [], id="foreign VNI: not touched"),
        pytest.param(link(kind="veth", vxlan=None, alias=""), [], id="no VXLAN at all: not touched"),
    ],
)
def test_device(there: Link | None, expected: list[DeviceChange]) -> None:
    assert changes(there, ADDRESS) == expected


def test_a_foreign_device_is_reported() -> None:
    under = underlay()
    under.put_link(link(vxlan=VxlanSettings(7, 4789, SETTINGS.local), alias=""))
    assert device_changes((WANTED,), under)[1] == (
        DeviceFailure(NAME, "a VXLAN device of this name exists with VNI 7 instead of 4096"),
    )


def test_the_tunnel_address_is_added_and_an_old_one_removed() -> None:
    old = LinkAddress(TUNNEL, pack_address("10.244.0.99"), 32)
    assert changes(RIGHT, old) == [AddAddress(NAME, ADDRESS), RemoveAddress(NAME, old)]


def test_a_link_local_address_stays() -> None:
    assert changes(RIGHT, ADDRESS, LinkAddress(TUNNEL, pack_address("fe80::1"), 64)) == []


def test_our_device_that_no_plan_asks_for_is_deleted() -> None:
    under = underlay()
    under.put_link(RIGHT)
    assert device_changes((), under) == ([DeleteDevice(NAME, TUNNEL)], ())


def test_an_adopted_device_that_no_plan_asks_for_stays_without_what_is_ours() -> None:
    under = underlay()
    under.put_link(link(alias=ADOPTED))
    under.table.put_address(ADDRESS)
    assert device_changes((), under)[0] == [RemoveAddress(NAME, ADDRESS), ReleaseDevice(NAME, TUNNEL)]


def test_somebody_elses_vxlan_that_no_plan_asks_for_stays() -> None:
    under = underlay()
    under.put_link(link(alias=""))
    assert device_changes((), under) == ([], ())


@pytest.mark.parametrize(
    ("plan", "mtu"),
    [
        pytest.param(PLAN, 1450, id="the parent's less the overhead"),
        pytest.param(VxlanPlan(4, NAME, 4096, 4789, "10.0.0.1", "10.244.0.1", "", 1390), 1390, id="as planned"),
        pytest.param(VxlanPlan(6, NAME, 4096, 4789, "fd00::1", "fd00:244::1", ""), 1430, id="IPv6 has a longer header"),
        pytest.param(VxlanPlan(4, NAME, 4096, 4789, "10.77.0.1", "10.244.0.1", ""), 1450, id="no parent yet"),
    ],
)
def test_mtu(plan: VxlanPlan, mtu: int) -> None:
    (tunnel,) = desired_tunnels(KernelPlan(vxlans=(plan,)), underlay())
    assert tunnel.mtu == mtu


def test_ipip_is_brought_up_and_addressed_but_nothing_of_it_is_removed() -> None:
    under = underlay()
    under.put_link(Link(TUNNEL, "tunl0", up=False, kind="ipip"))
    under.table.put_address(LinkAddress(TUNNEL, pack_address("10.1.1.1"), 32))
    tunnels = desired_tunnels(KernelPlan(ipip_address="10.244.0.1"), under)
    assert device_changes(tunnels, under)[0] == [
        ChangeDevice("tunl0", TUNNEL, b"", 0, ""),
        AddAddress("tunl0", ADDRESS),
    ]


@pytest.mark.parametrize(
    ("planned", "there", "mtu"),
    [
        pytest.param(1400, 1480, 1400, id="as planned"),
        pytest.param(8980, 1480, 8980, id="as planned, larger"),
        pytest.param(0, 1500, 1480, id="no more than the parent's less the overhead"),
        pytest.param(0, 1400, 0, id="never made larger unasked"),
    ],
)
def test_mtu_of_ipip(planned: int, there: int, mtu: int) -> None:
    """RFC 2003 3: one more IPv4 header."""
    under = underlay()
    under.put_link(Link(TUNNEL, "tunl0", kind="ipip", mtu=there))
    plan = KernelPlan(ipip_address="10.244.0.1", local_subnets=("10.0.0.0/24",), ipip_mtu=planned)
    tunnels = desired_tunnels(plan, under)
    changes = [each for each in device_changes(tunnels, under)[0] if isinstance(each, ChangeDevice)]
    assert changes == ([ChangeDevice("tunl0", TUNNEL, b"", mtu, "")] if mtu else [])


# --------------------------------------------------------------------------------------------- entries

OTHER_MAC = bytes.fromhex("660000000009")
NODE, TUNNEL_ADDRESS = pack_address("10.9.0.7"), pack_address("10.244.7.1")
NEIGHBOUR, FORWARDING = Neighbour(TUNNEL, TUNNEL_ADDRESS, MAC), Forwarding(TUNNEL, MAC, NODE)


def test_a_remote_end_has_a_neighbour_and_a_forwarding_entry() -> None:
    vtep = Vtep("far", "10.9.0.7", "10.244.7.1", "66:00:00:00:00:01")
    plan = VxlanPlan(4, NAME, 4096, 4789, "10.0.0.1", "10.244.0.1", "", vteps=(vtep,))
    assert desired_entries(plan, TUNNEL) == {NEIGHBOUR, FORWARDING}


@pytest.mark.parametrize(
    ("desired", "observed", "put", "remove"),
    [
        pytest.param([NEIGHBOUR], [], [NEIGHBOUR], [], id="missing: put"),
        pytest.param([NEIGHBOUR], [NEIGHBOUR], [], [], id="there: left alone"),
        pytest.param([], [FORWARDING], [], [FORWARDING], id="not wanted: removed"),
        pytest.param(
            [NEIGHBOUR],
            [Neighbour(TUNNEL, TUNNEL_ADDRESS, OTHER_MAC)],
            [NEIGHBOUR],
            [],
            id="another MAC: overwritten",
        ),
        pytest.param(
            [FORWARDING],
            [Forwarding(TUNNEL, MAC, pack_address("10.9.0.9"))],
            [FORWARDING],
            [],
            id="the node moved",
        ),
        pytest.param(
            [FORWARDING],
            [Forwarding(TUNNEL, OTHER_MAC, NODE)],
            [FORWARDING],
            [Forwarding(TUNNEL, OTHER_MAC, NODE)],
            id="a new MAC: the old one goes",
        ),
    ],
)
def test_entries(desired: list[Entry], observed: list[Entry], put: list[Entry], remove: list[Entry]) -> None:
    assert entry_difference(desired, observed) == (tuple(put), tuple(remove))
