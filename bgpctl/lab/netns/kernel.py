"""What the kernel of a namespace has right now: routes of the main table, and addresses, as `ip` prints them."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from bgpctl.errors import NotReadyError
from bgpctl.lab.netns import namespaces


@dataclass(frozen=True, slots=True)
class KernelRoute:
    """A route of the main table, `to` with its length. `via` is "" on link, `dev` is "" for a blackhole."""

    to: str
    via: str
    dev: str
    protocol: int

    @property
    def blackhole(self) -> bool:
        return not self.dev

    def __str__(self) -> str:
        via = f" via {self.via}" if self.via else ""
        dev = f" dev {self.dev}" if self.dev else ""
        return f"{self.to}{via}{dev or ' blackhole'} protocol {self.protocol}"


# rtnetlink(7): `ip -N` prints numbers; IPv6 has a device (lo) on these, too.
_RTN_BLACKHOLE = "6"
_FAMILIES = ("-4", "-6")
_EVERYWHERE = {"-4": "0.0.0.0/0", "-6": "::/0"}


class _Via(msgspec.Struct):
    """A gateway of the other family (RFC 8950)."""

    host: str = ""


class _Hop(msgspec.Struct):
    gateway: str = ""
    dev: str = ""
    via: _Via = msgspec.field(default_factory=_Via)


class _IpRoute(msgspec.Struct):
    """A route as `ip -j` prints it; fields that are not here are skipped."""

    dst: str
    type: str = ""
    gateway: str = ""
    dev: str = ""
    protocol: str = "0"
    via: _Via = msgspec.field(default_factory=_Via)
    nexthops: list[_Hop] = []


class _Address(msgspec.Struct):
    local: str = ""
    scope: str = ""


class _Addresses(msgspec.Struct):
    addr_info: list[_Address] = []


_routes_decoder = msgspec.json.Decoder(list[_IpRoute])


def kernel_routes(namespace: str) -> tuple[KernelRoute, ...]:
    """All routes of the main table, IPv4 before IPv6; of a multipath route one per next hop."""
    found: list[KernelRoute] = []
    with namespaces.inside(namespace):
        for family in _FAMILIES:
            command = ["ip", "-Numeric", "-json", family, "route", "show"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotReadyError(f"the routes of {namespace} cannot be read: {done.stderr.strip()}")
            for route in _routes_decoder.decode(done.stdout or "[]"):
                found += _expand(route, family)
    return tuple(found)


def _expand(route: _IpRoute, family: str) -> Iterator[KernelRoute]:
    to = str(ipaddress.ip_network(_EVERYWHERE[family] if route.dst == "default" else route.dst))
    if route.type == _RTN_BLACKHOLE:
        yield KernelRoute(to, "", "", int(route.protocol))
        return
    for hop in route.nexthops or [_Hop(route.gateway, route.dev, route.via)]:
        yield KernelRoute(to, hop.gateway or hop.via.host, hop.dev, int(route.protocol))


def addresses(namespace: str) -> tuple[str, ...]:
    """All global addresses of the namespace, without their lengths."""
    with namespaces.inside(namespace):
        done = subprocess.run(["ip", "-json", "address", "show"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReadyError(f"the addresses of {namespace} cannot be read: {done.stderr.strip()}")
    links = msgspec.json.decode(done.stdout or "[]", type=list[_Addresses])
    return tuple(each.local for link in links for each in link.addr_info if each.scope == "global")
