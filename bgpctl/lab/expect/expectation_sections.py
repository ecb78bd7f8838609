"""Reads the sections of expectations.yml: sessions, routes, bgp, pings. An event's `expect` has the same ones.

The rule: a name is a node of the topology or a set of the section `sets`; whatever is neither is a problem with file,
line and field, and with the name that was perhaps meant.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from bgpctl.lab.expect.expectations import (
    DEFAULT_WITHIN,
    Expectations,
    ExpectedBgpRoute,
    ExpectedRoute,
    Pair,
    Pairs,
)
from bgpctl.lab.topology.document import Element, suggestion
from bgpctl.lab.topology.node_names import NodeNames

SECTIONS = ("within", "sessions", "routes", "bgp", "pings", "unreachable", "reachable", "ignore")
_STATES = ("between", "down", "never")
_ROUTE_FIELDS = ("to", "via", "dev", "on", "absent", "blackhole")
_BGP_FIELDS = ("prefix", "on", "next_hop", "as_path", "local_pref", "communities", "stale", "absent")


def read_sections(
    root: Element, fields: Mapping[str, Element], names: NodeNames, within: float = DEFAULT_WITHIN
) -> Expectations:
    """`fields` are those of `root`, already known ones; a section that is absent expects nothing."""
    sessions = _sessions(fields.get("sessions"), names)
    pods = _pods(fields.get("pings"), names)
    expectations = Expectations(
        sessions=sessions["between"],
        down=sessions["down"],
        never=sessions["never"],
        routes=tuple(_route(item, names) for item in _items(fields.get("routes"))),
        bgp=tuple(_bgp_route(item, names) for item in _items(fields.get("bgp"))),
        pods=pods,
        unreachable=_pairs(fields.get("unreachable"), names),
        reachable=_pairs(fields.get("reachable"), names),
        ignored=frozenset(names.expand(fields["ignore"], names.nodes, "the topology has no node"))
        if "ignore" in fields
        else frozenset(),
        within=fields["within"].number() if "within" in fields else within,
    )
    for one, other in sorted((sessions["between"] & sessions["never"]) | (sessions["between"] & sessions["down"])):
        if one < other:
            root.complain(f"the session between {one} and {other} is expected both Established and not")
    return expectations


def _items(element: Element | None) -> list[Element]:
    return element.items() if element else []


def _sessions(element: Element | None, names: NodeNames) -> dict[str, Pairs]:
    found: dict[str, set[Pair]] = {state: set() for state in _STATES}
    for item in _items(element):
        fields = dict(item.known_fields((*_STATES, "and")))
        states = [state for state in _STATES if state in fields]
        if len(states) != 1:
            item.complain("`between` is missing" if not states else f"only one of {', '.join(states)} is possible")
            continue
        between = names.expand(fields[states[0]], names.speakers, "no agent and no BGP daemon on a node")
        ends = _both_ways(between, _others(fields, between, names))
        # The other end may be one that cannot be asked: a host that plays a peer.
        found[states[0]] |= {(node, peer) for node, peer in ends if node in names.speakers}
    return {state: frozenset(pairs) for state, pairs in found.items()}


def _others(fields: Mapping[str, Element], between: tuple[str, ...], names: NodeNames) -> tuple[str, ...]:
    return names.expand(fields["and"], names.nodes, "the topology has no node") if "and" in fields else between


def _both_ways(between: Iterable[str], others: Iterable[str]) -> Iterator[Pair]:
    for one, other in product(between, others):
        if one != other:
            yield one, other
            yield other, one


def _pairs(element: Element | None, names: NodeNames) -> Pairs:
    """[{between: [pod-a], and: [pod-b]}], like sessions."""
    found: set[Pair] = set()
    for item in _items(element):
        fields = dict(item.known_fields(("between", "and")))
        if "between" not in fields:
            item.complain("`between` is missing")
            continue
        between = names.expand(fields["between"], names.nodes, "the topology has no node")
        found |= set(_both_ways(between, _others(fields, between, names)))
    return frozenset(found)


def _route(element: Element, names: NodeNames) -> ExpectedRoute:
    fields = dict(element.known_fields(_ROUTE_FIELDS))
    absent = _flag(fields.get("absent"))
    blackhole = _flag(fields.get("blackhole"))
    for name in ("to", "on"):
        if name not in fields:
            element.complain(f"`{name}` is missing")
    if not (absent or blackhole or "via" in fields or "dev" in fields):
        element.complain("`via` is missing, or `dev`, `blackhole: true` or `absent: true`")
    return ExpectedRoute(
        to=_prefix(fields.get("to")),
        via=tuple(sorted(filter(None, map(_address, _one_or_more(fields.get("via")))))),
        dev=fields["dev"].text() if "dev" in fields else "",
        on=names.expand(fields["on"], names.nodes, "the topology has no node") if "on" in fields else (),
        absent=absent,
        blackhole=blackhole,
    )


def _bgp_route(element: Element, names: NodeNames) -> ExpectedBgpRoute:
    fields = dict(element.known_fields(_BGP_FIELDS))
    for name in ("prefix", "on"):
        if name not in fields:
            element.complain(f"`{name}` is missing")
    what = "no agent and no BGP daemon on a node"
    return ExpectedBgpRoute(
        prefix=_prefix(fields.get("prefix")),
        on=names.expand(fields["on"], names.speakers, what) if "on" in fields else (),
        next_hop=_address(fields["next_hop"]) if "next_hop" in fields else None,
        as_path=fields["as_path"].text() if "as_path" in fields else None,
        local_pref=fields["local_pref"].number() if "local_pref" in fields else None,
        communities=tuple(item.text() for item in _one_or_more(fields.get("communities"))),
        stale=_flag(fields["stale"]) if "stale" in fields else None,
        absent=_flag(fields.get("absent")),
    )


def _pods(element: Element | None, names: NodeNames) -> dict[str, tuple[str, ...]]:
    pods = {}
    for name, child in element.fields().items() if element else ():
        if name not in names.nodes:
            child.complain(f"the topology has no node {name!r}{suggestion(name, names.nodes)}")
        pods[name] = tuple(filter(None, map(_address, _one_or_more(child))))
    return pods


def _one_or_more(element: Element | None) -> list[Element]:
    if element is None:
        return []
    return element.items() if isinstance(element.data, tuple) else [element]


def _flag(element: Element | None) -> bool:
    if element is None:
        return False
    if element.text() not in ("true", "false"):
        element.complain(f"{element.text()!r} is not true or false")
    return element.text() == "true"


def _address(element: Element) -> str:
    """As the kernel writes it; "" for an empty value."""
    if not element.text():
        return ""
    try:
        return str(ipaddress.ip_address(element.text()))
    except ValueError as error:
        element.complain(str(error))
        return ""


def _prefix(element: Element | None) -> str:
    """With its length, "default" too would be ambiguous: 0.0.0.0/0 or ::/0."""
    if element is None:
        return ""
    try:
        return str(ipaddress.ip_network(element.text()))
    except ValueError as error:
        element.complain(str(error))
        return ""
