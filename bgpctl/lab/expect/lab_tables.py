"""Tables of a running lab for people: the sessions of every node, the routes of one, and the ping matrix."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations

from rich.table import Table
from rich.text import Text

from bgpctl.lab.console import BAD, GOOD, lab_console
from bgpctl.lab.daemons.speaker_view import speaker_peers, speaker_routes
from bgpctl.lab.expect.expectations import Expectations
from bgpctl.lab.netns.kernel import kernel_routes
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.roles import Role
from bgpctl.lab.topology.topology import Node, Topology
from bgpctl.lab.traffic.echo import ping_all
from bgpctl.lab.traffic.ping import Ping
from reflector.messages import PeerStatus, RouteStatus
from reflector.plan import ROUTE_PROTOCOL

_PING_TIMEOUT = 1.0


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


def _sessions(state: LabState, nodes: Iterable[Node]) -> Table:
    table = Table(title="Sessions of every node", title_justify="left")
    for column in ("Node", "Peer", "Address", "AS", "Role", "State", "Since"):
        table.add_column(column)
    for column in ("Received", "Best", "Advertised"):
        table.add_column(column, justify="right")
    for node in nodes:
        peers = speaker_peers(state.node_directory(node.name))
        if peers is None:
            table.add_row(node.name, Text("the speaker does not answer", style=BAD))
        for peer in peers or ():
            table.add_row(node.name, *_session_cells(peer))
        table.add_section()
    return table


def _session_cells(peer: PeerStatus) -> tuple[str | Text, ...]:
    style = GOOD if peer.state.lower() == "established" else BAD
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
    routes = speaker_routes(state.node_directory(node.name), families=(4,)) or ()
    known = {route.prefix: route for route in routes}
    for route in kernel_routes(state.namespace(node.name)):
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
    answered = ping_all(wanted, state.namespace, _PING_TIMEOUT)
    table = Table("from \\ to", *pods, title=title, title_justify="left")
    for source in pods:
        table.add_row(source, *(_ping_cell(Ping(source, target, pods[target]), answered) for target in pods))
    return table


def _ping_cell(ping: Ping, answered: Mapping[Ping, float]) -> Text:
    if ping.source == ping.target:
        return Text("·")
    seconds = answered.get(ping)
    return Text("lost", style=BAD) if seconds is None else Text(f"{seconds * 1000:.2f}", style=GOOD)
