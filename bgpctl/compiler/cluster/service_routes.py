"""Service addresses: which of them this node announces, and which it must keep out of its kernel.

Whole networks (BGPConfiguration's three lists) are announced by every node, so that routers spread traffic over
all of them. Single addresses are announced by a node when

    a single-address entry of a list has been hit and the policy is Cluster   -> every node, once a slice exists
    the policy is Local                                                      -> nodes with a ready endpoint
    load balancer addresses are not aggregated and the service has one       -> every node, once one is ready
    otherwise                                                                -> no node: the network suffices

A node labelled as excluded from external load balancers announces none. No node programs a route for a service
network that another node announces: kube-proxy answers for the addresses on every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reflector.addresses import canonical_prefix, contains, family_of, is_single_address
from reflector.plan import Family, Value


class ServiceRules(Value, frozen=True):
    """What decides about services on one node, without any service: with it and the services a node knows what it
    announces, whoever has compiled the rest of its plan.

    cluster, external, load_balancer   BGPConfiguration's lists as canonical prefixes, in their order
    aggregates_load_balancers          the networks of load balancers stand for their addresses
    excluded                           the node's label keeps it out: it announces none
    reflects                           the node is a route reflector
    kubernetes_node                    what EndpointSlices call this node
    """

    cluster: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    load_balancer: tuple[str, ...] = ()
    aggregates_load_balancers: bool = False
    excluded: bool = False
    reflects: bool = False
    kubernetes_node: str = ""

    @property
    def is_empty(self) -> bool:
        """No service is announced, whatever services there are."""
        return self.excluded or not (self.cluster or self.external or self.load_balancer)


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A service that could be announced. `ready` has the nodes with a ready endpoint, by family."""

    name: str
    policy: str
    cluster: tuple[str, ...]
    external: tuple[str, ...]
    ingress: tuple[str, ...]
    asked_address: str
    has_slice: bool
    ready: dict[Family, frozenset[str]]


@dataclass(frozen=True, slots=True)
class ServiceRoutes:
    """For one node.

    announced   (prefix, what defines it), without doubles
    unkerneled  networks whose routes stay out of the kernel
    reflected   networks inside which a route reflector passes on what others announce
    own         networks inside which each node announces for itself, and passes on to external peers no other node's
                routes: a router that balances over both would send packets to a node that has no endpoint; no
                networks on a route reflector
    """

    announced: tuple[tuple[str, str], ...]
    unkerneled: tuple[str, ...]
    reflected: tuple[str, ...]
    own: tuple[str, ...]


def service_routes(services: Iterable[ServiceFacts], rules: ServiceRules) -> ServiceRoutes:
    """What the node of these rules does about service addresses."""
    networks = _networks(rules)
    announced: dict[str, str] = {}
    if not rules.excluded:
        announced.update(networks)
        for service in services:
            for address in _announced_addresses(service, rules):
                announced.setdefault(canonical_prefix(address), f"Service {service.name}")
    own = tuple(dict.fromkeys((*rules.cluster, *rules.external, *rules.load_balancer)))
    return ServiceRoutes(
        announced=tuple(announced.items()),
        unkerneled=tuple(prefix for prefix in networks if not is_single_address(prefix)),
        reflected=tuple(dict.fromkeys((*rules.load_balancer, *rules.external))) if rules.reflects else (),
        own=() if rules.reflects else own,
    )


def _networks(rules: ServiceRules) -> dict[str, str]:
    """The networks announced as a whole, and the field that defines them."""
    load_balancer = rules.load_balancer if rules.aggregates_load_balancers else ()
    named = [
        *((prefix, "serviceClusterIPs") for prefix in rules.cluster),
        *((prefix, "serviceExternalIPs") for prefix in rules.external if not is_single_address(prefix)),
        *((prefix, "serviceLoadBalancerIPs") for prefix in load_balancer if not is_single_address(prefix)),
    ]
    networks: dict[str, str] = {}
    for prefix, field in named:
        networks.setdefault(prefix, f"BGPConfiguration {field}")
    return networks


def _announced_addresses(service: ServiceFacts, rules: ServiceRules) -> Iterator[str]:
    load_balancer = [each for each in service.ingress if _inside(each, rules.load_balancer)]
    addresses = [
        *(service.cluster if rules.cluster else ()),
        *(each for each in service.external if _inside(each, rules.external)),
        *load_balancer,
    ]
    if service.policy == "Cluster" and service.has_slice and _hits_single_address(service, rules):
        yield from addresses
    elif service.policy == "Local":
        yield from (each for each in addresses if rules.kubernetes_node in service.ready[family_of(each)])
    elif load_balancer and not rules.aggregates_load_balancers:
        yield from (each for each in addresses if service.ready[family_of(each)])


def _hits_single_address(service: ServiceFacts, rules: ServiceRules) -> bool:
    """Whether one of its addresses stands in a list by itself, as a /32 or /128."""
    asked = (service.asked_address,) if service.asked_address else ()
    return any(canonical_prefix(each) in rules.load_balancer for each in (*asked, *service.ingress)) or any(
        canonical_prefix(each) in rules.external for each in service.external
    )


def _inside(address: str, prefixes: Iterable[str]) -> bool:
    return any(contains(prefix, address) for prefix in prefixes)
