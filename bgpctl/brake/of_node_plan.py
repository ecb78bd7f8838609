"""The basis of an agent that has its NodePlan and nothing else of the cluster; what a controller writes for it is in
for_node_plan.py.

Rule: with both at hand the answers are those of the resources (of_resources.py), but for three that an object of one
node has no room for. Which blocks other nodes have is taken from the routes that the node has learned. How many Nodes
of the cluster are missing is the controller's to judge, which deletes no plans of most nodes at once. And what makes a
policy reject is named without the place where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from bgpctl.brake.cause import HAS_SPEAKER, MISSING, Cause, cause_of_missing_node, cause_of_prefix, ending_tunnel_routes
from bgpctl.brake.decide import Decision
from bgpctl.brake.endings import BY_POLICY, Ending
from bgpctl.brake.facts import (
    BGP_PEER,
    MESH,
    Facts,
    definers_of,
    defining_resource,
)
from bgpctl.brake.held import HeldChange
from bgpctl.brake.losses import Loss
from bgpctl.brake.replaced import Judge
from bgpctl.node_plan.assignment import Assignment
from bgpctl.resources.values.names import GLOBAL_NAME
from reflector.plan import NodePlan, TunnelRoute

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
            nodes=frozenset({own.node, *peers_of(own), *transition.nodes}),
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
    if ending.defined_by:
        for what, defined_by in zip(ending.changes, ending.defined_by, strict=True):
            kind, _, name = defined_by.partition(":")[0].partition(" ")
            yield Cause(kind, name, "", 0, what)
        return
    definer = defining_resource(ending.session.defined_by)
    what = "; ".join(ending.changes) or f"it defines no session to {ending.session.peer_address}"
    if definer == MESH:
        yield Cause("BGPConfiguration", GLOBAL_NAME, "", 0, what)
    else:
        yield Cause("BGPPeer", definer.removeprefix(BGP_PEER), "", 0, what)


def peers_of(plan: NodePlan) -> Iterator[str]:
    """The nodes that it has a session or a tunnel to."""
    yield from (each.peer_node for each in plan.sessions if each.peer_node)
    yield from (vtep.node for device in plan.kernel.vxlans for vtep in device.vteps)
