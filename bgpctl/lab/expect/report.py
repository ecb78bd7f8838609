"""Tables for people: the sessions of every node, the routes of one, the ping matrix, and what was expected."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bgpctl.lab.expect import observation
from bgpctl.lab.expect.convergence import TestResult
from bgpctl.lab.expect.expectations import Expectations, Ping
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.topology import Node, Role, Topology
from reflector.messages import PeerStatus, RouteStatus
from reflector.plan import ROUTE_PROTOCOL

_PING_TIMEOUT = 1.0
_WIDTH_OF_A_FILE = 110
_GOOD, _BAD = "green", "bold red"


def print_lab(topology: Topology, node: str, expectations: Expectations) -> None:
    """The three tables of a running lab; `node` "" stands for the first cluster node."""
    console = lab_console()
    state = LabState(topology.name)
    console.print(_sessions(state, topology.agents))
    shown = next((each for each in topology.agents if each.name == node), None)
    shown = shown or next(iter(topology.with_role(Role.NODE)), None)
    if shown is not None:
        console.print(_routes(state, shown))
    for title, addresses in _by_family(expectations):
        console.print(_pings(state, title, addresses))


def print_result(result: TestResult) -> None:
    """One line for every kind of expectation, then everything that is not met."""
    console = lab_console()
    for check in result.checks:
        met = check.expected - len(check.failures)
        mark = Text("ok  ", style=_GOOD) if not check.failures else Text("FAIL", style=_BAD)
        console.print(mark, f"{max(met, 0)} of {check.expected} {check.name}")
        for failure in check.failures:
            console.print(f"       {failure}", highlight=False)
    verdict = "converged after" if result.passed else "not converged after"
    console.print(f"{verdict} {result.seconds:.1f} s")


def lab_console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_OF_A_FILE)


def _sessions(state: LabState, nodes: Iterable[Node]) -> Table:
    table = Table(title="Sessions of every node", title_justify="left")
    for column in ("Node", "Peer", "Address", "AS", "Role", "State", "Since"):
        table.add_column(column)
    for column in ("Received", "Best", "Advertised"):
        table.add_column(column, justify="right")
    for node in nodes:
        peers = observation.speaker_peers(state, node)
        if peers is None:
            table.add_row(node.name, Text("the speaker does not answer", style=_BAD))
        for peer in peers or ():
            table.add_row(node.name, *_session_cells(peer))
        table.add_section()
    return table


def _session_cells(peer: PeerStatus) -> tuple[str | Text, ...]:
    style = _GOOD if peer.state.lower() == "established" else _BAD
    role = f"{peer.session_type} client" if peer.rr_client else str(peer.session_type)
    return (
        peer.peer_node,
        peer.peer_address,
        str(peer.peer_as),
        role,
        Text(peer.state, style=style),
        f"{peer.since:.0f} s",
        str(peer.received),
        str(peer.best),
        str(peer.advertised),
    )


def _routes(state: LabState, node: Node) -> Table:
    title = f"Routes of {node.name}: in the kernel with protocol {ROUTE_PROTOCOL}, and why"
    table = Table("Prefix", "Via", "Device", "BGP next hop", "From", "Originator", "Cluster list", title=title)
    table.title_justify = "left"
    known = observation.speaker_routes(state.node_directory(node.name))
    for route in observation.kernel_routes(state.namespace(node.name)):
        if route.protocol == ROUTE_PROTOCOL:
            table.add_row(route.to, route.via, route.dev or "blackhole", *_bgp_cells(known.get(route.to)))
    return table


def _bgp_cells(route: RouteStatus | None) -> tuple[str, ...]:
    if route is None:
        return ("", "", "", "")
    return (route.next_hop, route.peer or str(route.source), route.originator_id, " ".join(route.cluster_list))


def _by_family(expectations: Expectations) -> Iterator[tuple[str, dict[str, str]]]:
    """The pods that have an address of the family, if there are any."""
    for version, name in ((4, ""), (6, " (IPv6)")):
        of = {
            pod: address
            for pod, addresses in expectations.pods.items()
            for address in addresses
            if ipaddress.ip_address(address).version == version
        }
        if of:
            yield f"Ping matrix of the pods{name}, ms", of


def _pings(state: LabState, title: str, pods: Mapping[str, str]) -> Table:
    wanted = [Ping(source, target, pods[target]) for source, target in permutations(pods, 2)]
    answered = observation.pings(state, wanted, _PING_TIMEOUT)
    table = Table("from \\ to", *pods, title=title, title_justify="left")
    for source in pods:
        table.add_row(source, *(_ping_cell(Ping(source, target, pods[target]), answered) for target in pods))
    return table


def _ping_cell(ping: Ping, answered: Mapping[Ping, float]) -> Text:
    if ping.source == ping.target:
        return Text("·")
    seconds = answered.get(ping)
    return Text("lost", style=_BAD) if seconds is None else Text(f"{seconds * 1000:.2f}", style=_GOOD)
