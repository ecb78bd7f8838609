"""The engines of some nodes of a session graph, joined by its sessions, and what has become of every prefix when they
have no more to say to each other.

There is no model of BGP here: each node runs its own plan - policies, BGPFilters, pools, roles, cluster IDs - in the
engine that its speaker has. Only what is around it is left out: sockets, clocks and kernels.

With `beyond` the routers that are no nodes are there as well, in the kindest form that they can have: each accepts
everything, passes everything on, reflects where it is in one AS with its peers, and has a session with each of the
others. They keep the rules of BGP all the same: a router drops routes with its own AS in AS_PATH. What does not arrive
with such routers arrives with none; what arrives only with them is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from itertools import combinations
from typing import NamedTuple

from msgspec.structs import replace

from bgpctl.guardrails.proof.obstacle import OF_VERDICT, Obstacle, Stop
from bgpctl.guardrails.proof.session_graph import SessionGraph
from reflector.addresses import family_of, pack_address
from reflector.engine import Engine
from reflector.plan import Family, NodePlan, Origination, RouteSource, SessionKind, SessionPlan, Verdict
from reflector.rib.path import Path
from reflector.session.negotiated import Negotiated
from reflector.verdict import RouteVerdict
from reflector.wire.message import MessageReader
from reflector.wire.nlri import pack_nlri

# Routes pass a session a round. A network that has not settled then is watched for some more rounds: what changes in
# them never settles.
MOST_ROUNDS = 200
WATCHED_ROUNDS = 24
MOST_OCTETS = 4096
FIRST_ROUTER_ID_BEYOND = int(IPv4Address("255.0.0.0"))


class _End(NamedTuple):
    """One end of a session: whose it is, its definition, and its own address on it."""

    router: str
    session: SessionPlan
    address: str


class Network:
    """`settle` is the first thing to be called. Routers beyond the nodes have names that no node has."""

    def __init__(self, graph: SessionGraph, present: Sequence[str], *, beyond: bool = False) -> None:
        self._graph = graph
        self._family: Family = graph.family
        joints = [*_between_nodes(graph, present), *(_beyond(graph, present) if beyond else ())]
        self._engines = dict(_engines(graph, present, joints))
        self._joints: dict[str, list[tuple[_End, _End]]] = {name: [] for name in self._engines}
        self._channels: dict[tuple[str, str], tuple[str, str, MessageReader]] = {}
        self.unsettled: frozenset[bytes] = frozenset()
        for one, other in joints:
            self._establish(one, other)
            self._establish(other, one)

    def follows(self, name: str) -> bool:
        return name in self._engines

    def has(self, name: str, prefix: str) -> bool:
        """Whether the router has a route to it that it uses."""
        return self.best(name, prefix) is not None

    def best(self, name: str, prefix: str) -> Path | None:
        """The route that the router uses."""
        return self._engines[name].ribs[self._family].best(pack_nlri(prefix))

    def reaches(self, name: str, prefix: str) -> bool:
        """Whether the router has a route to it for good."""
        return self.has(name, prefix) and pack_nlri(prefix) not in self.unsettled

    def settle(self) -> None:
        """Until no router has anything to say."""
        if not any(self._is_quiet() for _ in range(MOST_ROUNDS)):
            before, found = self._selected(), set()
            for _ in range(WATCHED_ROUNDS):
                self._is_quiet()
                now = self._selected()
                found |= {key for key in before.keys() | now.keys() if before.get(key) is not now.get(key)}
                before = now
            self.unsettled = frozenset(nlri for _, nlri in found)

    def stop(self, prefix: str, there: str) -> Stop:
        """Why this router has no route to it: the obstacle nearest to it, and between which two routers."""
        if pack_nlri(prefix) in self.unsettled:
            return Stop(Obstacle.UNSETTLED)
        seen, frontier = {there}, [there]
        while frontier:
            for here in frontier:
                for own, far in self._joints[here]:
                    if self.has(far.router, prefix):
                        return self._between(prefix, far.router, own.router)
            frontier = [far.router for here in frontier for _, far in self._joints[here] if far.router not in seen]
            seen.update(frontier)
        return Stop(Obstacle.NO_SESSION, receiver=there)

    def _between(self, prefix: str, sender: str, receiver: str) -> Stop:
        """The first, by the order of obstacles, of what stands in the way on their sessions."""
        pairs = [(own, far) for own, far in self._joints[receiver] if far.router == sender]
        found = [self._on(prefix, far, own) for own, far in pairs]
        obstacle, rule = min(found, key=lambda each: list(Obstacle).index(each[0]))
        return Stop(obstacle, sender, receiver, rule)

    def _on(self, prefix: str, sender: _End, receiver: _End) -> tuple[Obstacle, str]:
        nlri = pack_nlri(prefix)
        rib_in = self._engines[receiver.router].peers[receiver.session.name].adj_rib_in[self._family]
        if nlri in rib_in.routes:
            path = rib_in.routes[nlri]
            return _obstacle(path.verdict, path.rule)
        engine, path_of_sender = self._engines[sender.router], self.best(sender.router, prefix)
        group = engine.peers[sender.session.name].group
        assert group is not None and path_of_sender is not None, "every session is Established, and the sender has it"  # noqa: S101, PT018
        prefix_class = engine.policies.classes[self._family].classify(nlri)
        decision = group.view.decide(path_of_sender, prefix_class)
        return _obstacle(decision.verdict, decision.rule)

    def _establish(self, own: _End, far: _End) -> None:
        negotiated = Negotiated(
            router_id=pack_address(self._engines[far.router].plan.router_id),
            local_address=pack_address(own.address),
            families=(self._family,),
            hold_time=0,
            extended_next_hop=frozenset[Family]({4} if self._family == 4 else ())
            if ":" in own.address
            else frozenset(),
        )
        self._engines[own.router].session_up(own.session.name, negotiated, 0.0)
        self._channels[own.router, own.session.name] = far.router, far.session.name, MessageReader(MOST_OCTETS)
        self._joints[own.router].append((own, far))

    def _is_quiet(self) -> bool:
        """One round: what everybody has to say reaches the others."""
        turns = [(name, engine.flush(0.0)) for name, engine in self._engines.items()]
        for name, turn in turns:
            for peer in turn.ready:
                while (chunk := peer.outbox.take()) is not None:
                    self._deliver(self._channels[name, peer.name], bytes(chunk))
        return not any(turn.ready or turn.is_unfinished for _, turn in turns)

    def _deliver(self, channel: tuple[str, str, MessageReader], chunk: bytes) -> None:
        there, session, reader = channel
        for kind, body in reader.feed(chunk):
            self._engines[there].receive(session, kind, body, 0.0)

    def _selected(self) -> dict[tuple[str, bytes], Path | None]:
        return {
            (name, nlri): rib.best(nlri)
            for name, engine in self._engines.items()
            for rib in (engine.ribs[self._family],)
            for nlri in rib.prefixes()
        }


def _obstacle(verdict: RouteVerdict, rule: str) -> tuple[Obstacle, str]:
    """A verdict that the table does not have speaks for itself."""
    found = OF_VERDICT.get(verdict, Obstacle.REFUSED)
    return found, rule or (verdict.text if found is Obstacle.REFUSED else "")


def _engines(
    graph: SessionGraph, present: Sequence[str], joints: Iterable[tuple[_End, _End]]
) -> Iterator[tuple[str, Engine]]:
    sessions: dict[str, list[SessionPlan]] = {name: [] for name in present}
    for pair in joints:
        for end in pair:
            sessions.setdefault(end.router, []).append(end.session)
    for number, (name, found) in enumerate(sessions.items()):
        if name in graph.routers:
            yield name, Engine(_plan(graph, name, found), 0.0)
        else:
            identifier = str(IPv4Address(FIRST_ROUTER_ID_BEYOND + number))
            yield name, Engine(NodePlan(name, identifier, found[0].local_as, identifier, sessions=tuple(found)), 0.0)


def _plan(graph: SessionGraph, name: str, sessions: Iterable[SessionPlan]) -> NodePlan:
    """The node's own, with those of its sessions that are here, and the prefixes that are followed. Sessions that stand
    for the clusters it serves are in it as well, and never come up."""
    router = graph.routers[name]
    defined = {each.name: each for each in (*router.serving.values(), *sessions)}
    known = {each.prefix: each for each in router.plan.originations}
    return replace(
        router.plan,
        sessions=tuple(defined.values()),
        suppressed=(),
        policies=graph.policies(name),
        originations=tuple(
            known.get(each) or Origination(each, RouteSource.BLOCK, _priority(router.plan, graph.family))
            for each in router.prefixes
        ),
    )


def _priority(plan: NodePlan, family: Family) -> int:
    return plan.kernel.normal_priority_v4 if family == 4 else plan.kernel.normal_priority_v6


def _between_nodes(graph: SessionGraph, present: Sequence[str]) -> Iterator[tuple[_End, _End]]:
    for here, there in combinations(present, 2):
        far_ends = graph.links(there, here)
        for between, session in graph.links(here, there).items():
            yield (
                _end(graph, here, session, f"{there} {between}"),
                _end(graph, there, far_ends[between], f"{here} {between}"),
            )


def _end(graph: SessionGraph, router: str, session: SessionPlan, name: str) -> _End:
    """A session is called after its other end, which is unique also where addresses are not."""
    own = session.local_address or graph.routers[router].addresses[family_of(session.peer_address)]
    return _End(router, replace(session, name=name, families=(graph.family,)), own)


def _beyond(graph: SessionGraph, present: Sequence[str]) -> Iterator[tuple[_End, _End]]:
    """Each peer that is no node, with the nodes that have a session with it, and all of them with each other."""
    addresses: dict[str, tuple[str, int]] = {}
    for here in present:
        for session in graph.routers[here].outside:
            router = f"{session.peer_address} (AS {session.peer_as})"
            addresses[router] = session.peer_address, session.peer_as
            near = _end(graph, here, session, router)
            yield (
                near,
                _End(router, _kind(here, (near.address, session.local_as), session.peer_as), session.peer_address),
            )
    for (one, (own, own_as)), (other, (far, far_as)) in combinations(addresses.items(), 2):
        if family_of(own) == family_of(far) and own != far:
            yield (
                _End(one, _kind(other, (far, far_as), own_as), own),
                _End(other, _kind(one, (own, own_as), far_as), far),
            )


def _kind(peer: str, address: tuple[str, int], local_as: int) -> SessionPlan:
    """The session of a router beyond the nodes, that lets everything pass."""
    return SessionPlan(
        name=peer,
        kind=SessionKind.NODE,
        peer_address=address[0],
        peer_as=address[1],
        local_as=local_as,
        families=(family_of(address[0]),),
        rr_client=address[1] == local_as,
        export_default=Verdict.ACCEPT,
    )
