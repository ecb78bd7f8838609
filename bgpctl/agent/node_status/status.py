"""The status of a CalicoNodeStatus: what this node's BGP does, in the words of Calico's API. Pure.

    Agent     the speaker, once for each family: BIRD has a daemon for each, ours serves both
    BGP       the sessions and how many of them are Established
    Routes    the Loc-RIB: selected routes (FIB), and the other candidates (RIB)

Only the classes that are asked for are there. docs/calico-quirks.md lists the differences from Calico's answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from bgpctl.fib.kernel.forwarding import NextHop
from reflector.addresses import family_of
from reflector.messages import PeerStatus, RouteStatus
from reflector.plan import Family, RouteSource, SessionKind

ESTABLISHED = "Established"
NO_GATEWAY = "N/A"
BLACKHOLE, UNREACHABLE = "blackhole", "unreachable"

# Calico has no word for a session with a local workload, and leaves it out.
PEER_TYPES = {SessionKind.MESH: "NodeMesh", SessionKind.NODE: "NodePeer", SessionKind.GLOBAL: "GlobalPeer"}
# As RFC 4271 8.2.2 spells them; the session layer has its own capitals.
STATES = {name.lower(): name for name in ("Idle", "Connect", "Active", "OpenSent", "OpenConfirm", ESTABLISHED, "Close")}
SOURCE_TYPES = {
    RouteSource.BLOCK: "Static",
    RouteSource.SERVICE: "Static",
    RouteSource.STATIC: "Static",
    RouteSource.KERNEL: "Kernel",
    RouteSource.DIRECT: "Direct",
}


class _Part(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A part of the status under its YAML names; what is empty is left out."""


class DaemonStatus(_Part, frozen=True):
    state: str
    version: str = ""
    router_id: str = msgspec.field(default="", name="routerID")
    last_boot_time: str = ""
    last_reconfiguration_time: str = ""


class AgentPart(_Part, frozen=True):
    bird_v4: DaemonStatus
    bird_v6: DaemonStatus


class PeerPart(_Part, frozen=True):
    peer_ip: str = msgspec.field(name="peerIP")
    type: str
    state: str
    since: str


class BGPPart(_Part, frozen=True):
    number_established_v4: int
    number_not_established_v4: int
    number_established_v6: int
    number_not_established_v6: int
    peers_v4: tuple[PeerPart, ...] = ()
    peers_v6: tuple[PeerPart, ...] = ()


class LearnedFrom(_Part, frozen=True):
    source_type: str
    peer_ip: str = msgspec.field(default="", name="peerIP")


class RoutePart(_Part, frozen=True):
    type: str
    destination: str
    gateway: str
    learned_from: LearnedFrom
    interface: str = ""


class RoutesPart(_Part, frozen=True):
    routes_v4: tuple[RoutePart, ...] = ()
    routes_v6: tuple[RoutePart, ...] = ()


class NodeStatus(_Part, frozen=True):
    """`last_updated` is when something in it last changed."""

    last_updated: str = ""
    agent: AgentPart | None = None
    bgp: BGPPart | None = None
    routes: RoutesPart | None = None


@dataclass(frozen=True)
class SpeakerFacts:
    """The answers of a running speaker. Moments are seconds since the epoch.

    changed_at     when each session, by its name, came up or went down
    forwarding     prefix -> how the kernel forwards it, of the routes that we program
    unresolved     prefixes whose next hops the kernel has no way to
    """

    booted_at: float
    configured_at: float
    router_id: str
    peers: tuple[PeerStatus, ...] = ()
    changed_at: Mapping[str, float] = field(default_factory=dict)
    routes: tuple[RouteStatus, ...] = ()
    forwarding: Mapping[str, tuple[NextHop, ...]] = field(default_factory=dict)
    unresolved: frozenset[str] = frozenset()


def node_status(classes: Iterable[str], version: str, speaker: SpeakerFacts | None) -> NodeStatus:
    """The status of these classes, without its time. `speaker` None: there is none that answers; then nothing is
    known of sessions and routes."""
    wanted = frozenset(classes)
    return NodeStatus(
        agent=_agent(version, speaker) if "Agent" in wanted else None,
        bgp=_bgp(speaker) if "BGP" in wanted else None,
        routes=_routes(speaker) if "Routes" in wanted else None,
    )


def moment(seconds: float) -> str:
    """RFC 3339, in UTC and whole seconds."""
    return datetime.fromtimestamp(round(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _agent(version: str, speaker: SpeakerFacts | None) -> AgentPart:
    daemon = DaemonStatus("NotReady")
    if speaker is not None:
        # A speaker starts with a plan that may be older than itself.
        configured_at = max(speaker.configured_at, speaker.booted_at)
        daemon = DaemonStatus("Ready", version, speaker.router_id, moment(speaker.booted_at), moment(configured_at))
    return AgentPart(daemon, daemon)


def _bgp(speaker: SpeakerFacts | None) -> BGPPart:
    peers: dict[Family, tuple[PeerPart, ...]] = {4: (), 6: ()}
    if speaker is not None:
        peers = {family: tuple(_peers(speaker, family)) for family in peers}
    established = {family: sum(each.state == ESTABLISHED for each in peers[family]) for family in peers}
    return BGPPart(
        established[4],
        len(peers[4]) - established[4],
        established[6],
        len(peers[6]) - established[6],
        peers[4],
        peers[6],
    )


def _peers(speaker: SpeakerFacts, family: Family) -> Iterable[PeerPart]:
    for peer in speaker.peers:
        if peer.kind in PEER_TYPES and family_of(peer.peer_address) == family:
            state = STATES.get(peer.state.lower(), peer.state)
            yield PeerPart(peer.peer_address, PEER_TYPES[peer.kind], state, moment(speaker.changed_at[peer.name]))


def _routes(speaker: SpeakerFacts | None) -> RoutesPart:
    if speaker is None:
        return RoutesPart()
    peers = {peer.name: peer for peer in speaker.peers}
    routes: dict[Family, list[RoutePart]] = {4: [], 6: []}
    for route in speaker.routes:
        gateway, interface = _way_out(route, speaker)
        learned_from = _learned_from(route, peers.get(route.peer))
        part = RoutePart("FIB" if route.selected else "RIB", route.prefix, gateway, learned_from, interface)
        routes[family_of(route.prefix)].append(part)
    return RoutesPart(tuple(routes[4]), tuple(routes[6]))


def _learned_from(route: RouteStatus, peer: PeerStatus | None) -> LearnedFrom:
    if route.source is not RouteSource.BGP:
        return LearnedFrom(SOURCE_TYPES[route.source])
    is_mesh = peer is not None and peer.kind is SessionKind.MESH
    return LearnedFrom("NodeMesh" if is_mesh else "BGPPeer", peer.peer_address if peer else "")


def _way_out(route: RouteStatus, speaker: SpeakerFacts) -> tuple[str, str]:
    """Gateway and interface. Of a BGP route the kernel's if it has the route, else the BGP next hop."""
    if route.source is not RouteSource.BGP:
        is_ours = SOURCE_TYPES[route.source] == "Static" and not route.next_hop
        return route.next_hop or NO_GATEWAY, route.interface or (BLACKHOLE if is_ours else "")
    if not route.selected:
        return route.next_hop, ""
    hops = speaker.forwarding.get(route.prefix, ())
    if hops:
        hop = next((each for each in hops if each.gateway == route.next_hop), hops[0])
        return hop.gateway or NO_GATEWAY, hop.interface
    return (NO_GATEWAY, UNREACHABLE) if route.prefix in speaker.unresolved else (route.next_hop, "")
