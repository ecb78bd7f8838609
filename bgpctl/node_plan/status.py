"""The status of a NodePlan: what the agent of the node reports of it, for people and for the controller.

Fields have the names that Kubernetes objects use (camelCase). What the controller compiles with, because only the
machine knows it, is in `found`.
"""

from __future__ import annotations

from msgspec import Struct

READY, APPLIED, HELD, DEGRADED = "Ready", "Applied", "Held", "Degraded"


class Condition(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Of the Kubernetes API conventions; `status` is "True" or "False", the time RFC 3339."""

    type: str
    status: str
    reason: str
    message: str = ""
    last_transition_time: str = ""


class Sessions(Struct, frozen=True, rename="camel"):
    """`summary` is "UP/EXPECTED", a column; `down` the first of those that are down, "NAME: REASON"."""

    up: int = 0
    expected: int = 0
    summary: str = "0/0"
    down: tuple[str, ...] = ()


class Routes(Struct, frozen=True, rename="camel"):
    """Kernel routes; both 0 where the kernel is left alone."""

    wanted: int = 0
    installed: int = 0


class HeldDifference(Struct, frozen=True, rename="camel"):
    """As `bgpctl status` prints it."""

    kind: str
    sentence: str
    causes: tuple[str, ...] = ()


class Held(Struct, frozen=True, rename="camel"):
    """`digest` confirms all of it; `differences` are the first ones."""

    digest: str = ""
    count: int = 0
    differences: tuple[HeldDifference, ...] = ()


class FoundWorkload(Struct, frozen=True, rename="camel"):
    """A workload of the node that a BGPPeer with a localWorkloadSelector chose."""

    bgp_peer: str
    interface: str
    addresses: tuple[str, ...]


class Found(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What only the machine knows. ipv4, ipv6: its addresses with their prefix lengths, where they are detected."""

    ipv4: str = ""
    ipv6: str = ""
    workloads: tuple[FoundWorkload, ...] = ()


class NodePlanStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """digest      of the NodePlan that is in force, but for what of it is held; "" before the first
    running     digest of the NodePlan all of whose plan is in force: nothing of it is held or refused
    applied_at  when that came into force, RFC 3339
    retention   one sentence while routes are retained
    version     of the agent; `speaker` its speaker's state
    """

    digest: str = ""
    running: str = ""
    applied_at: str = ""
    sessions: Sessions = Sessions()
    routes: Routes = Routes()
    held: Held = Held()
    problems: tuple[str, ...] = ()
    retention: str = ""
    version: str = ""
    speaker: str = ""
    found: Found = Found()
    conditions: tuple[Condition, ...] = ()
