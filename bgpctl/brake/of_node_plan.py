"""The basis of an agent that has its NodePlan and nothing else of the cluster, and what a controller writes for it.

Rule: with both at hand the answers are those of the resources (of_resources.py), but for three that an object of one
node has no room for. Which blocks other nodes have is taken from the routes that the node has learned. How many Nodes
of the cluster are missing is the controller's to judge, which deletes no plans of most nodes at once. And what makes a
policy reject is named without the place where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec.structs import replace

from bgpctl.brake.causes import (
    HAS_SPEAKER,
    MISSING,
    Cause,
    cause_of_missing_node,
    cause_of_prefix,
    causes_of_ending,
    ending_tunnel_routes,
)
from bgpctl.brake.decide import Decision
from bgpctl.brake.endings import BY_POLICY, Ending, endings
from bgpctl.brake.facts import (
    BGP_PEER,
    MESH,
    Facts,
    definers_of,
    defining_resource,
    idle,
    moved,
    moved_tunnel_routes,
    released,
)
from bgpctl.brake.held import HeldChange
from bgpctl.brake.limits import limits_of
from bgpctl.brake.losses import Loss
from bgpctl.brake.originations import lasting
from bgpctl.brake.replaced import Judge
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.node import every_policy
from bgpctl.node_plan.assignment import Assignment, LostSessions, PlanFacts, Reflector, Transition
from bgpctl.resources.kinds.bgp_configuration import GLOBAL_NAME
from reflector.plan import NodePlan, Policy, TunnelRoute

# The blocks of other nodes by the node that they were learned from.
Learned = Callable[[], Mapping[str, tuple[str, ...]]]


class OfNodePlan:
    def __init__(self, assignment: Assignment, learned: Learned) -> None:
        self._assignment = assignment
        self._learned = learned

    @property
    def judge(self) -> Judge:
        """The controller has asked the proof about this node and its peers, or it counts as not complete."""
        is_complete = self._assignment.transition.is_complete is True
        return lambda _: is_complete

    def facts(self, running: NodePlan) -> Facts:
        found, transition = self._assignment.facts, self._assignment.transition
        reflectors = (*found.reflectors, *transition.reflectors)
        own = self._assignment.plan
        return Facts(
            nodes=frozenset({own.node, *_peers(own), *transition.nodes}),
            reflectors={each.node: each.cluster_id for each in reflectors},
            as_number=found.as_number,
            idle=frozenset(transition.idle) & definers_of(running),
            moved=frozenset(transition.moved),
            released=frozenset(found.released),
            limits=replace(found.limits, nodes=None),
            confirmed=frozenset(found.confirmed),
            compile_policies=lambda: (*own.policies, *transition.policies),
            find_blocks=self._learned,
        )

    def held_changes(self, decision: Decision) -> tuple[HeldChange, ...]:
        return tuple(
            HeldChange(
                kind=loss.kind,
                sentence=loss.sentence,
                causes=tuple(sorted(set(self._causes(decision, loss)))),
                sessions=tuple(sorted(loss.sessions)),
                prefixes=tuple(sorted(loss.prefixes)),
                networks=tuple(sorted(loss.networks)),
                endpoints=tuple(sorted(loss.endpoints)),
                tunnel_routes=tuple(sorted(loss.tunnel_routes)),
            )
            for loss in decision.losses
        )

    def _causes(self, decision: Decision, loss: Loss) -> Iterator[Cause]:
        situation = decision.situation
        if situation is None:
            yield cause_of_missing_node(self._assignment.plan.node)
            return
        known = {
            name: Cause(each.kind, each.name, "", 0, each.what)
            for each in self._assignment.transition.lost
            for name in each.sessions
        }
        for name in loss.sessions:
            ending = situation.endings[name]
            if ending.kind not in BY_POLICY and name in known:
                yield known[name]
            else:
                yield from _from_the_plan(ending)
        node, nodes = situation.running.node, situation.facts.nodes
        yield from (cause_of_prefix(node, prefix) for prefix in loss.prefixes)
        yield from (
            Cause("IPPool", each, "", 0, "its kernel routes are not programmed as before") for each in loss.networks
        )
        yield from (self._cause_of_tunnel_route(each) for each in ending_tunnel_routes(situation, loss))
        for name in loss.endpoints:
            what = "it has no VXLAN tunnel endpoint" if name in nodes else MISSING
            yield Cause("Node", name, "", 0, what)

    def _cause_of_tunnel_route(self, route: TunnelRoute) -> Cause:
        if route.node in self._assignment.transition.speaking:
            return Cause("Node", route.node, "", 0, HAS_SPEAKER)
        return cause_of_prefix(route.node, route.prefix)


def _from_the_plan(ending: Ending) -> Iterator[Cause]:
    """What the two plans have of it: the rules that reject, else what defines the session."""
    for what, defined_by in zip(ending.changes, ending.defined_by, strict=False):
        kind, _, name = defined_by.partition(":")[0].partition(" ")
        yield Cause(kind, name, "", 0, what)
    if not ending.defined_by:
        definer = defining_resource(ending.session.defined_by)
        what = "; ".join(ending.changes) or f"it defines no session to {ending.session.peer_address}"
        if definer == MESH:
            yield Cause("BGPConfiguration", GLOBAL_NAME, "", 0, what)
        else:
            yield Cause("BGPPeer", definer.removeprefix(BGP_PEER), "", 0, what)


# --------------------------------------------------------------------------------------- what a controller writes


def facts_for(index: ClusterIndex, plan: NodePlan) -> PlanFacts:
    """For the node of the plan, which the index has."""
    settings = index.configuration.settings(plan.node)
    return PlanFacts(
        as_number=index.configuration.as_number,
        reflectors=_reflectors(index, _peers(plan)),
        released=tuple(sorted(released(index, plan.node))),
        limits=limits_of(settings),
        confirmed=tuple(sorted(settings.confirm or ())),
    )


def transition_to(
    index: ClusterIndex, wanted: NodePlan, former: Assignment, options: CompileOptions, judge: Judge
) -> Transition:
    """What a node that runs the former plan needs to judge the wanted one; `index` is of the resources that want it.
    What the former assignment says of the plans before it stays: the node may run one of those. So `former` comes
    without a transition where the node is known to run its plan."""
    node, before, were = wanted.node, former.transition, former.facts.reflectors
    peers = {*_peers(former.plan), *before.nodes}
    routes = former.plan.kernel.tunnel_routes
    tunnelled = {*(each.node for each in routes), *before.speaking} & index.nodes.keys()
    nodes = tuple(sorted((peers - set(_peers(wanted)) - {node}) & index.nodes.keys()))
    lost = _lost(index, wanted, former, (*were, *before.reflectors))
    definers = definers_of(former.plan) | {*before.busy, *before.idle}
    without_sessions = idle(index, definers)
    # The peers of sessions that the plans before the former one had are among the nodes.
    concerned = {*nodes, *({each.peer_node for each in former.plan.sessions if each.name in lost} & index.nodes.keys())}
    return Transition(
        nodes=nodes,
        reflectors=_reflectors(index, nodes),
        busy=tuple(sorted(definers - without_sessions)),
        idle=tuple(sorted(without_sessions)),
        moved=tuple(sorted(_moved(index, wanted, former, options))),
        speaking=tuple(sorted(each for each in tunnelled if index.nodes[each].has_speaker)),
        policies=tuple(_policies(index, wanted, former, options)),
        lost=_grouped(lost),
        is_complete=judge(frozenset({node, *concerned})) if lost else None,
    )


def transition_from_unknown(index: ClusterIndex, wanted: NodePlan, options: CompileOptions) -> Transition:
    """For a node that may run any plan: every other node may be a peer of that, and every policy one of its own. What
    it says of the former plan is too much rather than too little, so what is held may be more than need be."""
    nodes = tuple(sorted(index.nodes.keys() - {*_peers(wanted), wanted.node}))
    kept = {each.name for each in wanted.policies}
    policies = (each for each in every_policy(index, wanted.node, options) if each.name not in kept)
    return Transition(nodes=nodes, reflectors=_reflectors(index, nodes), policies=tuple(policies))


def _moved(index: ClusterIndex, wanted: NodePlan, former: Assignment, options: CompileOptions) -> frozenset[str]:
    earlier = set(former.transition.moved) - {each.prefix for each in wanted.kernel.tunnel_routes}
    found = moved(index, wanted.node, lasting(former.plan) | earlier)
    return found | moved_tunnel_routes(index, former.plan.kernel.tunnel_routes, options)


def _lost(
    index: ClusterIndex, wanted: NodePlan, former: Assignment, were: Iterable[Reflector]
) -> dict[str, tuple[str, str, str]]:
    """Kind, name and what it does, by session."""
    kept = {each.name for each in wanted.sessions}
    found = {
        name: (each.kind, each.name, each.what)
        for each in former.transition.lost
        for name in each.sessions
        if name not in kept
    }
    before = {each.node: each.cluster_id for each in were}
    after = {each.node: each.cluster_id for each in _reflectors(index, {*before, *_peers(wanted)})}
    for name, ending in endings(former.plan, wanted, before, after).items():
        cause = next(causes_of_ending(index, wanted.node, ending, wanted))
        found[name] = (cause.kind, cause.name, cause.what)
    return found


def _policies(index: ClusterIndex, wanted: NodePlan, former: Assignment, options: CompileOptions) -> Iterator[Policy]:
    asked = {name for each in former.plan.sessions for name in (*each.import_policies, *each.export_policies)}
    asked |= {each.name for each in former.transition.policies}
    missing = asked - {each.name for each in wanted.policies}
    if missing:
        yield from (each for each in every_policy(index, wanted.node, options) if each.name in missing)


def _grouped(lost: Mapping[str, tuple[str, str, str]]) -> tuple[LostSessions, ...]:
    sessions: dict[tuple[str, str, str], list[str]] = {}
    for name, cause in sorted(lost.items()):
        sessions.setdefault(cause, []).append(name)
    return tuple(LostSessions(*cause, tuple(names)) for cause, names in sorted(sessions.items()))


def _peers(plan: NodePlan) -> Iterator[str]:
    """The nodes that it has a session or a tunnel to."""
    yield from (each.peer_node for each in plan.sessions if each.peer_node)
    yield from (vtep.node for device in plan.kernel.vxlans for vtep in device.vteps)


def _reflectors(index: ClusterIndex, names: Iterable[str]) -> tuple[Reflector, ...]:
    ids = {name: index.nodes[name].cluster_id for name in names if name in index.nodes}
    return tuple(Reflector(name, cluster_id) for name, cluster_id in sorted(ids.items()) if cluster_id)
