"""Chooses one family's address out of what a host has, or says why none will do. Pure.

    filter    interfaces that the method leaves aside are passed over; so are those that are down
    usable    not link-local, not loopback, not multicast; not tentative, not deprecated, not temporary
    order     the youngest interface first, as in Calico; in it primary addresses first, else as the kernel has them
    keep      the address that was chosen before, if the method still could choose it: that a link comes is no reason
              to be another router

`can-reach` and `kubernetes-internal-ip` do not choose; they look for the one address that somebody else named.
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
    """What an address is chosen from: the host, what Kubernetes says, and the choice before ("10.0.0.1/24", or "")."""

    host: Host
    internal_addresses: tuple[str, ...] = ()
    before: Mapping[Family, str] = field(default_factory=dict)


def choose(method: Method, family: Family, found: Circumstances) -> Found | NotFound:
    """The address of this family."""
    match method.kind:
        case Kind.CAN_REACH:
            return _called_from(method.destination, family, found.host)
        case Kind.KUBERNETES_INTERNAL_IP:
            return _internal(family, found)
        case Kind.SAID:
            return _on_host(method.destination, found.host)
        case _:
            return _first(method, family, found)


# ----------------------------------------------------------------------------------------- one that is named


def _called_from(destination: str, family: Family, host: Host) -> Found | NotFound:
    source = host.sources.get((family, destination))
    if source is None or not source.address:
        return NotFound(source.reason if source else f"nobody has asked yet how {destination} is reached")
    if not HostAddress(source.address, 0).is_global:
        return NotFound(f"{destination} is called from {source.address}, which nobody else can call")
    found = _on_host(source.address, host)
    return found if found.interface else NotFound(f"{destination} is called from {source.address}, of no interface")


def _internal(family: Family, found: Circumstances) -> Found | NotFound:
    for text in found.internal_addresses:
        try:
            address = ip_address(text)
        except ValueError:
            return NotFound(f"the InternalIP {text!r} of the Node is no address")
        if address.version == family:
            return _on_host(str(address), found.host)
    return NotFound(f"the Node has no InternalIP that is IPv{family}")


def _on_host(text: str, host: Host) -> Found:
    """With the prefix length that its link says; an address of no link, and with none of its own, is alone."""
    address = str(ip_interface(text).ip)
    for interface in host.interfaces:
        for each in interface.addresses:
            if each.address == address:
                return Found(text if "/" in text else each.text, interface.name)
    return Found(text if "/" in text else ip_interface(text).with_prefixlen, "")


# -------------------------------------------------------------------------------------- the first that will do


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
    """An address that would do."""

    interface: HostInterface
    address: HostAddress


def _candidates(method: Method, family: Family, host: Host) -> Iterator[Candidate | str]:
    """What would do, in order; and between them why the rest does not."""
    for interface in sorted(host.interfaces, key=lambda each: -each.index):
        if not _admits(method, interface.name):
            yield f"{interface.name} is left aside by its name"
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
    ("not for calls from elsewhere", lambda address: not address.is_global),
    ("tentative", lambda address: address.tentative),
    ("deprecated", lambda address: address.deprecated),
    ("temporary", lambda address: address.secondary and address.family == 6),
)


def _flaw(method: Method, address: HostAddress) -> str:
    """Why this address will not do, "" if it will."""
    found = next((name for name, holds in _FLAWS if holds(address)), "")
    if found or method.kind is not Kind.CIDR:
        return found
    inside = any(ip_address(address.address) in network for network in method.networks)
    return "" if inside else "outside these networks"
