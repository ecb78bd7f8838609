"""Chooses one family's address out of what a host has, or gives the reason why there is none. Pure.

    filter    interfaces that the method excludes are passed over; so are those that are down
    usable    not link-local, not loopback, not multicast; not tentative, not deprecated, not temporary
    order     the youngest interface first, as in Calico; in it primary addresses first, else as the kernel has them
    keep      the address that was chosen before, if the method still could choose it: a new link does not make
              another router of the node

`can-reach` and `kubernetes-internal-ip` do not choose; they look for the one address that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface

from bgpctl.agent.autodetection.host import Host, HostAddress, HostInterface
from bgpctl.agent.autodetection.method import EXCLUDED_BY_DEFAULT, Kind, Method
from reflector.plan import Family

# A machine may have hundreds of links; a sentence names the first ones.
MOST_REASONS = 6


@dataclass(frozen=True, slots=True)
class Found:
    """`address` with its prefix length ("10.0.0.1/24"). `interface` "" where no link of this host has it."""

    address: str
    interface: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """One clause: why there is no address."""

    reason: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an address is chosen from: the host, the addresses that Kubernetes has, and the choice before
    ("10.0.0.1/24", or "")."""

    host: Host
    internal_addresses: tuple[str, ...] = ()
    before: Mapping[Family, str] = field(default_factory=dict)


def choose(method: Method, family: Family, found: Circumstances) -> Found | NotFound:
    """The address of this family."""
    match method.kind:
        case Kind.CAN_REACH:
            return _source_to(method.destination, family, found.host)
        case Kind.KUBERNETES_INTERNAL_IP:
            return _internal(family, found)
        case Kind.GIVEN:
            return _on_host(method.destination, found.host)
        case _:
            return _first(method, family, found)


# ----------------------------------------------------------------------------------------- one that is named


def _source_to(destination: str, family: Family, host: Host) -> Found | NotFound:
    source = host.sources.get((family, destination))
    if source is None or not source.address:
        return NotFound(source.reason if source else f"the kernel was not asked yet about {destination}")
    if not HostAddress(source.address, 0).is_global:
        return NotFound(f"the way to {destination} has the source {source.address}, which other routers cannot reach")
    found = _on_host(source.address, host)
    return (
        found
        if found.interface
        else NotFound(f"the way to {destination} has the source {source.address}, which no interface has")
    )


def _internal(family: Family, found: Circumstances) -> Found | NotFound:
    for text in found.internal_addresses:
        try:
            address = ip_address(text)
        except ValueError:
            return NotFound(f"the InternalIP {text!r} of the Node is not an address")
        if address.version == family:
            return _on_host(str(address), found.host)
    return NotFound(f"the Node has no InternalIP that is IPv{family}")


def _on_host(text: str, host: Host) -> Found:
    """With the prefix length of its link; an address that no link has, given without a length, is a host address."""
    address = str(ip_interface(text).ip)
    for interface in host.interfaces:
        for each in interface.addresses:
            if each.address == address:
                return Found(text if "/" in text else each.text, interface.name)
    return Found(text if "/" in text else ip_interface(text).with_prefixlen, "")


# -------------------------------------------------------------------------------------- the first usable one


def _first(method: Method, family: Family, found: Circumstances) -> Found | NotFound:
    candidates = list(_candidates(method, family, found.host))
    kept = found.before.get(family, "").partition("/")[0]
    usable = [each for each in candidates if isinstance(each, Candidate)]
    if usable:
        chosen = next((each for each in usable if each.address.address == kept), usable[0])
        return Found(chosen.address.text, chosen.interface.name)
    reasons = [each for each in candidates if isinstance(each, str)]
    more = f" and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    return NotFound(", ".join(reasons[:MOST_REASONS]) + more if reasons else "there is no interface")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A usable address."""

    interface: HostInterface
    address: HostAddress


def _candidates(method: Method, family: Family, host: Host) -> Iterator[Candidate | str]:
    """The usable ones, in order; and between them the reasons against the others."""
    for interface in sorted(host.interfaces, key=lambda each: -each.index):
        if not _admits(method, interface.name):
            yield f"{interface.name} is excluded by its name"
        elif not interface.up:
            yield f"{interface.name} is down"
        elif not interface.of_family(family):
            yield f"{interface.name} has no IPv{family} address"
        else:
            for address in interface.of_family(family):
                flaw = _flaw(method, address)
                yield f"{address.address} on {interface.name} is {flaw}" if flaw else Candidate(interface, address)


def _admits(method: Method, name: str) -> bool:
    """Whether the method looks at an interface of this name."""
    matches = any(pattern.search(name) for pattern in method.names)
    match method.kind:
        case Kind.INTERFACE:
            return matches
        case Kind.CIDR:
            return True
        case _:
            return not matches and not name.startswith(EXCLUDED_BY_DEFAULT)


_FLAWS: Sequence[tuple[str, Callable[[HostAddress], bool]]] = (
    ("not reachable from other hosts", lambda address: not address.is_global),
    ("tentative", lambda address: address.tentative),
    ("deprecated", lambda address: address.deprecated),
    ("temporary", lambda address: address.secondary and address.family == 6),
)


def _flaw(method: Method, address: HostAddress) -> str:
    """Why this address cannot be used, "" if it can."""
    found = next((name for name, holds in _FLAWS if holds(address)), "")
    if found or method.kind is not Kind.CIDR:
        return found
    inside = any(ip_address(address.address) in network for network in method.networks)
    return "" if inside else "outside these networks"
