"""What a controller writes beside a plan, for the brake of a node that has no resources (of_node_plan.py).

facts_for                   what holds for the plan itself
transition_to               what became of the plan before it, and of those before that one
transition_from_unknown     the same where it is not known what the node runs
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bgpctl.brake.causes import causes_of_ending
from bgpctl.brake.endings import Ending, endings
from bgpctl.brake.facts import definers_of
from bgpctl.brake.facts_of_resources import idle, moved, moved_tunnel_routes, released
from bgpctl.brake.limits import limits_of
from bgpctl.brake.of_node_plan import peers_of
from bgpctl.brake.originations import lasting
from bgpctl.brake.replaced import BY_PROOF, Judge
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.node import every_policy
from bgpctl.node_plan.assignment import Assignment, LostSessions, PlanFacts, Reflector, Transition
from reflector.plan import NodePlan, Policy

# Kind and name of a resource, and what it does.
Cause = tuple[str, str, str]


def facts_for(index: ClusterIndex, plan: NodePlan) -> PlanFacts:
    """For the node of the plan, which the index has."""
    settings = index.configuration.settings(plan.node)
    return PlanFacts(
        as_number=index.configuration.as_number,
        reflectors=_reflectors(index, peers_of(plan)),
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
    peers = {*peers_of(former.plan), *before.nodes}
    routes = former.plan.kernel.tunnel_routes
    tunnelled = {*(each.node for each in routes), *before.speaking} & index.nodes.keys()
    nodes = tuple(sorted((peers - set(peers_of(wanted)) - {node}) & index.nodes.keys()))
    ending = _endings(index, wanted, former, (*were, *before.reflectors))
    lost_before = _lost_before(wanted, former)
    lost = lost_before | _lost_now(index, wanted, ending)
    is_asked = bool(lost_before) or any(each.kind in BY_PROOF for each in ending.values())
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
        is_complete=judge(frozenset({node, *concerned})) if is_asked else None,
    )


def transition_from_unknown(index: ClusterIndex, wanted: NodePlan, options: CompileOptions) -> Transition:
    """For a node that may run any plan: every other node may be a peer of that, and every policy one of its own. What
    it says of the former plan is too much rather than too little, so what is held may be more than need be."""
    nodes = tuple(sorted(index.nodes.keys() - {*peers_of(wanted), wanted.node}))
    kept = {each.name for each in wanted.policies}
    policies = (each for each in every_policy(index, wanted.node, options) if each.name not in kept)
    return Transition(nodes=nodes, reflectors=_reflectors(index, nodes), policies=tuple(policies))


def _moved(index: ClusterIndex, wanted: NodePlan, former: Assignment, options: CompileOptions) -> frozenset[str]:
    earlier = set(former.transition.moved) - {each.prefix for each in wanted.kernel.tunnel_routes}
    found = moved(index, wanted.node, lasting(former.plan) | earlier)
    return found | moved_tunnel_routes(index, former.plan.kernel.tunnel_routes, options)


def _endings(index: ClusterIndex, wanted: NodePlan, former: Assignment, were: Iterable[Reflector]) -> dict[str, Ending]:
    before = {each.node: each.cluster_id for each in were}
    after = {each.node: each.cluster_id for each in _reflectors(index, {*before, *peers_of(wanted)})}
    return endings(former.plan, wanted, before, after)


def _lost_before(wanted: NodePlan, former: Assignment) -> dict[str, Cause]:
    """By session. What the former plan had lost already, and the wanted one has not back."""
    kept = {each.name for each in wanted.sessions}
    return {
        name: (each.kind, each.name, each.what)
        for each in former.transition.lost
        for name in each.sessions
        if name not in kept
    }


def _lost_now(index: ClusterIndex, wanted: NodePlan, ending: Mapping[str, Ending]) -> dict[str, Cause]:
    causes = {name: next(causes_of_ending(index, wanted.node, each, wanted)) for name, each in ending.items()}
    return {name: (each.kind, each.name, each.what) for name, each in causes.items()}


def _policies(index: ClusterIndex, wanted: NodePlan, former: Assignment, options: CompileOptions) -> Iterator[Policy]:
    asked = {name for each in former.plan.sessions for name in (*each.import_policies, *each.export_policies)}
    asked |= {each.name for each in former.transition.policies}
    missing = asked - {each.name for each in wanted.policies}
    if missing:
        yield from (each for each in every_policy(index, wanted.node, options) if each.name in missing)


def _grouped(lost: Mapping[str, Cause]) -> tuple[LostSessions, ...]:
    sessions: dict[Cause, list[str]] = {}
    for name, cause in sorted(lost.items()):
        sessions.setdefault(cause, []).append(name)
    return tuple(LostSessions(*cause, tuple(names)) for cause, names in sorted(sessions.items()))


def _reflectors(index: ClusterIndex, names: Iterable[str]) -> tuple[Reflector, ...]:
    ids = {name: index.nodes[name].cluster_id for name in names if name in index.nodes}
    return tuple(Reflector(name, cluster_id) for name, cluster_id in sorted(ids.items()) if cluster_id)
