"""The links of a containerlab topology: a veth pair between two nodes, or a dummy interface in one.

Both forms of containerlab are read: the brief one (`endpoints: ["a1:eth1", "b1:eth1"]`, addresses in `ipv4` and
`ipv6` in the order of the endpoints, "" for none) and the extended one (`type`, endpoints as mappings). Link types
that would reach out of the lab into the host are refused: nothing of a lab is ever outside its namespaces.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Set
from dataclasses import dataclass, replace

from bgpctl.lab.topology.document import Element, suggestion

# IFNAMSIZ is 16 with the closing zero; '/' and white space are refused by the kernel.
_INTERFACE = re.compile(r"[^\s/:]{1,15}")
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_LINK_FIELDS = ("type", "endpoints", "endpoint", "mtu", "ipv4", "ipv6", "vars", "labels")
_ENDPOINTS = {"veth": 2, "dummy": 1}
_OUTSIDE = ("host", "mgmt-net", "macvlan", "vxlan", "vxlan-stitch", "veth-stitch")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a link. `addresses` have a prefix length; `mac` "" lets the kernel choose."""

    node: str
    interface: str
    mac: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Two endpoints: a veth pair; one: a dummy interface. `mtu` 0 is the kernel's default."""

    endpoints: tuple[Endpoint, ...]
    line: int
    path: str
    mtu: int = 0


def read_links(element: Element, nodes: Set[str]) -> tuple[Link, ...]:
    """All links of `topology.links` that are sound; problems go to the document."""
    taken: set[tuple[str, str]] = set()
    links = []
    for item in element.items():
        link = _read_link(item, nodes)
        for end in link.endpoints:
            if (end.node, end.interface) in taken:
                item.complain(f"interface {end.interface!r} of node {end.node!r} is used by another link already")
            taken.add((end.node, end.interface))
        links.append(link)
    return tuple(links)


def _read_link(element: Element, nodes: Set[str]) -> Link:
    kind = element.fields()["type"].text() if "type" in element.fields() else "veth"
    if kind not in _ENDPOINTS:
        why = "would reach out of the lab" if kind in _OUTSIDE else f"is unknown{suggestion(kind, _ENDPOINTS)}"
        element.complain(f"link type {kind!r} {why}; a lab has veth and dummy links")
        return Link((), element.line, element.path)
    fields = dict(element.known_fields(_LINK_FIELDS))
    ends = fields["endpoints"].items() if "endpoints" in fields else []
    if "endpoint" in fields:
        ends = [*ends, fields["endpoint"]]
    if len(ends) != _ENDPOINTS[kind]:
        element.complain(f"a {kind} link has {_ENDPOINTS[kind]} endpoints, this one has {len(ends)}")
        return Link((), element.line, element.path)
    endpoints = [_read_endpoint(end, nodes) for end in ends]
    for family in ("ipv4", "ipv6"):
        if family in fields:
            endpoints = _with_addresses(endpoints, fields[family])
    mtu = fields["mtu"].number() if "mtu" in fields else 0
    return Link(tuple(endpoints), element.line, element.path, mtu)


def _with_addresses(endpoints: list[Endpoint], element: Element) -> list[Endpoint]:
    """Containerlab's list on the link: the first address is the first endpoint's, and so on."""
    addresses = element.items()
    if len(addresses) > len(endpoints):
        element.complain(f"{len(addresses)} addresses for {len(endpoints)} endpoints")
    padded = [_address(item) for item in addresses] + [""] * len(endpoints)
    return [
        replace(end, addresses=(*end.addresses, address)) if address else end
        for end, address in zip(endpoints, padded, strict=False)
    ]


def _read_endpoint(element: Element, nodes: Set[str]) -> Endpoint:
    if isinstance(element.data, dict):
        endpoint = _extended_endpoint(element)
    else:
        node, colon, interface = element.text().partition(":")
        if not colon:
            element.complain(f"{node!r} is no endpoint: write NODE:INTERFACE")
            return Endpoint(node, "")
        endpoint = Endpoint(node, interface)
    if endpoint.node not in nodes:
        element.complain(f"unknown node {endpoint.node!r}{suggestion(endpoint.node, nodes)}")
    if not _INTERFACE.fullmatch(endpoint.interface):
        element.complain(f"{endpoint.interface!r} is no interface name: 1 to 15 characters without '/' and spaces")
    return endpoint


def _extended_endpoint(element: Element) -> Endpoint:
    fields = dict(element.known_fields(("node", "interface", "mac", "ipv4", "ipv6", "vars")))
    texts = {name: fields[name].text() if name in fields else "" for name in ("node", "interface", "mac")}
    if texts["mac"] and not _MAC.fullmatch(texts["mac"]):
        fields["mac"].complain(f"{texts['mac']!r} is no MAC address")
    addresses = tuple(_address(fields[name]) for name in ("ipv4", "ipv6") if name in fields)
    return Endpoint(texts["node"], texts["interface"], texts["mac"], tuple(filter(None, addresses)))


def _address(element: Element) -> str:
    text = element.text()
    if not text:
        return ""
    try:
        ipaddress.ip_interface(text)
    except ValueError as error:
        element.complain(str(error))
        return ""
    if "/" not in text:
        element.complain(f"{text!r} needs its prefix length, for example {text}/24")
    return text
