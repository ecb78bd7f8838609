"""What of an archive is written into a cluster, and how: pure, from what is archived and what is there.

    Calico's kinds         as they were: what they have more now goes
    Secret                 likewise, where the archive has it
    Node                   an operator's annotations (AS number, cluster ID, bgpctl.io/...) as they were; what Calico
                           itself writes there, and labels, where they are missing. One that is not there is left to
                           its kubelet
    BlockAffinity          only where the cluster has no others: they are IPAM's, and two nodes would have one block
    ClusterInformation     only where there is none
    Service, EndpointSlice left: Kubernetes makes them

Rule: what is written names the version of the object that it was compared with.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bgpctl.archive.kept import OF_ONE_CLUSTER, kept
from bgpctl.archive.step import Action, Step
from bgpctl.kubernetes.kinds import CLUSTER_INFORMATION, NODE, V1, Group
from bgpctl.kubernetes.wire import BOOKKEEPING
from bgpctl.objects import KINDS, Object, ObjectId, ObjectKind
from bgpctl.objects.kinds import CALICO_NODE, SECRET_KIND
from bgpctl.resources.kinds.kubernetes_node import annotations_of
from bgpctl.yaml_source.edit import same

AFFINITY, PEER, FILTER = "BlockAffinity", "BGPPeer", "BGPFilter"
# Kinds that are deleted with --prune: nothing else depends on them than what the archive has.
PRUNED = frozenset({"BGPConfiguration", FILTER, PEER, "CalicoNodeStatus", "FelixConfiguration"})
# Of a Node's annotations those that an operator writes.
OPERATORS = frozenset({"projectcalico.org/ASNumber", "projectcalico.org/RouteReflectorClusterID"})
OUR_DOMAIN = "bgpctl.io/"
KUBERNETES_DOMAINS = ("kubernetes.io", "k8s.io")

OF_KUBERNETES = "Kubernetes makes it itself"
OF_IPAM = "the cluster's IPAM has block affinities of its own, and they are what is"
OF_CALICO = "Calico has made its own"
NO_NODE = "there is no such Node; its kubelet makes it, and then this can be repeated"
NOT_SERVED = "the API server has no {plural}; this cluster's Calico may be too old"


@dataclass(frozen=True)
class Cluster:
    """What is there: the group of Calico's kinds, what it serves, and every object of the kinds concerned by name."""

    group: Group
    plurals: frozenset[str]
    objects: Mapping[ObjectId, Object] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Object]:
        return [each for each in self.objects.values() if each.id.kind.kind == kind]


def steps(archived: Iterable[Object], cluster: Cluster, *, prune: bool = False) -> list[Step]:
    """In the order in which they are written: what others name comes before them; deletions last."""
    wanted = {each.id: each for each in archived}
    nodes = _nodes(wanted.values())
    leaves_blocks = _leaves_blocks(wanted, cluster)
    found: list[Step] = []
    for kind in KINDS:
        for each in sorted((one for one in wanted.values() if one.id.kind is kind), key=lambda one: str(one.id)):
            if kind.kind == NODE:
                continue
            found.append(_step(each, cluster, leaves_blocks=leaves_blocks))
        if kind.kind == NODE and kind is not CALICO_NODE:
            found += (_node_step(name, data, kind, cluster) for name, data in sorted(nodes.items()))
    return [*found, *(_pruned(wanted, cluster) if prune else ())]


def _step(archived: Object, cluster: Cluster, *, leaves_blocks: bool) -> Step:
    kind, was = archived.id.kind, cluster.objects.get(archived.id)
    reason = _reason(kind, was, leaves_blocks=leaves_blocks)
    if kind is not SECRET_KIND and not reason and kind.plural not in cluster.plurals:
        missing = NOT_SERVED.format(plural=kind.plural)
        if kind.kind == CLUSTER_INFORMATION:
            return Step(archived.id, Action.LEFT, reason=missing)
        return Step(archived.id, Action.CREATED, refused=f"{archived.id}: {missing}")
    body = _body(archived, was, cluster.group)
    if was is not None and mean_the_same(was, body):
        return Step(archived.id, Action.UNCHANGED, was.data, becomes=was.data)
    if reason:
        return Step(
            archived.id, Action.LEFT, was.data if was else None, becomes=was.data if was else None, reason=reason
        )
    if was is None:
        return Step(archived.id, Action.CREATED, None, body, body)
    return Step(archived.id, Action.CONFIGURED, was.data, body, body, was.version)


def _reason(kind: ObjectKind, was: Object | None, *, leaves_blocks: bool) -> str:
    """Why objects of this kind are left, "" for those that are written."""
    if kind.kind in ("Service", "EndpointSlice"):
        return OF_KUBERNETES
    if kind.kind == AFFINITY and leaves_blocks:
        return OF_IPAM
    return OF_CALICO if kind.kind == CLUSTER_INFORMATION and was is not None else ""


def _leaves_blocks(wanted: Mapping[ObjectId, Object], cluster: Cluster) -> bool:
    """Unless every affinity that is there is one of the archive: a restore that was interrupted goes on."""
    return any(
        each.id not in wanted or not mean_the_same(each, _body(wanted[each.id], each, cluster.group))
        for each in cluster.of_kind(AFFINITY)
    )


def _body(archived: Object, was: Object | None, group: Group) -> dict[str, Any]:
    """The whole object as it is to be. What belongs to this cluster only stays as it is."""
    data, kind = kept(archived), archived.id.kind
    if kind is SECRET_KIND:
        data = _secret(data, archived.id)
    else:
        data["apiVersion"] = "/".join(group)
        data = _in_group(data, group)
    if kind.kind == CLUSTER_INFORMATION:
        data["spec"] = {key: value for key, value in (data.get("spec") or {}).items() if key != "datastoreReady"}
    if was is None:
        return data
    metadata = dict(data["metadata"])
    annotations = {key: value for key, value in was.annotations.items() if key in BOOKKEEPING}
    if annotations:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    metadata |= {
        each: was.metadata[each] for each in (*OF_ONE_CLUSTER, "resourceVersion", "uid") if each in was.metadata
    }
    status = {"status": was.data["status"]} if "status" in was.data else {}
    return {**data, "metadata": metadata, **status}


def _in_group(data: dict[str, Any], group: Group) -> dict[str, Any]:
    """The older group keeps `deleted` of an affinity as text."""
    deleted = data.get("spec", {}).get("deleted") if data["kind"] == AFFINITY else None
    if deleted is None:
        return data
    as_text = str(deleted).lower()
    return {**data, "spec": {**data["spec"], "deleted": as_text if group == V1 else as_text == "true"}}


def _secret(data: dict[str, Any], secret: ObjectId) -> dict[str, Any]:
    """As an API server keeps it: plain text is in base64."""
    plain = data.get("stringData") or {}
    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
    metadata = {**data["metadata"], "namespace": secret.namespace}
    rest = {key: value for key, value in data.items() if key not in ("stringData", "data", "metadata")}
    return {**rest, "metadata": metadata, "data": {**(data.get("data") or {}), **encoded}}


def mean_the_same(was: Object, body: Mapping[str, Any]) -> bool:
    """But for what belongs to this cluster only, and what an API server fills in for a Secret."""
    now, then = kept(was), kept(Object(was.id, body))
    if was.id.kind is SECRET_KIND:
        now, then = ({key: each.get(key) for key in ("data",)} for each in (now, then))
    return same(now, then)


# ------------------------------------------------------------------------------------------ nodes


def _nodes(archived: Iterable[Object]) -> Mapping[str, Mapping[str, Any]]:
    """Labels and annotations of each node by its name, whether Calico's Node has them or Kubernetes'."""
    found: dict[str, dict[str, Any]] = {}
    for each in sorted(archived, key=lambda one: one.id.kind is CALICO_NODE):
        if each.id.kind.kind != NODE:
            continue
        annotations = {**each.annotations, **(annotations_of(each.data) if each.id.kind is CALICO_NODE else {})}
        before = found.setdefault(each.id.name, {"labels": {}, "annotations": {}})
        before["labels"] |= each.labels
        before["annotations"] |= {key: value for key, value in annotations.items() if _is_ours(key)}
    return found


def _is_ours(annotation: str) -> bool:
    return annotation.startswith(("projectcalico.org/", OUR_DOMAIN)) and annotation not in BOOKKEEPING


def _is_an_operators(annotation: str) -> bool:
    return annotation in OPERATORS or annotation.startswith(OUR_DOMAIN)


def _node_step(name: str, archived: Mapping[str, Any], kind: ObjectKind, cluster: Cluster) -> Step:
    node = ObjectId(kind, name)
    was = cluster.objects.get(node)
    if was is None:
        return Step(node, Action.LEFT, reason=NO_NODE)
    annotations = dict(_changed_annotations(archived["annotations"], was.annotations))
    labels = {
        key: value
        for key, value in archived["labels"].items()
        if key not in was.labels or (was.labels[key] != value and not _is_kubernetes(key))
    }
    if not (annotations or labels):
        return Step(node, Action.UNCHANGED, was.data, becomes=was.data)
    changed = {"labels": labels, "annotations": annotations}
    patch = {"metadata": {**{key: value for key, value in changed.items() if value}, "resourceVersion": was.version}}
    return Step(node, Action.CONFIGURED, was.data, patch, was.data, was.version)


def _changed_annotations(archived: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """None for one that goes."""
    for key, value in archived.items():
        if key not in now or (now[key] != value and _is_an_operators(key)):
            yield key, value
    yield from ((key, None) for key in now if _is_an_operators(key) and key not in archived)


def _is_kubernetes(label: str) -> bool:
    domain, slash, _ = label.partition("/")
    return bool(slash) and any(domain == each or domain.endswith(f".{each}") for each in KUBERNETES_DOMAINS)


def _pruned(wanted: Mapping[ObjectId, Object], cluster: Cluster) -> Iterator[Step]:
    """What names others goes before them."""
    places = {kind: place for place, kind in enumerate(KINDS)}
    for each in sorted(cluster.objects.values(), key=lambda one: (-places[one.id.kind], str(one.id))):
        if each.id.kind.kind in PRUNED and each.id not in wanted:
            options = {"uid": str(each.metadata.get("uid", "")), "resourceVersion": each.version}
            yield Step(each.id, Action.DELETED, each.data, {"preconditions": options}, None, each.version)
