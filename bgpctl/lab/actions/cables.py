"""Links down and up, as when a cable is pulled and put back: what the kernel drops meanwhile is saved here.

A veth pair has no carrier to take away: one end is set down, and the other end then has none. It is the end without
addresses (the port of a bridge) where there is one, so that the router at the other end keeps its routes as it would.
An end that does have addresses keeps them (keep_addr_on_down), and its static routes are restored from a file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from bgpctl.lab.actions.action import RunningLab, run
from bgpctl.lab.topology.links import Endpoint, Link
from bgpctl.lab.topology.topology import Topology

_SAVED = "_saved"
_FAMILIES = ("-4", "-6")
# Words of `ip route show` that `ip route replace` does not accept.
_STATE_WORDS = {"linkdown", "dead", "\\"}
_SAVED_PROTOCOLS = (None, "static", "boot")


def ends_of(topology: Topology, node: str) -> list[Endpoint]:
    """The node's ends of its links to others."""
    links = (link for link in topology.links if len(link.endpoints) > 1)
    return [end for link in links for end in link.endpoints if end.node == node]


def end_to_pull(lab: RunningLab, link: Link) -> Endpoint:
    """Of a veth pair: the one that has no address, else the second."""
    return next((end for end in link.endpoints if not _has_address(lab, end)), link.endpoints[-1])


def _has_address(lab: RunningLab, end: Endpoint) -> bool:
    with lab.inside(end.node):
        return bool(run(["ip", "-o", "address", "show", "dev", end.interface, "scope", "global"]).strip())


def take_down(lab: RunningLab, end: Endpoint) -> None:
    """Nothing happens to a link that is down already."""
    file = _file(lab, end)
    with lab.inside(end.node):
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(f"{family} {line}\n" for family in _FAMILIES for line in _routes(end, family)))
        keep = Path(f"/proc/sys/net/ipv6/conf/{end.interface}/keep_addr_on_down")
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            keep.write_text("1")
        run(["ip", "link", "set", "dev", end.interface, "down"])


def bring_up(lab: RunningLab, end: Endpoint) -> None:
    file = _file(lab, end)
    with lab.inside(end.node):
        run(["ip", "link", "set", "dev", end.interface, "up"])
        if file.exists():
            for family in _FAMILIES:
                _restore(family, file.read_text().splitlines())
            file.unlink()


def _file(lab: RunningLab, end: Endpoint) -> Path:
    return lab.state.directory / _SAVED / f"{end.node}:{end.interface}"


def _routes(end: Endpoint, family: str) -> Iterable[str]:
    """Routes over the interface that were configured; a daemon installs its own anew."""
    for line in run(["ip", "-o", family, "route", "show", "table", "main"]).splitlines():
        words = [word for word in line.replace("\\", " ").split() if word not in _STATE_WORDS]
        protocol = words[words.index("proto") + 1] if "proto" in words else None
        if ("dev", end.interface) in pairwise(words) and protocol in _SAVED_PROTOCOLS:
            yield " ".join(words)


def _restore(family: str, lines: list[str]) -> None:
    """On-link routes first: gateways are reached by them."""
    routes = [line.removeprefix(f"{family} ") for line in lines if line.startswith(f"{family} ")]
    ordered = sorted(routes, key=lambda route: " via " in route)
    run(["ip", family, "-batch", "-"], "".join(f"route replace {route}\n" for route in ordered))
