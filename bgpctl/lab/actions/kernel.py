"""Removes from a node's kernel what our agent has put there. The calling thread is in the node's namespace."""

from __future__ import annotations

from bgpctl.compiler.cluster.vtep import DEVICES
from bgpctl.lab.actions.action import run
from reflector.plan import ROUTE_PROTOCOL


def flush_routes() -> None:
    """Our routes of both families; they are in the main table in a lab."""
    for family in ("-4", "-6"):
        run(["ip", family, "route", "flush", "table", "main", "proto", str(ROUTE_PROTOCOL)])


def remove_devices() -> None:
    """The VXLAN devices, with all that leads through them."""
    there = {line.split(":")[1].strip() for line in run(["ip", "-o", "link", "show"]).splitlines()}
    for name in sorted(there & set(DEVICES.values())):
        run(["ip", "link", "del", "dev", name])
