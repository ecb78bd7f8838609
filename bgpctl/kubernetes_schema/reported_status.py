"""The status half of a CalicoNodeStatus, as Calico's API has it. Agents write it (bgpctl/agent/node_status).

Only the schema needs these types, nothing reads a status. A test holds them against what agents write.
"""

from __future__ import annotations

from typing import Annotated, Literal

from bgpctl.resources.values.model import ResourcePart
from bgpctl.resources.values.served import served

Time = Annotated[str, served(format="date-time", nullable=True)]


class DaemonStatus(ResourcePart):
    """The state of the speaker, as that of Calico's daemon of this family."""

    state: Literal["Ready", "NotReady"] | None = None
    """Ready: the speaker runs and answers."""
    version: str = ""
    """Version of the speaker."""
    router_id: str = ""
    """BGP identifier of the node."""
    last_boot_time: str = ""
    """When the speaker was started."""
    last_reconfiguration_time: str = ""
    """When the plan that it runs was put in place."""


class AgentStatus(ResourcePart):
    """Whether the speaker runs. One speaker serves both families, so both have the same state."""

    bird_v4: DaemonStatus = DaemonStatus()
    """The state of the speaker, for IPv4."""
    bird_v6: DaemonStatus = DaemonStatus()
    """The state of the speaker, for IPv6."""


class PeerStatus(ResourcePart):
    """A session."""

    peer_ip: str = ""
    """Address of the peer."""
    type: Literal["NodeMesh", "NodePeer", "GlobalPeer"] | None = None
    """What defines the session: the mesh, a BGPPeer for some nodes, or a BGPPeer for all."""
    state: Literal["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established", "Close"] | None = None
    """State of the session (RFC 4271 8.2.2)."""
    since: str = ""
    """Since when it has been up, or down."""


class BGPStatus(ResourcePart):
    """The sessions of the node."""

    number_established_v4: int
    """Number of IPv4 sessions that are Established."""
    number_not_established_v4: int
    """Number of IPv4 sessions that are not Established."""
    number_established_v6: int
    """Number of IPv6 sessions that are Established."""
    number_not_established_v6: int
    """Number of IPv6 sessions that are not Established."""
    peers_v4: tuple[PeerStatus, ...] = ()
    """The IPv4 sessions."""
    peers_v6: tuple[PeerStatus, ...] = ()
    """The IPv6 sessions."""


class LearnedFrom(ResourcePart):
    """Where a route comes from."""

    source_type: Literal["Kernel", "Static", "Direct", "NodeMesh", "BGPPeer"] | None = None
    """NodeMesh or BGPPeer: from a peer. Static: a route of the node itself. Kernel, Direct: from its kernel."""
    peer_ip: str = ""
    """Address of the peer."""


class RouteStatus(ResourcePart):
    """A route."""

    type: Literal["FIB", "RIB"] | None = None
    """FIB: the route that is used for its destination. RIB: another one."""
    destination: str = ""
    """Prefix of the route."""
    gateway: str = ""
    """Address of the next router; N/A if there is none."""
    interface: str = ""
    """Interface that packets leave by; blackhole or unreachable if they are dropped."""
    learned_from: LearnedFrom | None = None
    """Where the route comes from."""


class RoutesStatus(ResourcePart):
    """The routes of the node."""

    routes_v4: tuple[RouteStatus, ...] = ()
    """The IPv4 routes."""
    routes_v6: tuple[RouteStatus, ...] = ()
    """The IPv6 routes."""


class NodeStatus(ResourcePart):
    """What the node has reported: the classes that were asked for."""

    last_updated: Time = ""
    """When something in the report last changed."""
    agent: AgentStatus | None = None
    """Whether the speaker runs (class Agent)."""
    bgp: BGPStatus | None = None
    """The sessions (class BGP)."""
    routes: RoutesStatus | None = None
    """The routes (class Routes)."""
