"""One node's pasted output beside the resources: the whole comparison."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bgpctl.comparison.expected import expected_routes
from bgpctl.comparison.node_status import NodeStatus, is_node_status, read_node_status
from bgpctl.comparison.pasted import PastedError
from bgpctl.comparison.routes import compare_routes, families_of
from bgpctl.comparison.sessions import compare_sessions
from bgpctl.comparison.show_route import BirdRoute, read_show_route
from bgpctl.comparison.text import Comparison
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.resources.resource_set import ResourceSet
from reflector.addresses import FAMILIES


@dataclass(frozen=True, slots=True)
class Pasted:
    """What several texts have together: routes of both families, the sessions of a node."""

    routes: tuple[BirdRoute, ...] = ()
    status: NodeStatus | None = None


def read_pasted(text: str) -> Pasted:
    """What this text is. Raises PastedError."""
    if is_node_status(text):
        return Pasted(status=read_node_status(text))
    routes = read_show_route(text)
    if not routes:
        raise PastedError(
            0, "no route and no session is in it; paste `birdc show route all` or `calicoctl node status`"
        )
    return Pasted(routes)


def compare(resources: ResourceSet, node: str, options: CompileOptions, pasted: Iterable[Pasted]) -> Comparison:
    """For a node of the resources that has a BGP speaker."""
    pasted = tuple(pasted)
    routes = tuple(route for each in pasted for route in each.routes)
    index = ClusterIndex(resources)
    expected = expected_routes(resources, node, options)
    sessions = [
        row for each in pasted if each.status is not None for row in compare_sessions(each.status, expected.plan, index)
    ]
    own = frozenset(family for family in FAMILIES if index.nodes[node].addresses[family])
    compared = families_of(routes)
    return Comparison(
        node=node,
        routes=compare_routes(routes, expected, index),
        sessions=tuple(sessions),
        compared=compared,
        absent=own - compared if routes else frozenset(),
    )
