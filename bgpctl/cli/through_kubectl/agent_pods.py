"""Which pod of the cluster has the agent of which node, and why one cannot be asked.

Rule: a node is there once. Of several pods on it (one ends, the next begins) the one that runs counts, and of several
that run the newest. A pod that waits for its node is a node as well, and so is a
NodePlan of a node without any pod: their absence must not be taken for health.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from bgpctl.errors import NotReadyError

COMPONENT = "app.kubernetes.io/component"
NO_AGENT = "no agent runs on this node"
SELECTOR = f"app.kubernetes.io/name=bgpctl,{COMPONENT} in (agent,reflector)"


@dataclass(frozen=True, slots=True)
class AgentPod:
    """`why_not`: it cannot be asked for this reason; "" when it can."""

    node: str
    name: str
    container: str
    why_not: str = ""


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    creation_timestamp: str = ""
    deletion_timestamp: str = ""
    labels: dict[str, str] = {}


class _Requirement(msgspec.Struct):
    key: str
    values: tuple[str, ...] = ()


class _Term(msgspec.Struct, rename="camel"):
    match_fields: tuple[_Requirement, ...] = ()


class _Required(msgspec.Struct, rename="camel"):
    node_selector_terms: tuple[_Term, ...] = ()


class _NodeAffinity(msgspec.Struct, rename="camel"):
    required: _Required = msgspec.field(
        name="requiredDuringSchedulingIgnoredDuringExecution", default_factory=_Required
    )


class _Affinity(msgspec.Struct, rename="camel"):
    node_affinity: _NodeAffinity = msgspec.field(default_factory=_NodeAffinity)


class _Spec(msgspec.Struct, rename="camel"):
    node_name: str = ""
    affinity: _Affinity = msgspec.field(default_factory=_Affinity)


class _Waiting(msgspec.Struct):
    reason: str = ""
    message: str = ""


class _State(msgspec.Struct):
    running: dict[str, str] | None = None
    waiting: _Waiting | None = None


class _Container(msgspec.Struct):
    name: str
    state: _State = msgspec.field(default_factory=_State)


class _Condition(msgspec.Struct):
    type: str
    status: str
    message: str = ""


class _Status(msgspec.Struct, rename="camel"):
    phase: str = "Pending"
    message: str = ""
    conditions: tuple[_Condition, ...] = ()
    container_statuses: tuple[_Container, ...] = ()


class _Pod(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


class _Pods(msgspec.Struct):
    items: tuple[_Pod, ...]


def agent_pods(listing: bytes) -> list[AgentPod]:
    """Of a list of pods in JSON, by the names of their nodes. Raises NotReadyError."""
    try:
        pods = msgspec.json.decode(listing, type=_Pods).items
    except msgspec.MsgspecError as error:
        raise NotReadyError(f"what kubectl has printed is no list of pods: {error}") from error
    newest: dict[str, AgentPod] = {}
    for pod in sorted(pods, key=_rank):
        newest[_node(pod)] = _agent_pod(pod)
    return [newest[node] for node in sorted(newest)]


def chosen(pods: Sequence[AgentPod], nodes: Iterable[str], namespace: str) -> list[AgentPod]:
    """Those of these nodes, in this order; one that has none is a pod that cannot be asked."""
    of_node = {each.node: each for each in pods}
    none = f"no pod of an agent is on it in the namespace {namespace}"
    return [of_node.get(node) or AgentPod(node, "", "", none) for node in dict.fromkeys(nodes)]


def with_planned(pods: Sequence[AgentPod], planned: Iterable[str]) -> list[AgentPod]:
    """These, and nodes that have a plan and no pod, by the names of their nodes."""
    known = {each.node for each in pods}
    without = [AgentPod(node, "", "", NO_AGENT) for node in planned if node not in known]
    return sorted((*pods, *without), key=lambda each: each.node)


def _rank(pod: _Pod) -> tuple[bool, bool, str]:
    return not _why_not(pod), not pod.metadata.deletion_timestamp, pod.metadata.creation_timestamp


def _agent_pod(pod: _Pod) -> AgentPod:
    return AgentPod(_node(pod), pod.metadata.name, _container(pod), _why_not(pod))


def _container(pod: _Pod) -> str:
    """The manifests name it after the component."""
    return pod.metadata.labels.get(COMPONENT, "")


def _node(pod: _Pod) -> str:
    """A pod of a DaemonSet is made for one node, long before it is bound to it; another one is not."""
    if pod.spec.node_name:
        return pod.spec.node_name
    terms = pod.spec.affinity.node_affinity.required.node_selector_terms
    named = [value for term in terms for each in term.match_fields for value in each.values]
    return named[0] if named else f"pod {pod.metadata.name}"


def _why_not(pod: _Pod) -> str:
    container = next((each for each in pod.status.container_statuses if each.name == _container(pod)), None)
    if container is not None and container.state.running is not None:
        return ""
    waiting = container.state.waiting if container is not None else None
    unmet = next((each.message for each in pod.status.conditions if each.status != "True" and each.message), "")
    details = [waiting.reason, waiting.message] if waiting is not None else [pod.status.message or unmet]
    why = ": ".join(filter(None, details))
    return f"its pod {pod.metadata.name} does not run ({pod.status.phase}{f', {why}' if why else ''})"
