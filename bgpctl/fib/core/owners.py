"""Which program a kernel route belongs to, for people: its protocol number as a name (RTPROT_*; iproute2's list)."""

from __future__ import annotations

from reflector.kernel.route import KernelRoute, prefix_text
from reflector.plan import MAIN_TABLE

_NAMES = {
    2: "kernel",
    3: "boot",
    4: "static",
    8: "gated",
    9: "router advertisement",
    11: "zebra",
    12: "bird",
    16: "dhcp",
    18: "keepalived",
    80: "felix",
    186: "FRR's bgp",
    187: "isis",
    188: "ospf",
    189: "rip",
    192: "eigrp",
}


def owner_of(route: KernelRoute) -> str:
    """ "static (protocol 4, metric 100)"."""
    name = _NAMES.get(route.protocol, "unknown")
    return f"{name} (protocol {route.protocol}, metric {route.metric})"


def removal_command(route: KernelRoute) -> str:
    """The command that removes exactly this route."""
    family = "ip -6" if route.family == 6 else "ip"
    table = "" if route.table == MAIN_TABLE else f" table {route.table}"
    return f"{family} route del {prefix_text(route.destination)} metric {route.metric} proto {route.protocol}{table}"
