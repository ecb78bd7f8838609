"""Filters that keep notifications from waking us: programs of the kernel's packet filter for a netlink socket.

Rule: a notification is a datagram of its own, so its first header is the only one; the pieces of a dump are taken
whole. Words and halves are loaded in network order. Source: linux/Documentation/networking/filter.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reflector.kernel.netlink.link_message import NEWNEIGH, NUD_PERMANENT
from reflector.kernel.netlink.message import HEADER, MULTI
from reflector.kernel.netlink.route_message import DELROUTE, NEWROUTE
from reflector.plan import MAIN_TABLE

_LOAD_WORD, _LOAD_HALF, _LOAD_OCTET, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x28, 0x30, 0x15, 0x45, 0x06
# Where in the header, and behind it in ndmsg and rtmsg.
_KIND, _FLAGS, _SENDER = 4, 6, 12
_NEIGHBOUR_STATE, _ROUTE_TABLE, _ROUTE_PROTOCOL = HEADER.size + 8, HEADER.size + 4, HEADER.size + 5


class Step(NamedTuple):
    """One instruction. `then` and `otherwise` are "take", "leave", the label of a step, or "" for the next one."""

    code: int
    constant: int
    then: str = ""
    otherwise: str = ""
    label: str = ""


def not_from(sender: int) -> list[Step]:
    """Nothing that `sender` (a port ID) caused, and of the neighbours that come or change only permanent ones: the
    daily work of ARP is left out."""
    return [
        Step(_LOAD_WORD, _SENDER),
        Step(_IF_EQUAL, _swapped("I", sender), then="leave"),
        Step(_LOAD_HALF, _KIND),
        Step(_IF_EQUAL, _swapped("H", NEWNEIGH), otherwise="take"),
        Step(_LOAD_HALF, _NEIGHBOUR_STATE),
        Step(_IF_ANY_BIT, _swapped("H", NUD_PERMANENT), then="take", otherwise="leave"),
    ]


def foreign_main_routes(own: Iterable[int]) -> list[Step]:
    """Of routes only those of the main table, and none with `own` protocol numbers: 100,000 that the FIB programs cost
    nothing here."""
    return [
        Step(_LOAD_HALF, _KIND),
        Step(_IF_EQUAL, _swapped("H", NEWROUTE), then="route"),
        Step(_IF_EQUAL, _swapped("H", DELROUTE), otherwise="take"),
        Step(_LOAD_HALF, _FLAGS, label="route"),
        Step(_IF_ANY_BIT, _swapped("H", MULTI), then="take"),
        Step(_LOAD_OCTET, _ROUTE_PROTOCOL),
        *(Step(_IF_EQUAL, protocol, then="leave") for protocol in sorted(own)),
        Step(_LOAD_OCTET, _ROUTE_TABLE),
        Step(_IF_EQUAL, MAIN_TABLE, then="take", otherwise="leave"),
    ]


def assembled(steps: Sequence[Step]) -> bytes:
    """Code, jump if true, jump if false (relative to the next one) and constant of each; behind them take and leave."""
    labels = {step.label: at for at, step in enumerate(steps) if step.label}
    labels |= {"take": len(steps), "leave": len(steps) + 1}
    program = []
    for at, step in enumerate(steps):
        jumps = (labels[target] - at - 1 if target else 0 for target in (step.then, step.otherwise))
        program.append(struct.pack("=HBBI", step.code, *jumps, step.constant))
    ends = (struct.pack("=HBBI", _RETURN, 0, 0, octets) for octets in (0xFFFFFFFF, 0))
    return b"".join((*program, *ends))


def _swapped(layout: str, number: int) -> int:
    """The number as the filter loads it."""
    (loaded,) = struct.unpack(f"!{layout}", struct.pack(f"={layout}", number))
    return int(loaded)
