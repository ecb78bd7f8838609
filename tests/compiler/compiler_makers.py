"""Small makers of resources, and the ways in which the compiler's tests look at a plan."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, TypeVar

from bgpctl.compiler import CompileOptions, compile_node
from bgpctl.resources.annotations.table import annotation_key
from bgpctl.resources.kinds.bgp_configuration import BGPConfiguration
from bgpctl.resources.kinds.bgp_filter import BGPFilter
from bgpctl.resources.kinds.bgp_peer import BGPPeer
from bgpctl.resources.kinds.block_affinity import BlockAffinity
from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus
from bgpctl.resources.kinds.cluster_information import ClusterInformation
from bgpctl.resources.kinds.felix_configuration import FelixConfiguration
from bgpctl.resources.kinds.ip_pool import IPPool
from bgpctl.resources.kinds.kubernetes import EndpointSlice, Secret, Service
from bgpctl.resources.kinds.node import Node
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.addresses import family_of
from reflector.plan import PRIORITY_BASE, NodePlan, Policy, RouteSource, SessionPlan, SuppressedSession
from reflector.policy.prefix_classes import PrefixClasses, prefix_matches
from reflector.policy.rules import PolicyChain
from reflector.rib.path import Path
from reflector.wire.attributes import AS_SEQUENCE, PathAttributes, intern_attributes
from reflector.wire.communities import add_community
from reflector.wire.nlri import pack_nlri

R = TypeVar("R", bound=Resource)


def _read(kind: type[R], fields: dict[str, Any]) -> R:
    """As from a file: YAML names, lists, texts."""
    return kind.model_validate_json(json.dumps(fields))


def _named(name: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {"name": name, "labels": labels or {}}


def node(
    name: str,
    ipv4: str = "",
    ipv6: str = "",
    *,
    cluster_id: str = "",
    asn: int | None = None,
    labels: dict[str, str] | None = None,
    ipip: str = "",
    **spec: Any,
) -> Node:
    bgp = {
        "ipv4Address": ipv4,
        "ipv6Address": ipv6,
        "routeReflectorClusterID": cluster_id,
        "asNumber": asn,
        "ipv4IPIPTunnelAddr": ipip,
    }
    given = {key: value for key, value in bgp.items() if value}
    return _read(Node, {"metadata": _named(name, labels), "spec": {"bgp": given or None, **spec}})


def bgp_peer(name: str, **spec: Any) -> BGPPeer:
    return _read(BGPPeer, {"metadata": _named(name), "spec": spec})


def configuration(name: str = "default", **spec: Any) -> BGPConfiguration:
    return _read(BGPConfiguration, {"metadata": _named(name), "spec": spec})


def annotated(resource: R, **annotations: str) -> R:
    """The resource with annotations of ours: hold_time="90s" stands for bgpctl.io/hold-time."""
    values = {annotation_key(name): text for name, text in annotations.items()}
    return resource.model_copy(update={"metadata": resource.metadata.model_copy(update={"annotations": values})})


def felix(name: str = "default", **spec: Any) -> FelixConfiguration:
    return _read(FelixConfiguration, {"metadata": _named(name), "spec": spec})


def bgp_filter(name: str, **spec: Any) -> BGPFilter:
    return _read(BGPFilter, {"metadata": _named(name), "spec": spec})


def cluster_information(version: str) -> ClusterInformation:
    return _read(ClusterInformation, {"metadata": _named("default"), "spec": {"calicoVersion": version}})


def pool(name: str, cidr: str, **spec: Any) -> IPPool:
    return _read(IPPool, {"metadata": _named(name), "spec": {"cidr": cidr, **spec}})


def block(node_name: str, cidr: str, **spec: Any) -> BlockAffinity:
    name = f"{node_name}-{cidr}".replace("/", "-").replace(":", "-")
    return _read(BlockAffinity, {"metadata": _named(name), "spec": {"node": node_name, "cidr": cidr, **spec}})


def secret(name: str, data: dict[str, str], namespace: str = "kube-system") -> Secret:
    return _read(Secret, {"metadata": {"name": name, "namespace": namespace}, "stringData": data})


def node_status(name: str, node_name: str, *classes: str, period: int = 10) -> CalicoNodeStatus:
    spec = {"node": node_name, "classes": classes or ("BGP",), "updatePeriodSeconds": period}
    return _read(CalicoNodeStatus, {"metadata": _named(name), "spec": spec})


def service(name: str, **fields: Any) -> Service:
    status = fields.pop("status", {})
    return _read(Service, {"metadata": _named(name), "spec": fields, "status": status})


def endpoint_slice(
    name: str, service_name: str, *nodes: str, family: str = "IPv4", ready: bool = True
) -> EndpointSlice:
    return _read(
        EndpointSlice,
        {
            "metadata": _named(name, {"kubernetes.io/service-name": service_name}),
            "addressType": family,
            "endpoints": [{"nodeName": each, "conditions": {"ready": ready}} for each in nodes],
        },
    )


def compiled(name: str, *resources: Resource, **options: Any) -> NodePlan:
    """The plan of one node out of these resources."""
    return compile_node(ResourceSet.of(*resources), name, CompileOptions(**options)).plan


def session(plan: NodePlan, address: str) -> SessionPlan:
    (found,) = (each for each in plan.sessions if each.peer_address == address)
    return found


def suppressed(plan: NodePlan, address: str) -> SuppressedSession:
    (found,) = (each for each in plan.suppressed if each.peer_address == address)
    return found


def policy(plan: NodePlan, name: str) -> Policy:
    (found,) = (each for each in plan.policies if each.name == name)
    return found


def peers(plan: NodePlan) -> list[str]:
    """The peers that the node has sessions to, in the order of the plan."""
    return [each.peer_address for each in plan.sessions]


class Route(NamedTuple):
    """A route as a policy meets it. `metric` is a local route's kernel metric, `local_pref` a learned one's."""

    prefix: str
    source: RouteSource = RouteSource.BLOCK
    interface: str = ""
    metric: int = 1024
    local_pref: int = 100
    as_path: tuple[int, ...] = ()
    communities: tuple[str, ...] = ()


def learned(prefix: str, **fields: Any) -> Route:
    """A route from a peer."""
    return Route(prefix, RouteSource.BGP, **fields)


def ask(plan: NodePlan, address: str, route: Route, direction: str = "export") -> PathAttributes | None:
    """What the policies of the session to `address` make of a route, by the engine's own evaluator."""
    found = session(plan, address)
    family = family_of(route.prefix)
    names, default = {
        "import": (found.import_policies, found.import_default),
        "export": (found.export_policies, found.export_default),
    }[direction]
    classes = PrefixClasses(family, prefix_matches(plan))
    chain = PolicyChain([policy(plan, name) for name in names], default, found.session_type, classes)
    is_learned = route.source is RouteSource.BGP
    attributes = intern_attributes(
        local_pref=route.local_pref if is_learned else PRIORITY_BASE - route.metric,
        as_path=((AS_SEQUENCE, route.as_path),) if route.as_path else (),
    )
    for text in route.communities:
        attributes = add_community(attributes, text)
    path = Path(None, family, attributes, attributes)
    path.source, path.interface = route.source, route.interface
    return chain.evaluate(path, attributes, classes.classify(pack_nlri(route.prefix))).attributes


def exports(plan: NodePlan, address: str, *prefixes: str | Route) -> list[str]:
    """Which of these are advertised to the peer."""
    routes = [each if isinstance(each, Route) else Route(each) for each in prefixes]
    return [each.prefix for each in routes if ask(plan, address, each) is not None]
