"""BIRD's routes of a node beside those that our speaker would have there: of each prefix the one that is used.

What BIRD has of this node's kernel and interfaces is left out: our speaker has no such routes, and those that lead to
workloads are observed on the node (workload-routes.md). So are routes of routers outside, where a session with the same
router is in the plan. Next hops compare as BGP has them; without `show route all` BIRD shows the gateway only, and then
the gateway or the peer has to be the expected one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bgpctl.comparison.expected import Expected, ExpectedRoute, Origin
from bgpctl.comparison.outcome import Outcome, Row
from bgpctl.comparison.show_route import BLACKHOLE, UNICAST, BirdRoute
from bgpctl.compiler import ClusterIndex
from bgpctl.compiler.cluster.configuration import service_prefixes
from reflector.addresses import contains, family_of, prefix_order
from reflector.plan import Family, SessionPlan

INTERFACES = "networks of this node's interfaces"
KERNEL = "routes in this node's kernel"
WORKLOADS = "routes of workloads and services, which follow the kernel and the endpoints of their node"
OUTSIDE = "routes of routers outside with which the plan has the same session"
OURS = {
    Origin.BLOCK: "block of this node",
    Origin.SERVICE: "services, from this node",
    Origin.TUNNEL: "tunnel route",
    Origin.HOST: "{} (reachableBy)",
}
VXLAN_DEVICES = ("vxlan.calico", "vxlan-v6.calico")


def compare_routes(bird: Iterable[BirdRoute], expected: Expected, index: ClusterIndex) -> tuple[Row, ...]:
    """In the order of prefixes, of the families that BIRD's output has."""
    return tuple(_Comparison(bird, expected, index).rows())


def families_of(bird: Iterable[BirdRoute]) -> frozenset[Family]:
    return frozenset(family_of(each.prefix) for each in bird)


class _Comparison:
    def __init__(self, bird: Iterable[BirdRoute], expected: Expected, index: ClusterIndex) -> None:
        bird = tuple(bird)
        self._families = families_of(bird)
        self._used = {each.prefix: each for each in bird if each.is_used}
        self._expected = expected
        self._index = index
        self._sessions = {each.peer_address: each for each in expected.plan.sessions}

    def rows(self) -> Iterator[Row]:
        ours = {prefix for prefix in self._expected.routes if family_of(prefix) in self._families}
        for prefix in sorted({*self._used, *ours}, key=prefix_order):
            there, wanted = self._used.get(prefix), self._expected.routes.get(prefix)
            if there is None:
                assert wanted is not None  # noqa: S101  it is of one of the two
                yield Row(prefix, Outcome.EXTRA, ours=_ours(wanted))
            elif wanted is None:
                yield self._only_birds(there)
            else:
                yield _both(there, wanted)

    # ------------------------------------------------------------------------------- what only BIRD has

    def _only_birds(self, there: BirdRoute) -> Row:
        outcome, note = self._why(there)
        return Row(there.prefix, outcome, _bird(there), note=note, line=there.line)

    def _why(self, there: BirdRoute) -> tuple[Outcome, str]:
        if there.protocol.startswith("direct"):
            return Outcome.LEFT_OUT, INTERFACES
        if there.protocol.startswith("kernel"):
            return Outcome.LEFT_OUT, KERNEL
        if not there.is_by_bgp:
            return Outcome.MISSING, "no block, service network or reachableBy of the resources gives it to this node"
        if there.prefix in self._expected.missed:
            return self._missed(there.prefix)
        session = self._sessions.get(there.peer)
        if session is None:
            return Outcome.MISSING, self._without_session(there.peer)
        return self._of_node(there) if there.peer in self._index.node_by_address else self._of_outside(session)

    def _missed(self, prefix: str) -> tuple[Outcome, str]:
        stop = self._expected.missed[prefix]
        if prefix in self._expected.through_others:
            return Outcome.UNKNOWN, "it comes only if routers that are no nodes pass it on"
        between = f" between {stop.sender} and {stop.receiver}" if stop.sender else ""
        return Outcome.MISSING, f"stopped{between}: {stop.obstacle}{f' ({stop.rule})' if stop.rule else ''}"

    def _without_session(self, peer: str) -> str:
        if not peer:
            return "it comes from a peer that is not named; paste `birdc show route all`"
        reason = next((each.reason for each in self._expected.plan.suppressed if each.peer_address == peer), "")
        return (
            f"the session with {peer} is suppressed: {reason}" if reason else f"no session with {peer} is in the plan"
        )

    def _of_node(self, there: BirdRoute) -> tuple[Outcome, str]:
        """No block of that node: something that its kernel or the endpoints of a service make it advertise."""
        known = (*(pool.prefix for pool in self._index.pools), *self._services())
        if any(contains(each, there.prefix) for each in known):
            return Outcome.LEFT_OUT, WORKLOADS
        return (
            Outcome.UNKNOWN,
            f"no IPPool and no service network contains it; {there.peer} may advertise it by a BGPFilter",
        )

    def _services(self) -> Iterator[str]:
        spec = self._index.configuration.cluster
        for entries in (spec.service_cluster_ips, spec.service_external_ips, spec.service_load_balancer_ips):
            yield from service_prefixes(entries)

    def _of_outside(self, session: SessionPlan) -> tuple[Outcome, str]:
        if session.import_policies:
            policies = ", ".join(session.import_policies)
            return Outcome.UNKNOWN, f"the import policies of the session decide about it: {policies}"
        return Outcome.LEFT_OUT, OUTSIDE


# ------------------------------------------------------------------------------------- what both have


def _both(there: BirdRoute, wanted: ExpectedRoute) -> Row:
    differs, notes = _ALIKE[wanted.origin](there, wanted)
    if not there.in_kernel:
        notes = (*notes, "BIRD could not put it into the kernel")
    outcome = Outcome.OTHER if differs else Outcome.SAME
    return Row(there.prefix, outcome, _bird(there), _ours(wanted), "; ".join((*differs, *notes)), there.line)


# What differs, and what else is worth knowing.
Findings = tuple[tuple[str, ...], tuple[str, ...]]


def _originated(there: BirdRoute, _: ExpectedRoute) -> Findings:
    differs = () if there.kind == BLACKHOLE and not there.is_by_bgp else ("this node would originate it",)
    return differs, ()


def _tunnelled(there: BirdRoute, wanted: ExpectedRoute) -> Findings:
    through = any(way.link in VXLAN_DEVICES for way in there.ways)
    return (() if through else (f"through the VXLAN: {wanted.prefix} is a block of a node without a BGP speaker",)), ()


def _host(there: BirdRoute, wanted: ExpectedRoute) -> Findings:
    same = wanted.next_hop in there.gateways and not there.is_by_bgp
    return (() if same else ("a host route of reachableBy",)), ()


def _learned(there: BirdRoute, wanted: ExpectedRoute) -> Findings:
    if not there.is_by_bgp:
        return (f"BIRD uses a route of {there.protocol}",), ()
    if there.kind != UNICAST:
        return (f"BIRD has no way to its next hop ({there.kind})",), ()
    differs = []
    shown = {there.next_hop} if there.next_hop else {*there.gateways, there.peer}
    if wanted.next_hop not in shown:
        differs.append("another next hop")
    if None not in (there.local_pref, wanted.local_pref) and there.local_pref != wanted.local_pref:
        differs.append(f"LOCAL_PREF {there.local_pref}, ours {wanted.local_pref}")
    other_peer = there.peer != wanted.sender and bool(there.peer)
    return tuple(differs), (f"from {there.peer}, ours from {wanted.sender}",) if other_peer else ()


_ALIKE: dict[Origin, Callable[[BirdRoute, ExpectedRoute], Findings]] = {
    Origin.BLOCK: _originated,
    Origin.SERVICE: _originated,
    Origin.TUNNEL: _tunnelled,
    Origin.HOST: _host,
    Origin.BGP: _learned,
}


def _bird(there: BirdRoute) -> str:
    """ "10.3.0.1 (Mesh_10_3_0_1)"."""
    ways = ", ".join(way.gateway or f"dev {way.link}" for way in there.ways)
    return f"{there.next_hop or ways or there.kind} ({there.protocol})"


def _ours(wanted: ExpectedRoute) -> str:
    if wanted.origin is Origin.BGP:
        return f"{wanted.next_hop} ({wanted.node})"
    return OURS[wanted.origin].format(wanted.next_hop)
