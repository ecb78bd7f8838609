"""Carries out what `tunnel` and `vxlan` decide: devices first, then who is behind them.

A device is set up in rounds - change, look, compare - because what is created shows its index only afterwards.
"""

from __future__ import annotations

from collections.abc import Collection

from bgpctl.fib.kernel.observer import update_links
from bgpctl.fib.reconciler import Reconciler
from bgpctl.fib.tunnels.tunnel import DeviceFailure, desired_tunnels, device_changes, our_devices
from bgpctl.fib.tunnels.vxlan import desired_entries, entry_difference
from reflector.kernel.device import (
    AddAddress,
    CreateDevice,
    DeleteDevice,
    DeviceChange,
    MarkDevice,
    ReleaseDevice,
    RemoveAddress,
)
from reflector.kernel.link_message import (
    DELNEIGH,
    FORWARDING_DUMP,
    NEIGHBOUR_DUMP,
    NEWNEIGH,
    decode_entry,
    device_of_entry,
    encode_device,
    encode_entry,
)
from reflector.kernel.message import Message
from reflector.kernel.neighbour import Entry, Neighbour
from reflector.kernel.route import address_text
from reflector.kernel.sockets import Requests
from reflector.plan import KernelPlan, VxlanPlan

_ROUNDS = 5


class TunnelSetup:
    """`wanted`: something may differ, call `settle`. `failures`: what could not be done, from the last time."""

    def __init__(self, requests: Requests) -> None:
        self.wanted = True
        self.failures: tuple[DeviceFailure, ...] = ()
        self._requests = requests
        self._entries_done: dict[int, VxlanPlan] = {}

    def mark_unknown(self) -> None:
        """Everything is to be compared, also the entries of devices that did not change."""
        self.wanted = True
        self._entries_done.clear()

    def take_notification(self, notification: Message) -> None:
        """Somebody else has put or removed an entry: those of a device of ours are compared again."""
        if notification.kind in (NEWNEIGH, DELNEIGH):
            self.wanted |= self._entries_done.pop(device_of_entry(notification.body), None) is not None

    def settle(self, state: Reconciler) -> None:
        """Brings devices and entries to what the plan asks for."""
        self.wanted = False
        self.failures = (
            *self._settle_devices(state.desired.plan, state),
            *self._settle_entries(state.desired.plan, state),
        )

    def _settle_devices(self, plan: KernelPlan, state: Reconciler) -> tuple[DeviceFailure, ...]:
        for _ in range(_ROUNDS):
            changes, failures = device_changes(desired_tunnels(plan, state.view.underlay), state.view.underlay)
            if not changes:
                return failures
            remove_entries(self._requests, {each.ifindex for each in changes if isinstance(each, ReleaseDevice)})
            answers = self._requests.batch([encode_device(change) for change in changes])
            update_links(self._requests, state.view, state.observation)
            refused = [
                DeviceFailure(change.name, f"{what_is_done(change)}: {answer.reason}")
                for change, answer in zip(changes, answers, strict=True)
                if answer is not None and not isinstance(change, MarkDevice)
            ]
            if refused:
                return (*failures, *refused)
        return tuple(DeviceFailure(change.name, f"{what_is_done(change)} has no effect") for change in changes)

    def _settle_entries(self, plan: KernelPlan, state: Reconciler) -> list[DeviceFailure]:
        devices = {link.name: link.index for link in our_devices(state.view.underlay)}
        todo = {
            devices[vxlan.device]: vxlan
            for vxlan in plan.vxlans
            if vxlan.device in devices and self._entries_done.get(devices[vxlan.device]) != vxlan
        }
        if not todo:
            return []
        observed = read_entries(self._requests)
        failures = []
        for ifindex, vxlan in todo.items():
            there = [entry for entry in observed if entry.ifindex == ifindex]
            refused = self._put_entries(vxlan, ifindex, there)
            failures += refused
            if not refused:
                self._entries_done[ifindex] = vxlan
        return failures

    def _put_entries(self, plan: VxlanPlan, ifindex: int, there: list[Entry]) -> list[DeviceFailure]:
        found = entry_difference(desired_entries(plan, ifindex), there)
        requests = [encode_entry(entry) for entry in found.put]
        requests += [encode_entry(entry, remove=True) for entry in found.remove]
        answers = self._requests.batch(requests)
        return [
            DeviceFailure(plan.device, f"{_entry_text(entry)}: {answer.reason}")
            for entry, answer in zip((*found.put, *found.remove), answers, strict=True)
            if answer is not None
        ]


def remove_entries(requests: Requests, ifindexes: Collection[int]) -> None:
    """Permanent entries on these devices, all of which are ours; a refusal shows when they are looked at again."""
    if ifindexes:
        gone = [entry for entry in read_entries(requests) if entry.ifindex in ifindexes]
        requests.batch([encode_entry(entry, remove=True) for entry in gone])


def read_entries(requests: Requests) -> list[Entry]:
    entries = []
    for request in (NEIGHBOUR_DUMP, FORWARDING_DUMP):
        for piece in requests.dump(request):
            entries += [entry for _, body in piece if (entry := decode_entry(body)) is not None]
    return entries


def what_is_done(change: DeviceChange) -> str:
    match change:
        case CreateDevice(vxlan=None):
            return "creating the IPIP device"
        case CreateDevice():
            return "creating the VXLAN device"
        case DeleteDevice():
            return "deleting the device"
        case AddAddress():
            return f"adding {address_text(change.address.address)}"
        case RemoveAddress():
            return f"removing {address_text(change.address.address)}"
        case _:
            return "changing the device"


def _entry_text(entry: Entry) -> str:
    address = entry.address if isinstance(entry, Neighbour) else entry.remote
    return f"{'neighbour' if isinstance(entry, Neighbour) else 'forwarding'} entry for {address_text(address)}"
