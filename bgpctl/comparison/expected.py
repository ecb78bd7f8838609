"""What our speaker would have on one node: the routes that the node originates, and those that it would learn.

Learned routes are worked out as the topology proof works them out (guardrails/proof): engines with the plans of a few
nodes, which stand for all of their kind, and of the node itself. What a node of a kind originates arrives as that of
the one that stands for it, with its own address in the place of the other's. Asked is what the resources say: routes of
workloads with an address of their own, addresses of single services and whatever routers outside send are not in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bgpctl.compiler import ClusterIndex, CompileOptions, compile_every_node, compile_node
from bgpctl.guardrails.proof.classes import Classes, node_classes
from bgpctl.guardrails.proof.completeness import NO_NODES
from bgpctl.guardrails.proof.graph_builder import session_graphs
from bgpctl.guardrails.proof.network import Network
from bgpctl.guardrails.proof.obstacle import Stop
from bgpctl.guardrails.proof.prefixes import Prefixes
from bgpctl.resources.resource_set import ResourceSet
from reflector.addresses import family_of, unpack_address
from reflector.plan import NodePlan, Origination, RouteSource


class Origin(StrEnum):
    """How a route comes to the node."""

    BLOCK = "block"
    SERVICE = "service"
    TUNNEL = "tunnel"
    HOST = "reachableBy"
    BGP = "bgp"


OF_SOURCE = {RouteSource.BLOCK: Origin.BLOCK, RouteSource.SERVICE: Origin.SERVICE, RouteSource.STATIC: Origin.TUNNEL}


@dataclass(frozen=True, slots=True)
class ExpectedRoute:
    """One route of the Loc-RIB, or a host route of the plan.

    next_hop     of a learned one, the gateway of a host route; else ""
    sender       the peer that a learned one would come from
    local_pref   None where there is none
    node         the node that originates it
    """

    prefix: str
    origin: Origin
    next_hop: str = ""
    sender: str = ""
    local_pref: int | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """plan      the node's, with every session of the mesh
    missed    prefixes of other nodes that no session brings, with the obstacle
    through_others   those of them whose only way is through routers that are no nodes
    """

    plan: NodePlan
    routes: Mapping[str, ExpectedRoute]
    missed: Mapping[str, Stop]
    through_others: frozenset[str]


def expected_routes(resources: ResourceSet, node: str, options: CompileOptions) -> Expected:
    """For a node that is there and has a speaker."""
    index = ClusterIndex(resources, lists_mesh=False)
    plans = {compiled.plan.node: compiled.plan for compiled in compile_every_node(index, options)}
    whole = compile_node(resources, node, options).plan
    routes = {each.prefix: each for each in _own(whole)}
    missed: dict[str, Stop] = {}
    through_others: set[str] = set()
    for graph in session_graphs(plans.values(), index, options):
        if node in graph.routers:
            learned = _Learned(node_classes(graph), node, plans, Prefixes(graph.family, index, options))
            for route in learned.routes():
                routes.setdefault(route.prefix, route)
            missed |= {prefix: stop for prefix, stop in learned.missed.items() if prefix not in routes}
            through_others |= learned.through_others
    return Expected(whole, routes, missed, frozenset(through_others))


def _own(plan: NodePlan) -> Iterator[ExpectedRoute]:
    for each in plan.originations:
        yield ExpectedRoute(each.prefix, OF_SOURCE[each.source], node=plan.node)
    for host in plan.kernel.host_routes:
        length = 128 if ":" in host.address else 32
        yield ExpectedRoute(f"{host.address}/{length}", Origin.HOST, host.gateway)


class _Learned:
    """What one node learns of the others, in one family."""

    def __init__(self, classes: Classes, node: str, plans: Mapping[str, NodePlan], prefixes: Prefixes) -> None:
        self.missed: dict[str, Stop] = {}
        self.through_others: set[str] = set()
        self._classes = classes
        self._graph = classes.graph
        self._node = node
        self._plans = plans
        self._prefixes = prefixes
        present = {name for each in classes.classes for name in each.standing(NO_NODES)} | {node}
        self._present = [name for name in self._graph.routers if name in present]
        self._network = Network(self._graph, self._present)
        self._network.settle()
        self._beyond: Network | None = None

    def routes(self) -> Iterator[ExpectedRoute]:
        for name in self._graph.routers:
            if name != self._node and self._graph.index.nodes[name].has_speaker:
                for origination in self._originated(name):
                    yield from self._arriving(name, origination)

    def _originated(self, name: str) -> Iterator[Origination]:
        family = self._graph.family
        for each in self._plans[name].originations:
            if each.source is RouteSource.BLOCK and family_of(each.prefix) == family:
                yield each

    def _arriving(self, name: str, origination: Origination) -> Iterator[ExpectedRoute]:
        standing = self._stands_for(name)
        kind = self._prefixes.kinds((origination.prefix,))
        likes = (each for each in self._graph.routers[standing].prefixes if self._prefixes.kinds((each,)) == kind)
        like = next(likes, "")
        if not like:
            return  # Felix's alone
        path = self._network.best(self._node, like) if self._network.reaches(self._node, like) else None
        if path is None or path.attributes is None or path.sender is None:
            self._miss(origination.prefix, like)
            return
        addresses = self._addresses_of(standing, name)
        next_hop = unpack_address(path.attributes.next_hop[:16])
        sender = unpack_address(path.sender.address)
        yield ExpectedRoute(
            origination.prefix,
            Origin.BGP,
            addresses.get(next_hop, next_hop),
            addresses.get(sender, sender),
            path.attributes.local_pref,
            name,
        )

    def _stands_for(self, name: str) -> str:
        """The node itself where it is followed, else another one of its kind."""
        if name in self._present:
            return name
        return next(each for each in self._classes.of[name].standing(frozenset((self._node,))))

    def _addresses_of(self, standing: str, name: str) -> dict[str, str]:
        """Of the one that stands for it -> its own."""
        theirs, own = self._graph.index.nodes[standing].addresses, self._graph.index.nodes[name].addresses
        return {theirs[family]: own[family] for family in theirs if theirs[family] and own[family]}

    def _miss(self, prefix: str, like: str) -> None:
        self.missed[prefix] = self._network.stop(like, self._node)
        if any(self._graph.routers[each].outside for each in self._present):
            if self._beyond is None:
                self._beyond = Network(self._graph, self._present, beyond=True)
                self._beyond.settle()
            if self._beyond.reaches(self._node, like):
                self.through_others.add(prefix)
