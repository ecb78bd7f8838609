"""Route reflectors and their clients: enough of them, and joined the way their cluster IDs need (RFC 4456 7 and 8).

The rule: clients of one set of reflectors receive the routes of clients of another when the sets have a reflector in
common, or when two reflectors of different cluster IDs have a session, directly or through others. Reflectors of one
cluster ID drop what the other reflected, so between them nothing but a common client helps. Nodes that also have a mesh
are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import combinations

from bgpctl.guardrails.cluster_sessions import ClusterSessions
from bgpctl.guardrails.finding import Finding, some
from bgpctl.resources.kinds.node import Node

Reflectors = frozenset[str]
_PATH = "$.spec.bgp.routeReflectorClusterID"


class Reflection:
    """The clients of each reflector: only sessions within one AS."""

    def __init__(self, cluster: ClusterSessions) -> None:
        self.cluster = cluster
        nodes = cluster.index.nodes.items()
        self.clients: dict[str, set[str]] = {n: set() for n, facts in nodes if facts.is_reflector and facts.has_speaker}
        self.joined: dict[str, set[str]] = {name: set() for name in self.clients}
        self.outside: set[str] = set()
        as_number = cluster.index.as_number
        for name, here, _ in cluster.joined():
            other = here.endpoint.node
            if name in self.clients and as_number(name) == as_number(other):
                (self.joined if other in self.clients else self.clients)[name].add(other)
        for name, found in cluster.peerings.items():
            if any(not each.endpoint.node for each in found.wanted):
                self.outside.add(name)

    @cached_property
    def groups(self) -> Mapping[Reflectors, list[str]]:
        """Clients by the reflectors that they have."""
        reflectors: dict[str, set[str]] = {}
        for reflector, clients in self.clients.items():
            for client in clients:
                reflectors.setdefault(client, set()).add(reflector)
        groups: dict[Reflectors, list[str]] = {}
        for client, found in reflectors.items():
            groups.setdefault(frozenset(found), []).append(client)
        return groups

    def cluster_id(self, reflector: str) -> str:
        return self.cluster.index.nodes[reflector].cluster_id

    def as_number(self, reflectors: Reflectors) -> int:
        return self.cluster.index.as_number(next(iter(reflectors)))

    def node(self, name: str) -> Node:
        return self.cluster.index.nodes[name].node


def reflectors(cluster: ClusterSessions) -> Iterator[Finding]:
    """All findings about reflection."""
    reflection = Reflection(cluster)
    yield from without_clients(reflection)
    yield from single_reflector(reflection)
    yield from unjoined_clients(reflection)
    yield from redundant_cluster_ids(reflection)


def without_clients(reflection: Reflection) -> Iterator[Finding]:
    """Nodes with a cluster ID and no client, although others have clients: most often a label is missing."""
    if not reflection.cluster.is_examined or not any(reflection.clients.values()):
        return
    for name, clients in reflection.clients.items():
        below = [each for each in reflection.joined[name] if reflection.cluster_id(each) != reflection.cluster_id(name)]
        if not clients and not below and name not in reflection.outside:
            message = (
                f"the node has the cluster ID {reflection.cluster_id(name)} and no node is its client, so it reflects "
                "nothing and is in no mesh; see whether it lacks the label by which BGPPeers select reflectors"
            )
            yield Finding("reflector-without-clients", reflection.node(name), _PATH, message)


def single_reflector(reflection: Reflection) -> Iterator[Finding]:
    """Clients whose only sessions are with one reflector."""
    mesh = reflection.cluster.mesh
    for found, clients in sorted(reflection.groups.items(), key=_by_name):
        alone = [name for name in clients if name not in mesh and name not in reflection.outside]
        if len(found) == 1 and alone:
            (reflector,) = found
            message = f"the only reflector of {some(alone)}: when it fails they get no routes; give them a second one"
            yield Finding("single-reflector", reflection.node(reflector), _PATH, message)


def unjoined_clients(reflection: Reflection) -> Iterator[Finding]:
    """Groups of clients that no chain of reflectors joins."""
    mesh = reflection.cluster.mesh
    reachable = {name: _chain(reflection, name) for name in reflection.clients}
    reported: set[tuple[str, str, str]] = set()
    groups = sorted(reflection.groups.items(), key=_by_name)
    for (first, clients), (second, other_clients) in combinations(groups, 2):
        if not first.isdisjoint(second) or reflection.as_number(first) != reflection.as_number(second):
            continue
        joined = any(other in reachable[one] for one in first for other in second)
        if joined or mesh.issuperset((*clients, *other_clients)):
            continue
        one, other = min(first), min(second)
        same = {reflection.cluster_id(name) for name in first} == {reflection.cluster_id(name) for name in second}
        code = "cluster-id-splits-clients" if same else "reflectors-not-peered"
        why = f"both have the cluster ID {reflection.cluster_id(one)}" if same else "they have no session"
        if (code, one, other) not in reported:
            reported.add((code, one, other))
            message = (
                f"clients of {one} ({some(clients)}) and of {other} ({some(other_clients)}) "
                f"do not receive each other's routes: {why}"
            )
            yield Finding(code, reflection.node(other), _PATH, message)


def _chain(reflection: Reflection, start: str) -> set[str]:
    """Reflectors to which routes of its clients come: each hop to a cluster ID that the route has not seen."""
    found: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(start, frozenset((reflection.cluster_id(start),)))]
    while waiting:
        here, seen = waiting.pop()
        for there in reflection.joined[here] - found - {start}:
            if reflection.cluster_id(there) not in seen:
                found.add(there)
                waiting.append((there, seen | {reflection.cluster_id(there)}))
    return found


def _by_name(item: tuple[Reflectors, list[str]]) -> list[str]:
    return sorted(item[0])


def redundant_cluster_ids(reflection: Reflection) -> Iterator[Finding]:
    """Reflectors of the same clients with different cluster IDs, which store each other's routes a second time."""
    serving: dict[Reflectors, list[str]] = {}
    for name, clients in sorted(reflection.clients.items()):
        if clients:
            serving.setdefault(frozenset(clients), []).append(name)
    for clients_of_all, names in serving.items():
        first, *others = names
        doubled = [
            each
            for each in others
            if reflection.cluster_id(each) != reflection.cluster_id(first) and each in reflection.joined[first]
        ]
        if doubled:
            message = (
                f"{first} and {some(doubled)} have the same clients ({some(clients_of_all)}), different cluster IDs: "
                "each keeps all routes a second time, as the other reflects them; with one cluster ID it does not"
            )
            yield Finding("redundant-cluster-id", reflection.node(doubled[0]), _PATH, message)
