"""The columns of `get`, kind by kind: what an operator looks for first, and with `-o wide` the rest.

Rule: a cell is made of the object as it is written, valid or not. A field that is not set is "-", unless a default of
Calico's is meant by that; what is not known is "?".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bgpctl.objects.kinds import CALICO_NODE, KINDS, ObjectKind
from bgpctl.objects.object import Object

NOT_SET, NOT_KNOWN = "-", "?"
# Kinds whose columns are made of their metadata.
OF_METADATA = tuple(kind for kind in KINDS if kind.kind == "Node" and kind is not CALICO_NODE)
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Around:
    """What cells need besides the object.

    nodes         labels of every Node by name; None where they are not known
    now           seconds since the epoch
    is_cluster    objects have an age; in a directory they have a place
    """

    nodes: Mapping[str, Labels] | None = None
    now: float = 0.0
    is_cluster: bool = False


class Column(NamedTuple):
    title: str
    cell: Callable[[Object, Around], str]
    is_wide: bool = False


def columns_of(kind: ObjectKind, around: Around, *, is_wide: bool, labels: bool) -> list[Column]:
    """With the columns that every kind has."""
    first = [Column("NAMESPACE", lambda found, _: found.id.namespace)] if kind.namespaced else []
    first.append(Column("NAME", lambda found, _: found.id.name))
    own = [each for each in COLUMNS[kind.kind] if is_wide or not each.is_wide]
    last = [Column("AGE", _age)] if around.is_cluster else [Column("FILE", lambda found, _: _place(found))]
    last += [Column("LABELS", lambda found, _: pairs(found.labels) or "<none>")] if labels else []
    return [*first, *own, *last]


# ------------------------------------------------------------------------------------------- fields


def field(found: Object, path: str) -> Any:
    """The value at a path such as "spec.bgp.asNumber", None where there is none."""
    value: Any = found.data
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _text(value: Any) -> str:
    if value is None or value == "" or (isinstance(value, (list, tuple, dict)) and not value):
        return NOT_SET
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    return str(value)


def _of(path: str) -> Callable[[Object, Around], str]:
    return lambda found, _: _text(field(found, path))


def _flag(path: str, default: str, yes: str = "true", no: str = "false") -> Callable[[Object, Around], str]:
    """A boolean that means something where it is not set."""
    return lambda found, _: {None: default, True: yes, False: no}.get(_hashable(field(found, path)), NOT_KNOWN)


def _hashable(value: Any) -> Any:
    return value if isinstance(value, (bool, type(None))) else NOT_KNOWN


def _count(*paths: str) -> Callable[[Object, Around], str]:
    """How many items there are in all."""

    def cell(found: Object, _: Around) -> str:
        return str(sum(len(value) for path in paths if isinstance(value := field(found, path), (list, tuple))))

    return cell


def pairs(texts: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" if value else key for key, value in sorted(texts.items()))


def _place(found: Object) -> str:
    return f"{found.place.file}:{found.place.line}" if found.place.line else found.place.file or NOT_SET


def _age(found: Object, around: Around) -> str:
    created = found.metadata.get("creationTimestamp")
    return age(str(created), around.now) if created else NOT_KNOWN


def age(moment: str, now: float) -> str:
    """Since an RFC 3339 time: the two units that matter."""
    from bgpctl.cli.text_table import duration

    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return NOT_KNOWN
    return duration(max(now - (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp(), 0.0))


# ------------------------------------------------------------------------------------------- BGPPeer


def _peer(found: Object, _: Around) -> str:
    spec = found.data.get("spec")
    if not isinstance(spec, Mapping):
        return NOT_KNOWN
    if workloads := spec.get("localWorkloadSelector"):
        return f"workloads {workloads}"
    return _text(spec.get("peerSelector") or spec.get("peerIP"))


def peer_nodes(found: Object, nodes: Mapping[str, Labels] | None) -> list[str] | None:
    """The nodes that get the sessions of a BGPPeer, None where that is not known."""
    from bgpctl.resources.values.selector import SelectorError, parse_selector

    node, selector = field(found, "spec.node"), field(found, "spec.nodeSelector")
    if nodes is None:
        return None
    if node:
        return [node] if node in nodes else []
    try:
        chosen = parse_selector(str(selector or ""))
    except SelectorError:
        return None
    return [name for name, labels in nodes.items() if chosen.matches(labels)]


def _peer_nodes(found: Object, around: Around) -> str:
    nodes = peer_nodes(found, around.nodes)
    return NOT_KNOWN if nodes is None else str(len(nodes))


def _selected_by(found: Object, _: Around) -> str:
    return _text(field(found, "spec.node") or field(found, "spec.nodeSelector") or "all()")


def _password(found: Object, _: Around) -> str:
    reference = field(found, "spec.password.secretKeyRef")
    return f"{reference.get('name', '')}/{reference.get('key', '')}" if isinstance(reference, Mapping) else NOT_SET


# ------------------------------------------------------------------------------------------- Nodes


def _of_node(calico: str, annotation: str) -> Callable[[Object, Around], str]:
    """Where the Kubernetes API is Calico's datastore, the fields of its Node are annotations."""

    def cell(found: Object, _: Around) -> str:
        if found.id.kind is CALICO_NODE:
            return _text(field(found, calico))
        return _text(found.annotations.get(f"projectcalico.org/{annotation}"))

    return cell


def _encapsulation(found: Object, _: Around) -> str:
    modes = {"VXLAN": field(found, "spec.vxlanMode"), "IPIP": field(found, "spec.ipipMode")}
    texts = [
        name + ("" if mode == "Always" else str(mode)) for name, mode in modes.items() if mode not in (None, "Never")
    ]
    return ",".join(texts) or "None"


def _service_networks(found: Object, _: Around) -> str:
    names = ("serviceClusterIPs", "serviceExternalIPs", "serviceLoadBalancerIPs")
    lists = (field(found, f"spec.{name}") for name in names)
    networks = [
        each.get("cidr")
        for value in lists
        if isinstance(value, (list, tuple))
        for each in value
        if isinstance(each, Mapping)
    ]
    return _text(networks)


# ------------------------------------------------------------------------------------------- others


def _condition(name: str) -> Callable[[Object, Around], str]:
    """Of the Kubernetes API conventions: "True" or "False"."""

    def cell(found: Object, _: Around) -> str:
        conditions = field(found, "status.conditions")
        listed = conditions if isinstance(conditions, (list, tuple)) else ()
        named = (each for each in listed if isinstance(each, Mapping) and each.get("type") == name)
        return _text(next((each.get("status") for each in named), None))

    return cell


def _plan_sessions(found: Object, _: Around) -> str:
    from bgpctl.cli.objects.plan_object import session_count

    count = session_count(found)
    return NOT_KNOWN if count is None else str(count)


def _keys(found: Object, _: Around) -> str:
    from bgpctl.cli.objects.hidden import secret_sizes

    return str(len(secret_sizes(found)))


def _cluster_ips(found: Object, _: Around) -> str:
    return _text(field(found, "spec.clusterIPs") or field(found, "spec.clusterIP"))


def _external(found: Object, _: Around) -> str:
    ingress = field(found, "status.loadBalancer.ingress")
    balanced = (
        [each.get("ip") for each in ingress if isinstance(each, Mapping)] if isinstance(ingress, (list, tuple)) else []
    )
    return _text([*(field(found, "spec.externalIPs") or ()), *filter(None, balanced)])


def _service_of(found: Object, _: Around) -> str:
    return _text(found.labels.get("kubernetes.io/service-name"))


def _endpoint_nodes(found: Object, _: Around) -> str:
    endpoints = found.data.get("endpoints")
    names = (
        [each.get("nodeName") for each in endpoints if isinstance(each, Mapping)]
        if isinstance(endpoints, (list, tuple))
        else []
    )
    return _text(sorted({str(name) for name in names if name}))


def _since(path: str) -> Callable[[Object, Around], str]:
    return lambda found, around: age(str(field(found, path)), around.now) if field(found, path) else NOT_SET


COLUMNS: Mapping[str, Sequence[Column]] = {
    "BGPPeer": (
        Column("PEER", _peer),
        Column("AS", _of("spec.asNumber")),
        Column("NODES", _peer_nodes),
        Column("SELECTED BY", _selected_by),
        Column("FILTERS", _of("spec.filters"), is_wide=True),
        Column("PASSWORD", _password, is_wide=True),
        Column("NEXT HOP", _of("spec.nextHopMode"), is_wide=True),
    ),
    "BGPConfiguration": (
        Column("AS", _of("spec.asNumber")),
        Column("MESH", _flag("spec.nodeToNodeMeshEnabled", "-")),
        Column("PORT", _of("spec.listenPort")),
        Column("LOG", _of("spec.logSeverityScreen"), is_wide=True),
        Column("CLUSTER ROUTES", _of("spec.programClusterRoutes"), is_wide=True),
        Column("SERVICES", _service_networks, is_wide=True),
    ),
    "BGPFilter": (
        Column("EXPORT", _count("spec.exportV4", "spec.exportV6")),
        Column("IMPORT", _count("spec.importV4", "spec.importV6")),
    ),
    "IPPool": (
        Column("CIDR", _of("spec.cidr")),
        Column("TUNNEL", _encapsulation),
        Column("DISABLED", _flag("spec.disabled", "false")),
        Column("EXPORTED", _flag("spec.disableBGPExport", "true", yes="false", no="true")),
        Column("BLOCK SIZE", _of("spec.blockSize"), is_wide=True),
        Column("NODE SELECTOR", _of("spec.nodeSelector"), is_wide=True),
    ),
    "BlockAffinity": (
        Column("NODE", _of("spec.node")),
        Column("CIDR", _of("spec.cidr")),
        Column("STATE", _of("spec.state")),
        Column("TYPE", _of("spec.type"), is_wide=True),
    ),
    "Node": (
        Column("IPV4", _of_node("spec.bgp.ipv4Address", "IPv4Address")),
        Column("IPV6", _of_node("spec.bgp.ipv6Address", "IPv6Address")),
        Column("AS", _of_node("spec.bgp.asNumber", "ASNumber")),
        Column("CLUSTER ID", _of_node("spec.bgp.routeReflectorClusterID", "RouteReflectorClusterID")),
        Column("IPIP", _of_node("spec.bgp.ipv4IPIPTunnelAddr", "IPv4IPIPTunnelAddr"), is_wide=True),
        Column("VXLAN", _of_node("spec.ipv4VXLANTunnelAddr", "IPv4VXLANTunnelAddr"), is_wide=True),
    ),
    "CalicoNodeStatus": (
        Column("NODE", _of("spec.node")),
        Column("CLASSES", _of("spec.classes")),
        Column("UP V4", _of("status.bgp.numberEstablishedV4")),
        Column("DOWN V4", _of("status.bgp.numberNotEstablishedV4")),
        Column("UP V6", _of("status.bgp.numberEstablishedV6")),
        Column("DOWN V6", _of("status.bgp.numberNotEstablishedV6")),
        Column("UPDATED", _since("status.lastUpdated")),
    ),
    "ClusterInformation": (
        Column("CALICO", _of("spec.calicoVersion")),
        Column("READY", _flag("spec.datastoreReady", "true")),
        Column("TYPE", _of("spec.clusterType"), is_wide=True),
    ),
    "FelixConfiguration": (
        Column("VNI", _of("spec.vxlanVNI")),
        Column("PORT", _of("spec.vxlanPort")),
        Column("VXLAN MTU", _of("spec.vxlanMTU")),
        Column("IPIP MTU", _of("spec.ipipMTU")),
    ),
    # As its definition has them for kubectl, and last how many sessions the plan has.
    "NodePlan": (
        Column("SESSIONS", _of("status.sessions.summary")),
        Column("ROUTES", _of("status.routes.installed")),
        Column("PLAN", _of("spec.digest")),
        Column("HELD", _of("status.held.count")),
        Column("RUNNING", _of("status.running"), is_wide=True),
        Column("READY", _condition("Ready"), is_wide=True),
        Column("REVISION", _of("spec.revision"), is_wide=True),
        Column("AGENT", _of("status.version"), is_wide=True),
        Column("PLANNED", _plan_sessions, is_wide=True),
    ),
    "Secret": (Column("TYPE", _of("type")), Column("KEYS", _keys)),
    "Service": (
        Column("TYPE", _of("spec.type")),
        Column("CLUSTER-IP", _cluster_ips),
        Column("EXTERNAL-IP", _external),
        Column("POLICY", _of("spec.externalTrafficPolicy")),
    ),
    "EndpointSlice": (
        Column("SERVICE", _service_of),
        Column("TYPE", _of("addressType")),
        Column("ENDPOINTS", _count("endpoints")),
        Column("NODES", _endpoint_nodes, is_wide=True),
    ),
}
