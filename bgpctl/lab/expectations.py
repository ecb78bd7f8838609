"""What must be true of a lab once it has converged: the lab's expectations.yml, and what of it is not so.

    within: 30                                  # seconds
    sessions:                                   # exactly these, Established, seen from both ends
      - {between: [a1, a2], and: [rr1, rr2]}    # without `and`: every pair of `between`
    routes:                                     # in the kernel, with the routing protocol number of ours
      - {to: 10.244.11.0/26, via: 10.1.0.11, dev: eth1, on: [a2, a3]}
    pings:                                      # every pair, both ways
      pod-a1: 10.244.11.2

Pure: what is seen comes in as values (observation.py), what is missing goes out as sentences.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations, product
from pathlib import Path

from bgpctl.lab.document import DocumentError, Element, read_document, suggestion
from bgpctl.lab.observation import KernelRoute, Session
from bgpctl.lab.topology import Role, Topology
from reflector.plan import ROUTE_PROTOCOL

_DEFAULT_WITHIN = 30
_ESTABLISHED = "established"


@dataclass(frozen=True, slots=True)
class ExpectedRoute:
    """On each node of `on`: the kernel's route to `to`, with this gateway and device."""

    to: str
    via: str
    dev: str
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expectations:
    """`sessions` are (node, peer node), both ways. `pods` maps a node to its address. `within` is seconds."""

    sessions: frozenset[tuple[str, str]] = frozenset()
    routes: tuple[ExpectedRoute, ...] = ()
    pods: Mapping[str, str] = field(default_factory=dict)
    within: float = _DEFAULT_WITHIN

    @property
    def pings(self) -> tuple[tuple[str, str], ...]:
        return tuple(permutations(self.pods, 2))


def read_expectations(file: Path, topology: Topology) -> Expectations:
    """Raises NotReadyError when the file cannot be read, DocumentError with all problems in it."""
    root = read_document(file)
    fields = dict(root.known_fields(("within", "sessions", "routes", "pings")))
    agents = {node.name for node in topology.agents}
    expectations = Expectations(
        sessions=frozenset(_sessions(fields["sessions"], agents)) if "sessions" in fields else frozenset(),
        routes=tuple(_route(item, agents) for item in fields["routes"].items()) if "routes" in fields else (),
        pods=_pods(fields["pings"], topology) if "pings" in fields else {},
        within=fields["within"].number() if "within" in fields else _DEFAULT_WITHIN,
    )
    if root.problems:
        raise DocumentError(root.problems)
    return expectations


def _sessions(element: Element, agents: Collection[str]) -> Iterator[tuple[str, str]]:
    for item in element.items():
        fields = dict(item.known_fields(("between", "and")))
        if "between" not in fields:
            item.complain("`between` is missing")
            continue
        between = _names(fields["between"], agents)
        others = _names(fields["and"], agents) if "and" in fields else between
        for one, other in product(between, others):
            if one != other:
                yield one, other
                yield other, one


def _names(element: Element, known: Collection[str]) -> tuple[str, ...]:
    for item in element.items():
        name = item.text()
        if name not in known:
            item.complain(f"the topology runs no agent on a node {name!r}{suggestion(name, known)}")
    return element.texts()


def _route(element: Element, agents: Collection[str]) -> ExpectedRoute:
    fields = dict(element.known_fields(("to", "via", "dev", "on")))
    for name in ("to", "via", "dev", "on"):
        if name not in fields:
            element.complain(f"`{name}` is missing")
    texts = {name: fields[name].text() if name in fields else "" for name in ("to", "via", "dev")}
    return ExpectedRoute(**texts, on=_names(fields["on"], agents) if "on" in fields else ())


def _pods(element: Element, topology: Topology) -> dict[str, str]:
    known = {node.name for node in topology.with_role(Role.POD)}
    pods = element.text_fields()
    for name, child in element.fields().items():
        if name not in known:
            child.complain(f"the topology has no pod {name!r}{suggestion(name, known)}")
        try:
            ipaddress.IPv4Address(pods[name])
        except ValueError as error:
            child.complain(str(error))
    return pods


def session_failures(expected: Iterable[tuple[str, str]], seen: Mapping[str, tuple[Session, ...]]) -> Iterator[str]:
    """A sentence for each session that is not Established, is missing, or is not expected."""
    states = {(node, session.peer): session.state for node, sessions in seen.items() for session in sessions}
    wanted = set(expected)
    for node, peer in sorted(wanted):
        if node not in seen:
            yield f"{node} -> {peer}: the speaker of {node} does not answer"
        elif (node, peer) not in states:
            yield f"{node} -> {peer}: no such session"
        elif states[node, peer].lower() != _ESTABLISHED:
            yield f"{node} -> {peer}: {states[node, peer]}, not Established"
    for node, peer in sorted(states.keys() - wanted):
        yield f"{node} -> {peer}: a session that nobody expects"


def route_failures(expected: Iterable[ExpectedRoute], seen: Mapping[str, tuple[KernelRoute, ...]]) -> Iterator[str]:
    """A sentence for each expected kernel route that is missing or different."""
    for route in expected:
        wanted = KernelRoute(route.to, route.via, route.dev, ROUTE_PROTOCOL)
        for node in route.on:
            there = [each for each in seen.get(node, ()) if each.to == route.to]
            if wanted not in there:
                instead = "; ".join(map(str, there)) or "no route"
                yield f"{node}: expected {wanted}; seen: {instead}"


def ping_failures(expected: Iterable[tuple[str, str]], answered: Mapping[tuple[str, str], float]) -> Iterator[str]:
    """A sentence for each pair without an answer."""
    return (f"{source} -> {target}: no answer" for source, target in expected if (source, target) not in answered)
