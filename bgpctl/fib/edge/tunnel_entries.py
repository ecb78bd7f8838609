"""Neighbour and forwarding entries of our VXLAN devices, in the kernel: read and written.

Rule: 5,000 nodes are 10,000 entries, and pyroute2 takes a tenth of a millisecond for each: so this is done in slices,
between which the caller may do something else.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence

from bgpctl.fib.tunnels.tunnel import DeviceFailure
from bgpctl.fib.tunnels.vxlan import desired_entries, entry_difference
from reflector.addresses import unpack_address
from reflector.kernel.neighbour import Entry, Neighbour
from reflector.kernel.netlink.link_message import device_of_entry
from reflector.kernel.netlink.neighbour_message import decode_entry, encode_entry, neighbour_dumps
from reflector.kernel.netlink.sockets import Requests
from reflector.plan import VxlanPlan

_SLICE = 128


def read_entries(requests: Requests, ifindexes: Collection[int]) -> Generator[None, None, list[Entry]]:
    """The permanent entries on these devices."""
    found = []
    for dump in neighbour_dumps():
        for piece in requests.dump(dump):
            bodies = [body for _, body in piece if device_of_entry(body) in ifindexes]
            found += [entry for entry in map(decode_entry, bodies) if entry is not None]
            yield
    return found


def remove_entries(requests: Requests, ifindexes: Collection[int]) -> Generator[None, None, None]:
    """All of them on these devices; a refusal shows when they are read again."""
    if ifindexes:
        gone = yield from read_entries(requests, ifindexes)
        yield from _write(requests, gone, remove=True)


def put_entries(
    requests: Requests, plan: VxlanPlan, ifindex: int, observed: Sequence[Entry]
) -> Generator[None, None, list[DeviceFailure]]:
    """Makes `observed`, what is on the device, into what the plan asks for. Returns what was refused."""
    found = entry_difference(desired_entries(plan, ifindex), observed)
    refused = yield from _write(requests, found.put, remove=False)
    refused += yield from _write(requests, found.remove, remove=True)
    return [DeviceFailure(plan.device, sentence) for sentence in refused]


def _write(requests: Requests, entries: Sequence[Entry], *, remove: bool) -> Generator[None, None, list[str]]:
    refused = []
    for start in range(0, len(entries), _SLICE):
        part = entries[start : start + _SLICE]
        answers = requests.batch([encode_entry(entry, remove=remove) for entry in part])
        refused += [
            f"{_entry_text(entry)}: {answer.reason}"
            for entry, answer in zip(part, answers, strict=True)
            if answer is not None
        ]
        yield
    return refused


def _entry_text(entry: Entry) -> str:
    is_neighbour = isinstance(entry, Neighbour)
    address = entry.address if isinstance(entry, Neighbour) else entry.remote
    return f"{'neighbour' if is_neighbour else 'forwarding'} entry for {unpack_address(address)}"
