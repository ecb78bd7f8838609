"""Carries out what `tunnel` and `vxlan` decide: devices first, then who is behind them.

A device is set up in rounds - change, look, compare - because what is created shows its index only afterwards.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from bgpctl.fib.core.reconciler import Reconciler
from bgpctl.fib.edge.observer import update_links
from bgpctl.fib.tunnels.tunnel import DeviceFailure, desired_tunnels, device_changes, our_devices
from reflector.addresses import unpack_address
from reflector.kernel.device import (
    AddAddress,
    CreateDevice,
    DeleteDevice,
    DeviceChange,
    MarkDevice,
    ReleaseDevice,
    RemoveAddress,
)
from reflector.kernel.netlink.link_message import DELNEIGH, NEWNEIGH, device_of_entry
from reflector.kernel.netlink.message import Message
from reflector.kernel.netlink.sockets import Refusal, Requests
from reflector.plan import VxlanPlan

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
        """Another program has put or removed an entry: those of a device of ours are to be compared."""
        if notification.kind in (NEWNEIGH, DELNEIGH):
            self.wanted |= self._entries_done.pop(device_of_entry(notification.body), None) is not None

    def settle(self, state: Reconciler) -> Iterator[None]:
        """Brings devices and entries to what the plan asks for; pauses between slices of the work."""
        self.wanted = False
        devices = yield from self._settle_devices(state)
        entries = yield from self._settle_entries(state)
        self.failures = (*devices, *entries)

    def _settle_devices(self, state: Reconciler) -> Generator[None, None, tuple[DeviceFailure, ...]]:
        plan = state.desired.plan
        for _ in range(_ROUNDS):
            changes, failures = device_changes(desired_tunnels(plan, state.view.underlay), state.view.underlay)
            if not changes:
                return failures
            answers = yield from carry_out(self._requests, changes)
            update_links(self._requests, state.view, state.observation)
            refused = [
                DeviceFailure(change.name, f"{what_is_done(change)}: {answer.reason}")
                for change, answer in zip(changes, answers, strict=True)
                if answer is not None and not isinstance(change, MarkDevice)
            ]
            if refused:
                return (*failures, *refused)
        return tuple(DeviceFailure(change.name, f"{what_is_done(change)} has no effect") for change in changes)

    def _settle_entries(self, state: Reconciler) -> Generator[None, None, list[DeviceFailure]]:
        devices = {link.name: link.index for link in our_devices(state.view.underlay)}
        todo = {
            devices[vxlan.device]: vxlan
            for vxlan in state.desired.plan.vxlans
            if vxlan.device in devices and self._entries_done.get(devices[vxlan.device]) != vxlan
        }
        failures: list[DeviceFailure] = []
        if not todo:
            return failures
        from bgpctl.fib.edge.tunnel_entries import put_entries, read_entries  # pyroute2, as below

        observed = yield from read_entries(self._requests, todo)
        for ifindex, vxlan in todo.items():
            there = [entry for entry in observed if entry.ifindex == ifindex]
            refused = yield from put_entries(self._requests, vxlan, ifindex, there)
            failures += refused
            if not refused:
                self._entries_done[ifindex] = vxlan
        return failures


def carry_out(requests: Requests, changes: Sequence[DeviceChange]) -> Generator[None, None, list[Refusal | None]]:
    """Makes the changes in one datagram; a device that is released loses its entries first."""
    # pyroute2 is for nodes with tunnels: to import it costs the others memory and time (pyroute2_message).
    from bgpctl.fib.edge.tunnel_entries import remove_entries
    from reflector.kernel.netlink.device_message import encode_device

    yield from remove_entries(requests, {each.ifindex for each in changes if isinstance(each, ReleaseDevice)})
    return requests.batch([encode_device(change) for change in changes])


def what_is_done(change: DeviceChange) -> str:
    match change:
        case CreateDevice(vxlan=None):
            return "creating the IPIP device"
        case CreateDevice():
            return "creating the VXLAN device"
        case DeleteDevice():
            return "deleting the device"
        case AddAddress():
            return f"adding {unpack_address(change.address.address)}"
        case RemoveAddress():
            return f"removing {unpack_address(change.address.address)}"
        case _:
            return "changing the device"
