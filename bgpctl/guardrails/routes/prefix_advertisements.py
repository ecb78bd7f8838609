"""Prefix advertisements of addresses that nothing in the cluster has."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding
from reflector.addresses import canonical_prefix

Network = IPv4Network | IPv6Network


def advertised_prefixes(cluster: ClusterSessions) -> Iterator[Finding]:
    """An advertisement that overlaps no pool, no block, no pod CIDR and no service address tags no route."""
    configurations = cluster.resources.bgp_configurations.values()
    if not any(each.spec.prefix_advertisements for each in configurations):
        return
    networks = set(_networks(cluster))
    for configuration in configurations:
        for at, each in enumerate(configuration.spec.prefix_advertisements):
            network = ip_network(canonical_prefix(each.cidr))
            if not any(network.version == other.version and network.overlaps(other) for other in networks):
                message = f"{network} overlaps no IPPool, block or service: no route gets these communities"
                path = f"$.spec.prefixAdvertisements[{at}].cidr"
                yield Finding("advertisement-without-pool", configuration, path, message)


def _networks(cluster: ClusterSessions) -> Iterator[Network]:
    """Every network that the cluster may advertise. Blocks and pod CIDRs lie outside pools where IPAM is another's."""
    resources = cluster.resources
    texts = [pool.spec.cidr for pool in resources.ip_pools.values()]
    texts += [affinity.spec.cidr for affinity in resources.block_affinities.values()]
    texts += [cidr for node in resources.nodes.values() for cidr in node.status.pod_cidrs]
    if cluster.configuration is not None:
        spec = cluster.configuration.spec
        for entries in (spec.service_cluster_ips, spec.service_external_ips, spec.service_load_balancer_ips):
            texts += [entry.cidr for entry in entries]
    for service in resources.services.values():
        addresses = (*service.spec.cluster_ips, service.spec.cluster_ip, *service.spec.external_ips)
        texts += [address for address in addresses if address != "None"]
        texts += [each.ip for each in service.status.load_balancer.ingress]
    yield from (ip_network(canonical_prefix(text)) for text in dict.fromkeys(texts) if text)
