"""The status of a NodePlan: what the agent of the node reports of it, for people and for the controller.

Fields have the names that Kubernetes objects use (camelCase). What the controller compiles with, because only the
machine knows it, is in `found`.
"""

from __future__ import annotations

from msgspec import Struct

READY, APPLIED, HELD, DEGRADED = "Ready", "Applied", "Held", "Degraded"


class Condition(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A condition of the Kubernetes API conventions."""

    type: str
    """Ready, Applied, Held or Degraded."""
    status: str
    """True or False."""
    reason: str
    """The reason as one word."""
    message: str = ""
    """The reason as a sentence."""
    last_transition_time: str = ""
    """Since when the condition has had this status."""


class Sessions(Struct, frozen=True, rename="camel"):
    """The sessions of the node."""

    up: int = 0
    """Number of sessions that are Established."""
    expected: int = 0
    """Number of sessions that the plan has."""
    summary: str = "0/0"
    """Both, UP/EXPECTED."""
    down: tuple[str, ...] = ()
    """The first of those that are down, NAME: REASON."""


class Routes(Struct, frozen=True, rename="camel"):
    """The kernel routes of the node; none where the kernel is left alone."""

    wanted: int = 0
    """Number of routes that the kernel is to have."""
    installed: int = 0
    """Number of these that it has."""


class HeldDifference(Struct, frozen=True, rename="camel"):
    """A difference that is held, as `bgpctl status` prints it."""

    kind: str
    """What kind of loss it would be."""
    sentence: str
    """What the node would lose."""
    causes: tuple[str, ...] = ()
    """The objects that ask for it."""


class Held(Struct, frozen=True, rename="camel"):
    """What of the plan is not put in place until somebody confirms it."""

    digest: str = ""
    """Confirms all of it (bgpctl.io/confirm)."""
    count: int = 0
    """Number of differences that are held."""
    differences: tuple[HeldDifference, ...] = ()
    """The first of them."""


class FoundWorkload(Struct, frozen=True, rename="camel"):
    """A workload of the node that a BGPPeer with a localWorkloadSelector chose."""

    bgp_peer: str
    """Name of the BGPPeer."""
    interface: str
    """Interface of the node that leads to the workload."""
    addresses: tuple[str, ...]
    """Addresses of the workload."""


class Found(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What only the machine knows. The controller compiles with it."""

    ipv4: str = ""
    """The IPv4 address of the node with its prefix length, where it is detected."""
    ipv6: str = ""
    """The IPv6 address of the node with its prefix length, where it is detected."""
    workloads: tuple[FoundWorkload, ...] = ()
    """The workloads that peer with the node."""


class NodePlanStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the agent of the node reports."""

    digest: str = ""
    """Digest of the NodePlan that is in force, but for what of it is held. Missing before the first."""
    running: str = ""
    """Digest of the NodePlan all of whose plan is in force: nothing of it is held or refused."""
    applied_at: str = ""
    """When that came into force."""
    sessions: Sessions = Sessions()
    """The sessions of the node."""
    routes: Routes = Routes()
    """The kernel routes of the node; none where the kernel is left alone."""
    held: Held = Held()
    """What of the plan is not put in place until somebody confirms it."""
    problems: tuple[str, ...] = ()
    """What is wrong at the node, each a sentence."""
    retention: str = ""
    """One sentence while routes are retained."""
    version: str = ""
    """Version of the agent."""
    speaker: str = ""
    """State of the speaker."""
    found: Found = Found()
    """What only the machine knows. The controller compiles with it."""
    conditions: tuple[Condition, ...] = ()
    """Ready: the node does its work. Applied: all of its NodePlan is in force. Held: something of that is held.
    Degraded: something works less well than it should."""
