"""Which resource names, or selects, which other one: the fields that do it, as data.

A reference is by name where the field has one, and by selector or by address where it has that. A reference to what is
not there is one as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network
from typing import NamedTuple

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.sessions.bgp_peers import owner_of
from bgpctl.resources.checks.secret_references import secret_references
from bgpctl.resources.kinds.kubernetes import SERVICE_NAME_LABEL
from bgpctl.resources.resource_set import resource_id
from bgpctl.resources.values.model import Resource
from bgpctl.resources.values.names import NODE_NAME_PREFIX


class Reference(NamedTuple):
    """`source` and `target` are named as in problems; `field` of the source is where it stands."""

    source: str
    field: str
    target: str


def references(index: ClusterIndex, options: CompileOptions) -> Iterator[Reference]:
    """All of a cluster."""
    for question in _QUESTIONS:
        yield from question(index)
    for found in secret_references(index.resources):
        if found.reference.name:
            target = f"Secret/{options.secret_namespace}/{found.reference.name}"
            yield Reference(label(found.resource), ".".join(map(str, found.path)), target)


def label(resource: Resource) -> str:
    kind, key = resource_id(resource)
    return "/".join((kind, key) if isinstance(key, str) else (kind, *key))


def _of_peers(index: ClusterIndex) -> Iterator[Reference]:
    for peer in index.resources.bgp_peers.values():
        source, spec = label(peer), peer.spec
        yield from (Reference(source, "spec.filters", f"BGPFilter/{name}") for name in spec.filters)
        if spec.node:
            yield Reference(source, "spec.node", f"Node/{spec.node}")
        for field, selector in (("nodeSelector", spec.node_selector), ("peerSelector", spec.peer_selector)):
            if selector:
                yield from _nodes(source, f"spec.{field}", index.select(selector))
        if spec.peer_ip and (owner := owner_of(index, peer)) is not None:
            yield Reference(source, "spec.peerIP", f"Node/{owner.node}")


def _nodes(source: str, field: str, names: Iterable[str]) -> Iterator[Reference]:
    return (Reference(source, field, f"Node/{name}") for name in names)


def _of_blocks(index: ClusterIndex) -> Iterator[Reference]:
    pools = [(ip_network(pool.spec.cidr), label(pool)) for pool in index.resources.ip_pools.values()]
    for block in index.resources.block_affinities.values():
        yield Reference(label(block), "spec.node", f"Node/{block.spec.node}")
        network = ip_network(block.spec.cidr, strict=False)
        for pool, name in pools:
            if network.version == pool.version and network.network_address in pool:
                yield Reference(label(block), "spec.cidr", name)


def _of_configurations(index: ClusterIndex) -> Iterator[Reference]:
    resources = index.resources
    for each in (*resources.bgp_configurations.values(), *resources.felix_configurations.values()):
        if each.name.startswith(NODE_NAME_PREFIX):
            yield Reference(label(each), "metadata.name", f"Node/{each.name.removeprefix(NODE_NAME_PREFIX)}")


def _of_statuses(index: ClusterIndex) -> Iterator[Reference]:
    for each in index.resources.node_statuses.values():
        yield Reference(label(each), "spec.node", f"Node/{each.spec.node}")


def _of_slices(index: ClusterIndex) -> Iterator[Reference]:
    for each in index.resources.endpoint_slices.values():
        namespace, name = each.service_key
        if name:
            field = f"metadata.labels[{SERVICE_NAME_LABEL!r}]"
            yield Reference(label(each), field, f"Service/{namespace}/{name}")


_QUESTIONS: tuple[Callable[[ClusterIndex], Iterable[Reference]], ...] = (
    _of_peers, _of_blocks, _of_configurations, _of_statuses, _of_slices,
)  # fmt: skip
