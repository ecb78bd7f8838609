"""Resources of v3 out of etcd's keys and out of documents: the same ones, without what a datastore keeps for itself.

A kind that routing does not look at is left to Calico's own tool; one that is evidently misspelt is an error. A
Kubernetes Node keeps what routing reads of it.
"""

from __future__ import annotations

from typing import Any

from bgpctl.migration.fate import Converted, Fate, Note, NoteKind, Origin, Outcome, shown
from bgpctl.migration.source.etcd_keys import Parts
from bgpctl.migration.source.etcd_value import EtcdValue
from bgpctl.migration.source.fields import mapping
from bgpctl.migration.source.sources import Item
from bgpctl.migration.v1.kubernetes import PEER_OF_NODE
from bgpctl.resources.reading.kind_table import KINDS, explain_unsupported
from bgpctl.resources.values.model import BOOKKEEPING
from bgpctl.yaml_source.problem import Problem, Severity
from bgpctl.yaml_source.shown import name_shown

NOT_FOR_BGP = "not for BGP, left to Calico's own tool (calicoctl datastore migrate)"
# Plurals in etcd of the kinds that are read.
PLURALS = {
    "bgpconfigurations": "BGPConfiguration",
    "bgpfilters": "BGPFilter",
    "bgppeers": "BGPPeer",
    "blockaffinities": "BlockAffinity",
    "caliconodestatuses": "CalicoNodeStatus",
    "clusterinformations": "ClusterInformation",
    "felixconfigurations": "FelixConfiguration",
    "ippools": "IPPool",
    "nodes": "Node",
}
# Annotations in which clients keep what they need for themselves.
KEPT_BY_CLIENTS = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", "projectcalico.org/kube-labels", "projectcalico.org/metadata"}
)
# What routing reads of a Kubernetes Node.
NODE_SPEC, NODE_STATUS = ("podCIDR", "podCIDRs"), ("addresses",)


def of_entry(value: EtcdValue, parts: Parts, fates: list[Fate]) -> Converted | None:
    """None where it is not for BGP, with a fate, and where it is wrong, with a problem."""
    kind = PLURALS.get(parts["plural"])
    if kind is None:
        fates.append(Fate(value.origin, Outcome.LEFT, name_shown(parts["plural"]), reason=NOT_FOR_BGP))
        return None
    read = value.json()
    data = None if read is None else value.read(mapping, read)
    if data is None:
        return None
    metadata, version = data.get("metadata"), data.get("apiVersion")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if data.get("kind") != kind or not isinstance(version, str) or (version, kind) not in KINDS:
        written = f"{shown(data.get('kind'))} ({shown(version)})"
        value.refuse("key-mismatch", f"the key has a {kind}, the value is {written}", ("kind",))
        return None
    if name != parts["name"]:
        message = f"the key has the name {shown(parts['name'])}, the value {shown(name)}"
        value.refuse("key-mismatch", message, ("metadata", "name"))
        return None
    return _converted(dict(data), value.origin)


def of_item(item: Item, problems: list[Problem], fates: list[Fate]) -> Converted | None:
    """None where it is not read, with a fate, and where it is wrong, with a problem."""
    data = item.data
    origin = Origin(item.file, item.line_of(()), _name(data))
    if not isinstance(data, dict) or not all(isinstance(data.get(key), str) for key in ("apiVersion", "kind")):
        message = "this is not a resource: it needs apiVersion and kind, both text"
        problems.append(origin.problem((), "not-a-resource", message))
        fates.append(Fate(origin, Outcome.REFUSED, "document"))
        return None
    if (data["apiVersion"], data["kind"]) not in KINDS:
        severity, field, message = explain_unsupported(data["apiVersion"], data["kind"])
        if severity is Severity.ERROR:
            problems.append(origin.problem((field,), "unsupported-kind", message, item.line_of((field,))))
            fates.append(Fate(origin, Outcome.REFUSED, name_shown(data["kind"])))
        else:
            fates.append(Fate(origin, Outcome.LEFT, name_shown(data["kind"]), reason=NOT_FOR_BGP))
        return None
    return _converted(dict(data), origin)


def _converted(data: dict[str, Any], origin: Origin) -> Converted:
    """What is wrong with the rest is found when the resource is judged."""
    notes: list[Note] = []
    if isinstance(data.get("metadata"), dict):
        data["metadata"] = _metadata(data["metadata"])
    if data["kind"] != "Node" and data.pop("status", None):
        notes.append(Note(NoteKind.REMARK, "its status is written anew by who it belongs to"))
    if (data["apiVersion"], data["kind"]) == ("v1", "Node"):
        for field, kept in (("spec", NODE_SPEC), ("status", NODE_STATUS)):
            if isinstance(data.get(field), dict):
                data[field] = {key: value for key, value in data[field].items() if key in kept}
    return Converted(data, data["kind"], origin, notes=tuple(notes))


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key not in BOOKKEEPING}
    annotations = kept.get("annotations")
    if isinstance(annotations, dict):
        kept["annotations"] = {
            key: value
            for key, value in annotations.items()
            if key not in KEPT_BY_CLIENTS and not key.startswith(PEER_OF_NODE)
        }
        if not kept["annotations"]:
            del kept["annotations"]
    return kept


def _name(data: Any) -> str:
    """BGPPeer/tor-1, as far as it is there."""
    if not isinstance(data, dict):
        return ""
    metadata = data.get("metadata")
    fields = metadata if isinstance(metadata, dict) else {}
    named = (data.get("kind"), fields.get("namespace"), fields.get("name"))
    return "/".join(name_shown(each) for each in named if isinstance(each, str) and each)
