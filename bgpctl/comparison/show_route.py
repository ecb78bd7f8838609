"""The output of `birdc show route` or `birdc show route all`, of BIRD 1.6 (Calico's), 2 or 3, as values.

    BIRD 1.6   10.244.1.0/26   via 10.3.0.1 on eth0 [Mesh_10_3_0_1 20:10:57 from 10.3.0.8] * (100/0) [i]
    BIRD 2     10.244.1.0/26   unicast [Mesh_10_3_0_1 20:10:57.439] * (100) [i]
                                       via 10.3.0.1 on eth1

A prefix stands once, in front of the first of its routes; "*" is the one that is used. With `all` attributes follow,
one a line. Rule: each line is one of these, or an error with its number; a route that lacks its second half is one,
too, for it is the sign of a paste that was cut off. Tables beside the master ones are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from bgpctl.comparison.pasted import PastedError, lines_of, quoted
from reflector.addresses import canonical_address, canonical_prefix

UNICAST, BLACKHOLE = "unicast", "blackhole"
_KIND = r"via (?P<via>\S+) on (?P<link>\S+)|dev (?P<dev>\S+)|unicast|blackhole|unreachable|prohibited?|multipath"
_ROUTE = re.compile(
    rf"(?:(?P<prefix>\S+)\s+|\s*)(?P<kind>{_KIND})\s+"
    r"\[(?P<protocol>\S+) (?P<since>[^\]]*?)(?: from (?P<from>\S+))?\](?P<mark> [*!])?(?P<rest> .*)?"
)
_WAY = re.compile(r"\s+(?:via (?P<via>\S+) on (?P<link>\S+)|dev (?P<dev>\S+))(?: (?:onlink|weight \d+|mpls \S+))*")
_ATTRIBUTE = re.compile(r"\s+(?P<name>[A-Za-z][\w.-]*(?: [a-z]+)*):(?: (?P<value>.*))?")
_TABLE = re.compile(r"Table (?P<name>\S+):")
_CONTINUED = re.compile(r"(?:\t\t| {9,}).*")
_MASTER = frozenset({"master", "master4", "master6"})
_ORIGIN = re.compile(r".*\[(?:AS\d+)?[ie?]\]")
# Calico's names: Mesh_10_0_0_1, Node_fd00__1, Global_10_0_0_1_port_180.
_PEER = re.compile(r"(?:Mesh|Node|Global|Local_Workload)_(?P<address>[0-9A-Fa-f_]+?)(?:_port_\d+)?$")
_DOTS = 3
# Names of attributes in BIRD 1.6 and 2, and in BIRD 3.
_NEXT_HOP, _LOCAL_PREF = frozenset({"BGP.next_hop", "bgp_next_hop"}), frozenset({"BGP.local_pref", "bgp_local_pref"})
_NEEDS_WAYS = frozenset({"unicast", "multipath"})


@dataclass(frozen=True, slots=True)
class Way:
    """One way out: a gateway, "" for a network that is on the link."""

    gateway: str
    link: str


@dataclass(frozen=True, slots=True)
class BirdRoute:
    """One route of BIRD's table.

    kind         unicast, blackhole, unreachable or prohibited
    protocol     the name of BIRD's protocol that it comes from: Mesh_10_0_0_1, static1, kernel1, direct1
    sender       the peer's address where BIRD writes it (it is not the gateway), else ""
    is_used      BIRD's choice among the routes of the prefix
    in_kernel    False: it is used and BIRD could not put it into the kernel
    next_hop, local_pref   of the BGP attributes, "" and None without `all`
    shows_origin   an ORIGIN of BGP stands behind it
    line         where it stands
    """

    prefix: str
    kind: str
    protocol: str
    line: int
    ways: tuple[Way, ...] = ()
    sender: str = ""
    is_used: bool = False
    in_kernel: bool = True
    next_hop: str = ""
    local_pref: int | None = None
    shows_origin: bool = False

    @property
    def is_by_bgp(self) -> bool:
        """By the names that Calico gives its protocols; other ones show the ORIGIN behind the route."""
        return bool(_PEER.match(self.protocol)) or self.shows_origin

    @property
    def peer(self) -> str:
        """The address of the peer that it comes from, "" where nothing says it."""
        if self.sender or not self.is_by_bgp:
            return self.sender
        found = _PEER.match(self.protocol)
        if found is None:
            return self.gateways[0] if len(self.gateways) == 1 else ""
        text = found["address"]
        try:
            return canonical_address(text.replace("_", "." if text.count("_") == _DOTS else ":"))
        except ValueError:
            return ""

    @property
    def gateways(self) -> tuple[str, ...]:
        return tuple(way.gateway for way in self.ways if way.gateway)


def read_show_route(text: str) -> tuple[BirdRoute, ...]:
    """In the order of the text. Raises PastedError."""
    reader = _Reader()
    for number, line in lines_of(text):
        reader.take(number, line)
    return reader.finish()


@dataclass(slots=True)
class _Reader:
    """`open` is the route whose lines are being read."""

    routes: list[BirdRoute] = field(default_factory=list)
    open: BirdRoute | None = None
    prefix: str = ""
    is_skipping: bool = False
    has_attributes: bool = False
    attributes_of: set[int] = field(default_factory=set)

    def take(self, number: int, line: str) -> None:
        if table := _TABLE.fullmatch(line):
            self._close()
            self.is_skipping, self.prefix = table["name"] not in _MASTER, ""
        elif self.is_skipping:
            return
        elif route := _ROUTE.fullmatch(line):
            self._close()
            self.open = self._begin(number, line, route)
        elif self.open is not None and (way := _WAY.fullmatch(line)):
            self.open = replace(self.open, ways=(*self.open.ways, _way(number, way)))
        elif self.open is not None and (attribute := _ATTRIBUTE.fullmatch(line)):
            self.attributes_of.add(self.open.line)
            self.has_attributes = True
            self.open = _with_attribute(self.open, number, attribute)
        elif not (self.open is not None and self.open.line in self.attributes_of and _CONTINUED.fullmatch(line)):
            raise PastedError(number, _no_line_of_it(line))

    def finish(self) -> tuple[BirdRoute, ...]:
        self._close()
        bare = next((each for each in self.routes if each.line not in self.attributes_of), None)
        if self.has_attributes and bare is not None:
            raise PastedError(bare.line, "this route has no attributes, and others have: the paste is cut off")
        return tuple(self.routes)

    def _begin(self, number: int, line: str, found: re.Match[str]) -> BirdRoute:
        if found["prefix"]:
            self.prefix = _checked(number, found["prefix"], canonical_prefix, "prefix")
        if not self.prefix:
            raise PastedError(
                number, f"a route without a prefix, {quoted(line)}: the beginning of the paste is missing"
            )
        first = (_way(number, found),) if found["via"] or found["dev"] else ()
        return BirdRoute(
            prefix=self.prefix,
            kind=UNICAST if first or found["kind"] in _NEEDS_WAYS else found["kind"],
            protocol=found["protocol"],
            line=number,
            ways=first,
            sender=_checked(number, found["from"], canonical_address, "address") if found["from"] else "",
            is_used=bool(found["mark"]),
            in_kernel=found["mark"] != " !",
            shows_origin=bool(_ORIGIN.fullmatch(found["rest"] or "")),
        )

    def _close(self) -> None:
        if self.open is None:
            return
        if self.open.kind == UNICAST and not self.open.ways:
            raise PastedError(self.open.line, f"the route to {self.open.prefix} has no next hop: the paste is cut off")
        self.routes.append(self.open)
        self.open = None


def _way(number: int, found: re.Match[str]) -> Way:
    if found["dev"]:
        return Way("", found["dev"])
    return Way(_checked(number, found["via"], canonical_address, "address"), found["link"])


def _with_attribute(route: BirdRoute, number: int, found: re.Match[str]) -> BirdRoute:
    name, value = found["name"], (found["value"] or "").strip()
    if name in _NEXT_HOP:
        # Of IPv6 the link-local one stands behind it.
        return replace(route, next_hop=_checked(number, (value.split() or [""])[0], canonical_address, "next hop"))
    if name in _LOCAL_PREF:
        if not (value.isascii() and value.isdecimal()):
            raise PastedError(number, f"{quoted(value)} is no LOCAL_PREF")
        return replace(route, local_pref=int(value))
    return route


def _checked(number: int, text: str, read: object, what: str) -> str:
    try:
        return str(read(text.partition("%")[0]))  # type: ignore[operator]
    except ValueError:
        raise PastedError(number, f"{quoted(text)} is no {what}") from None


def _no_line_of_it(line: str) -> str:
    """What it is instead, where that is known."""
    if re.search(r"\b(?:BGP|Static|Kernel|Direct|Device)\s+(?:\S+\s+)?(?:up|down|start|stop)\b", line):
        return f"{quoted(line)} is of `birdc show protocols`; paste `birdc show route all`"
    if re.match(r"\s*(?:default|\S+) (?:via|dev) \S.*\b(?:proto|scope|metric)\b", line):
        return f"{quoted(line)} is of `ip route`; paste `birdc show route all`"
    return f"{quoted(line)} is no line of `birdc show route`"
