"""The spec of a NodePlan: what the controller writes and the agent of the node reads.

    node         the node that it is for, which is the object's name as well
    revision     the revision of the configuration that it was compiled of
    digest       of what is assigned: twelve hexadecimal digits
    plan         the assignment (assignment.py), its sessions in groups (session_groups.py); "" fields are left out
    compressed   in its place, where the plan is large: the same JSON, gzip, in base64. `bgpctl plan show` prints it

An object of etcd may have 1.5 MiB, so MOST_OCTETS is less. A plan that does not fit is an error, and never written in
part.
"""

from __future__ import annotations

import gzip
import zlib
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from bgpctl.compiler.cluster.service_routes import ServiceRules
from bgpctl.node_plan.assignment import (
    NO_FACTS,
    NO_OWN_NODE,
    NO_TRANSITION,
    Assignment,
    OwnNode,
    PlanFacts,
    StatusRequest,
    Transition,
)
from bgpctl.node_plan.session_groups import SessionGroup, grouped, ungrouped
from reflector.plan import PLAN_VERSION, NodePlan, Value

DIGITS = 12
# Up to this many octets a plan is readable as it stands in the object.
MOST_READABLE = 32 << 10
MOST_OCTETS = 1 << 20
# What a plan may have once it is read: what comes out of a few octets must not fill the memory of an agent.
MOST_EXPANDED = 64 << 20
GZIP = 16 + zlib.MAX_WBITS


class PlanTooLargeError(ValueError):
    """A plan that no object has room for."""


class UnreadablePlanError(ValueError):
    """An object that no plan can be read from. Its text says why, and names no object."""


class NodePlanSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the node is to run. It has no passwords in it, only the names of Secrets."""

    node: str
    """Name of the node."""
    digest: str
    """Of what is assigned to the node, twelve hexadecimal digits. Equal digests ask for the same."""
    revision: str = ""
    """The revision of the configuration that the plan was compiled of."""
    plan: msgspec.Raw = msgspec.Raw()
    """The plan, with sessions that differ only in their peer in groups, and what else the agent goes by."""
    compressed: bytes = b""
    """In place of plan where that is large, the same JSON, gzip, in base64. `bgpctl plan show` prints it."""


class _Written(Value, frozen=True):
    """An assignment, the plan's sessions beside the plan."""

    plan: NodePlan
    sessions: tuple[SessionGroup, ...] = ()
    services: ServiceRules | None = None
    own_node: OwnNode = NO_OWN_NODE
    status_requests: tuple[StatusRequest, ...] = ()
    facts: PlanFacts = NO_FACTS
    transition: Transition = NO_TRANSITION


class _PlanHeader(msgspec.Struct):
    version: int


class _WrittenHeader(msgspec.Struct):
    """What every version has in common."""

    plan: _PlanHeader


def digest_of(assignment: Assignment) -> str:
    """Of everything in it but the transition, so that equal digests ask for the same."""
    return sha256(msgspec.json.encode(replace(assignment, transition=NO_TRANSITION))).hexdigest()[:DIGITS]


def spec_of(assignment: Assignment, revision: str = "") -> NodePlanSpec:
    """Raises ValueError for a plan with a password in it, PlanTooLargeError for one of more than MOST_OCTETS."""
    plan = assignment.plan
    if any(each.password is not None and each.password.secret for each in plan.sessions):
        raise ValueError(f"the plan of {plan.node} has passwords in it: compile it with keys by reference")
    written = msgspec.json.encode(
        _Written(
            replace(plan, sessions=()),
            grouped(plan.sessions),
            assignment.services,
            assignment.own_node,
            assignment.status_requests,
            assignment.facts,
            assignment.transition,
        )
    )
    spec = NodePlanSpec(node=plan.node, digest=digest_of(assignment), revision=revision)
    if len(written) <= MOST_READABLE:
        return replace(spec, plan=msgspec.Raw(written))
    compressed = gzip.compress(written, mtime=0)
    if len(compressed) * 4 // 3 > MOST_OCTETS:
        raise PlanTooLargeError(
            f"the plan of {plan.node} has {len(compressed):,} octets compressed, and an object has room for "
            f"{MOST_OCTETS * 3 // 4:,}: divide its {len(plan.sessions):,} sessions between more reflectors"
        )
    return replace(spec, compressed=compressed)


def assignment_of(spec: NodePlanSpec) -> Assignment:
    """The inverse of spec_of. Raises UnreadablePlanError for what is no plan of this version, or not the one that its
    digest names."""
    text = bytes(spec.plan) or _expanded(spec.compressed)
    version = _version(text)
    if version != PLAN_VERSION:
        raise UnreadablePlanError(
            f"the plan has version {version}, this agent reads {PLAN_VERSION}: upgrade whichever is older"
        )
    try:
        written = msgspec.json.decode(text, type=_Written)
        plan = replace(written.plan, sessions=ungrouped(written.sessions))
    except msgspec.MsgspecError as error:
        raise UnreadablePlanError(f"the plan is not readable: {error}") from error
    if plan.node != spec.node:
        raise UnreadablePlanError(f"the plan is for node {plan.node!r}, not for {spec.node!r}")
    found = Assignment(
        plan, written.services, written.own_node, written.status_requests, written.facts, written.transition
    )
    if digest_of(found) != spec.digest:
        raise UnreadablePlanError(f"the plan is not the one of digest {spec.digest}: somebody has edited it")
    return found


def readable(spec: NodePlanSpec) -> dict[str, Any]:
    """What `plan` would be, also where it is compressed. Raises UnreadablePlanError."""
    try:
        found: dict[str, Any] = msgspec.json.decode(bytes(spec.plan) or _expanded(spec.compressed), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise UnreadablePlanError(f"the plan is not readable: {error}") from error
    return found


def _version(text: bytes) -> int:
    try:
        return msgspec.json.decode(text, type=_WrittenHeader).plan.version
    except msgspec.MsgspecError as error:
        raise UnreadablePlanError(f"the plan is not readable: {error}") from error


def _expanded(compressed: bytes) -> bytes:
    if not compressed:
        raise UnreadablePlanError("the object has neither `plan` nor `compressed`")
    expander = zlib.decompressobj(GZIP)
    try:
        text = expander.decompress(compressed, MOST_EXPANDED)
    except zlib.error as error:
        raise UnreadablePlanError(f"`compressed` is no gzip: {error}") from error
    if not expander.eof:
        raise UnreadablePlanError(f"`compressed` ends too early, or has more than {MOST_EXPANDED:,} octets in it")
    return text
