"""The cluster's networks - pools, service networks, the nodes' own - must not lie over each other.

    a pool over a node's subnet          routes of blocks take the way to the neighbours: sessions and nodes are lost
    a service network over a node        it is advertised, and draws the node's own packets
    a pool over a service network        two owners of one address
    cluster IPs over other service networks   the same
    a service network of nearly everything    it is advertised: a default route, or something close to it

Pools for load balancers are service networks, and external and load balancer networks may be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from bgpctl.compiler.cluster.configuration import service_prefixes
from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, some
from bgpctl.resources.values.model import Resource, yaml_name
from reflector.addresses import FAMILIES, canonical_prefix, contains, family_of, prefix_length
from reflector.plan import Family

SERVICE_LISTS = ("service_cluster_ips", "service_external_ips", "service_load_balancer_ips")
MAY_BE_ONE = frozenset({"service_external_ips", "service_load_balancer_ips"})
# A shorter prefix is no network of services.
SHORTEST_SERVICE_NETWORK: dict[Family, int] = {4: 8, 6: 16}


@dataclass(frozen=True, slots=True)
class _Network:
    """`kind` is "pool" or the name of the service list."""

    prefix: str
    kind: str
    name: str
    resource: Resource
    path: str


def networks(cluster: ClusterSessions) -> Iterator[Finding]:
    """All findings about them."""
    services = list(_services(cluster))
    wide = [each for each in services if prefix_length(each.prefix) < SHORTEST_SERVICE_NETWORK[family_of(each.prefix)]]
    for each in wide:
        message = f"{each.prefix} would be advertised: it draws traffic to everywhere; name the services' own network"
        yield Finding("service-network-too-wide", each.resource, each.path, message)
    known = [*_pools(cluster), *(each for each in services if each not in wide)]
    yield from _over_nodes(cluster, known)
    yield from _over_each_other(known)


def _pools(cluster: ClusterSessions) -> Iterator[_Network]:
    for name, pool in cluster.resources.ip_pools.items():
        if "LoadBalancer" not in pool.spec.allowed_uses:
            yield _Network(canonical_prefix(pool.spec.cidr), "pool", f"the IPPool {name!r}", pool, "$.spec.cidr")


def _services(cluster: ClusterSessions) -> Iterator[_Network]:
    configuration = cluster.configuration
    if configuration is None:
        return
    for field in SERVICE_LISTS:
        entries = getattr(configuration.spec, field)
        for place, entry in enumerate(entries):
            for prefix in service_prefixes((entry,)):
                name = yaml_name(field)
                yield _Network(prefix, field, name, configuration, f"$.spec.{name}[{place}].cidr")


def _over_nodes(cluster: ClusterSessions, known: list[_Network]) -> Iterator[Finding]:
    """A pool may not even be over the subnet; of a service network some address of the subnet may be used."""
    subnets: dict[tuple[str, str], list[str]] = {}
    for name, facts in cluster.index.nodes.items():
        for family in FAMILIES:
            if facts.addresses[family]:
                subnets.setdefault((facts.subnets[family], facts.addresses[family]), []).append(name)
    for each in known:
        met = [
            name
            for (subnet, address), names in subnets.items()
            if contains(each.prefix, address) or (each.kind == "pool" and _overlap(each.prefix, subnet))
            for name in names
        ]
        if met:
            message = (
                f"{each.prefix} lies over the network of the nodes themselves ({some(met)}): its routes take the place "
                "of the way to them; use another network"
            )
            yield Finding("network-over-nodes", each.resource, each.path, message)


def _over_each_other(known: list[_Network]) -> Iterator[Finding]:
    for one, other in combinations(known, 2):
        if _have_different_owners(one, other) and _overlap(one.prefix, other.prefix):
            message = (
                f"{other.prefix} of {other.name} and {one.prefix} of {one.name} lie over each other: an address would "
                "belong to both; use separate networks"
            )
            yield Finding("networks-overlap", other.resource, other.path, message)


def _have_different_owners(one: _Network, other: _Network) -> bool:
    """Two pools are an error of theirs (overlapping-pools)."""
    return one.kind != other.kind and not {one.kind, other.kind} <= MAY_BE_ONE


def _overlap(one: str, other: str) -> bool:
    return contains(one, other) or contains(other, one)
