"""What agents report that only their machines know, and the cluster's resources completed with it. Pure.

    an address   of a family in which the Node has none; it stays until the agent finds another one
    workloads    those of the node that a BGPPeer chose

Rule: a report is that node's own affair. What is not right in it is a problem of the node, and what it reported last
that was right stays. An address that a Node has, or that another node has reported before, is that node's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface

import msgspec

from bgpctl.configuration.compile_options import LocalWorkload
from bgpctl.node_plan.status import Found, FoundWorkload
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.yaml_source.problem import Problem, Severity
from reflector.addresses import FAMILIES, parse_interface_address
from reflector.plan import Family

# What one node may have: more than a kubelet runs pods.
MOST_WORKLOADS, MOST_ADDRESSES, LONGEST_NAME = 1000, 16, 253
NO_ADDRESSES: Mapping[Family, str] = {}


class ReportError(ValueError):
    """A report that is not right. Its text is a clause."""


@dataclass(frozen=True, slots=True)
class Report:
    """Addresses with their prefix lengths, of the families that were found."""

    addresses: Mapping[Family, str] = field(default_factory=dict)
    workloads: tuple[LocalWorkload, ...] = ()


def read_report(text: bytes) -> Report:
    """Of `status.found` of a NodePlan, b"" where there is none. Raises ReportError."""
    try:
        found = msgspec.json.decode(text, type=Found) if text else Found()
    except msgspec.MsgspecError as error:
        raise ReportError(f"it cannot be read: {error}") from error
    if len(found.workloads) > MOST_WORKLOADS:
        raise ReportError(f"it has {len(found.workloads):,} workloads, and a node may have {MOST_WORKLOADS:,}")
    texts: dict[Family, str] = {4: found.ipv4, 6: found.ipv6}
    addresses = {family: _address(each, family) for family, each in texts.items() if each}
    return Report(addresses, tuple(map(_workload, found.workloads)))


def _address(text: str, family: Family) -> str:
    """As it stands in a Node."""
    try:
        canonical = parse_interface_address(text)
        address = ip_interface(canonical).ip
    except ValueError:
        raise ReportError(f"{text[:LONGEST_NAME]!r} is not an address") from None
    if address.version != family:
        raise ReportError(f"{canonical} is not an IPv{family} address")
    if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
        raise ReportError(f"{canonical} cannot be reached from other nodes")
    return canonical


def _workload(found: FoundWorkload) -> LocalWorkload:
    if len(found.addresses) > MOST_ADDRESSES or max(len(found.bgp_peer), len(found.interface)) > LONGEST_NAME:
        raise ReportError(
            f"a workload has more than {MOST_ADDRESSES} addresses, or a name of over {LONGEST_NAME} letters"
        )
    for text in found.addresses:
        try:
            ip_interface(text)
        except ValueError:
            raise ReportError(f"{text[:LONGEST_NAME]!r} of a workload is not an address") from None
    return LocalWorkload(found.bgp_peer, found.interface, found.addresses)


@dataclass(frozen=True, slots=True)
class Completed:
    """resources   with the addresses that were found
    written     the Nodes of `resources` that were completed, as they are written
    workloads   of the nodes that have any
    problems    of the nodes whose report is not right
    """

    resources: ResourceSet
    written: Mapping[str, Node] = field(default_factory=dict)
    workloads: Mapping[str, tuple[LocalWorkload, ...]] = field(default_factory=dict)
    problems: Mapping[str, Problem] = field(default_factory=dict)


@dataclass(slots=True)
class _Known:
    """Of one node: the text of its last report, what of all reports is good, and why the last one is not."""

    text: bytes
    good: Report = field(default_factory=Report)
    refusal: str = ""

    def take(self, text: bytes) -> None:
        self.text = text
        try:
            report = read_report(text)
        except ReportError as error:
            self.refusal = str(error)
        else:
            self.good = replace(report, addresses={**self.good.addresses, **report.addresses})
            self.refusal = ""


@dataclass(frozen=True, slots=True)
class _Node:
    """A Node as it is written, its addresses, and the same completed."""

    node: Node
    own: Mapping[Family, str]
    found: Mapping[Family, str]
    completed: Node


class Completion:
    """From one set of resources and reports to the next."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._nodes: dict[str, _Node] = {}

    def take(self, resources: ResourceSet, reports: Mapping[str, bytes]) -> Completed:
        """`reports` by node, as `read_report` takes them. A node of which there is none keeps what it reported last."""
        self._take_reports(resources, reports)
        if not self._known:
            self._nodes = {}
            return Completed(resources)
        refusals = {name: each.refusal for name, each in self._known.items() if each.refusal}
        found = self._addresses(resources, refusals)
        self._nodes = {
            name: self._completed(name, node, found.get(name, NO_ADDRESSES)) for name, node in resources.nodes.items()
        }
        written = {name: each.node for name, each in self._nodes.items() if each.found}
        return Completed(
            replace(resources, nodes={name: each.completed for name, each in self._nodes.items()})
            if written
            else resources,
            written,
            {name: each.good.workloads for name, each in self._known.items() if each.good.workloads},
            {name: _problem(name, sentence) for name, sentence in sorted(refusals.items())},
        )

    def _take_reports(self, resources: ResourceSet, reports: Mapping[str, bytes]) -> None:
        for name in self._known.keys() - resources.nodes.keys():
            del self._known[name]
        for name, text in reports.items():
            known = self._known.get(name)
            if known is not None and known.text == text:
                continue
            if name in resources.nodes and (known is not None or text):
                self._known.setdefault(name, _Known(b"")).take(text)

    def _addresses(self, resources: ResourceSet, refusals: dict[str, str]) -> dict[str, dict[Family, str]]:
        """Of the families in which a Node has none. Those that were in use go before new ones."""
        owners = {address: name for name, node in resources.nodes.items() for address in self._own(name, node).values()}
        lacking = [
            (name, family, text)
            for name, known in self._known.items()
            for family, text in known.good.addresses.items()
            if family not in self._own(name, resources.nodes[name])
        ]
        found: dict[str, dict[Family, str]] = {}
        for name, family, text in sorted(lacking, key=lambda each: (self._in_use(*each[:2]) != each[2], each)):
            for address in dict.fromkeys((text, self._in_use(name, family))):
                owner = owners.setdefault(address.partition("/")[0], name) if address else name
                if owner != name:
                    refusals.setdefault(name, f"{address} is the address of the node {owner}")
                elif address:
                    found.setdefault(name, {})[family] = address
                    break
        return found

    def _own(self, name: str, node: Node) -> Mapping[Family, str]:
        """Its addresses as they are written, canonical."""
        known = self._nodes.get(name)
        return known.own if known is not None and known.node is node else own_addresses(node)

    def _in_use(self, name: str, family: Family) -> str:
        """What was found before, and is no other node's; "" for nothing."""
        return self._nodes[name].found.get(family, "") if name in self._nodes else ""

    def _completed(self, name: str, node: Node, found: Mapping[Family, str]) -> _Node:
        """A Node that is as it was is the same object, so that whoever compares need not look into it."""
        known = self._nodes.get(name)
        if known is not None and known.node is node and known.found == found:
            return known
        return _Node(node, self._own(name, node), found, node.with_addresses(found) if found else node)


def own_addresses(node: Node) -> Mapping[Family, str]:
    return {family: address for family in FAMILIES if (address := node.address(family))}


def _problem(name: str, sentence: str) -> Problem:
    resource, path = f"NodePlan/{name}", "$.status.found"
    message = f"what the node reports is not used, what it reported before stays: {sentence}"
    return Problem(resource, 0, resource, path, "report-refused", message, Severity.ERROR)


def changed_nodes(before: Completed, after: Completed) -> Iterator[str]:
    """Those of which something is different that does not stand in the resources."""
    yield from _differing(before.written, after.written)
    yield from _differing(before.workloads, after.workloads)


def _differing(before: Mapping[str, object], after: Mapping[str, object]) -> Iterable[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
