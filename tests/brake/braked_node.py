"""One node under the brake, with a virtual clock: resources come, a plan is in force, sessions come up and go down.

By default it is judged by the resources of the cluster; `OfObject` is a node of which a controller writes an object.
Stands in for agent and speaker: a session of the plan in force is Established unless it is `down`; one that was reset
in a way that the other end has to follow stays down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from bgpctl.brake import (
    Basis,
    BestState,
    Decision,
    HeldChange,
    LiveState,
    OfNodePlan,
    OfResources,
    Question,
    Source,
    decide,
    decode_best_state,
    encode_best_state,
    facts_for,
    proof_of,
    transition_to,
)
from bgpctl.brake.endings import EndingKind, endings
from bgpctl.compiler import ClusterIndex, CompileOptions, compile_node
from bgpctl.node_plan import Assignment, assignment_of, spec_of
from bgpctl.node_plan.assignment import Transition
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.resources.values.model import Resource
from reflector.addresses import family_of
from reflector.plan import NodePlan

START = 1_000_000.0


class BrakedNode:
    """`running` is the plan in force, `wanted` the one that was asked for last, `decision` the last one. `unused` are
    blocks of which no workload has an address."""

    def __init__(self, name: str, *resources: Resource, **options: bool) -> None:
        self.name = name
        self.now = START
        self.down: set[str] = set()
        self.sources: tuple[Source, ...] | None = None
        self.installed: Mapping[str, int] | None = None
        self.draining = False
        self.absent: frozenset[str] = frozenset()
        self.unused: frozenset[str] = frozenset()
        self.best = BestState()
        self.running: NodePlan | None = None
        self.wanted: NodePlan | None = None
        self.options = CompileOptions(**options)  # type: ignore[arg-type]
        self.apply(*resources)

    def apply(self, *resources: Resource, confirmed: Iterable[str] = ()) -> Decision:
        """The agent takes up these resources, a second later."""
        self.resources = ResourceSet.of(*resources)
        return self.wait(1, confirmed)

    def wait(self, seconds: float, confirmed: Iterable[str] = ()) -> Decision:
        """The same resources are looked at once more."""
        self.now += seconds
        self.index = ClusterIndex(self.resources)
        there = self.name in self.resources.nodes
        wanted = compile_node(self.resources, self.name, self.options, self.index).plan if there else None
        self.wanted = wanted
        former = self.running or wanted
        assert former is not None
        self.basis = self.basis_for(wanted)
        question = Question(self.running, wanted, self.basis.facts(former), self.live, self.best, frozenset(confirmed))
        self.decision = decide(question, self.now, self.basis.judge)
        self.best = self.decision.best
        assert self.decision.plan is not None
        before, self.running = self.running, self.decision.plan
        if before is not None:
            ended = endings(before, self.running, {}, {})
            self.down |= {name for name, each in ended.items() if each.kind is EndingKind.CHANGED}
        return self.decision

    def basis_for(self, _: NodePlan | None) -> Basis:
        return OfResources(self.index, self.options)

    def restart(self) -> None:
        """Another agent takes over what is in the run directory."""
        self.best = decode_best_state(encode_best_state(self.best))

    @property
    def live(self) -> LiveState | None:
        if self.running is None:
            return None
        there = {each.prefix for each in self.wanted.originations} if self.wanted is not None else set()
        empty = self.unused & (set(self.prefixes) - there)
        return LiveState(frozenset(self.established), self.sources, self.installed, self.draining, self.absent, empty)

    @property
    def established(self) -> list[str]:
        assert self.running is not None
        return [each.name for each in self.running.sessions if each.name not in self.down]

    @property
    def held(self) -> list[str]:
        """The kinds of what is held, in the order of the rules."""
        return [each.kind.value for each in self.decision.losses] if self.decision.is_held else []

    @property
    def changes(self) -> tuple[HeldChange, ...]:
        return self.basis.held_changes(self.decision) if self.decision.is_held else ()

    @property
    def tunnel_routes(self) -> dict[str, str]:
        """Prefix -> gateway."""
        assert self.running is not None
        return {each.prefix: each.gateway for each in self.running.kernel.tunnel_routes}

    @property
    def prefixes(self) -> list[str]:
        assert self.running is not None
        return [each.prefix for each in self.running.originations]


class OfObject(BrakedNode):
    """What it is judged by has been written into an object, beside the plan, and read from there."""

    assignment: Assignment | None = None

    def basis_for(self, wanted: NodePlan | None) -> Basis:
        if wanted is not None:
            self.assignment = assignment_of(spec_of(self._assigned(wanted)))
        assert self.assignment is not None
        speakers = [name for name, each in self.index.nodes.items() if each.has_speaker]
        blocks = {name: tuple(each.prefix for each in self.index.blocks(name)) for name in speakers}
        return OfNodePlan(self.assignment, lambda: blocks)

    def _assigned(self, wanted: NodePlan) -> Assignment:
        """As the controller does it."""
        former, facts = self.assignment, facts_for(self.index, wanted)
        if former is None:
            return Assignment(wanted, facts=facts)
        if (former.plan, former.facts) == (wanted, facts):
            return former
        if self.running == former.plan:
            former = replace(former, transition=Transition())
        judge = proof_of(self.resources, self.options)
        return Assignment(
            wanted, facts=facts, transition=transition_to(self.index, wanted, former, self.options, judge)
        )


def assert_valid(plan: NodePlan) -> None:
    """What the speaker relies on in every plan."""
    addresses = [each.peer_address for each in plan.sessions]
    assert len(set(addresses)) == len(addresses)
    assert len({each.name for each in plan.sessions}) == len(plan.sessions)
    policies = [each.name for each in plan.policies]
    assert len(set(policies)) == len(policies)
    for session in plan.sessions:
        assert {*session.import_policies, *session.export_policies} <= set(policies)
        assert not session.rr_client or session.cluster_id or plan.cluster_id
    assert not set(addresses) & {each.name for each in plan.suppressed}
    prefixes = [each.prefix for each in plan.originations]
    assert len(set(prefixes)) == len(prefixes)
    networks = [each.network for each in plan.kernel.rules]
    assert len(set(networks)) == len(networks)
    ends = {(vxlan.family, end.node): end for vxlan in plan.kernel.vxlans for end in vxlan.vteps}
    routed = [each.prefix for each in plan.kernel.tunnel_routes]
    assert len(set(routed)) == len(routed)
    for route in plan.kernel.tunnel_routes:
        assert ends[family_of(route.prefix), route.node].tunnel_address == route.gateway
        assert route.prefix in prefixes
    for vxlan in plan.kernel.vxlans:
        for field in ("node", "node_address", "tunnel_address", "mac"):
            values = [getattr(each, field) for each in vxlan.vteps]
            assert len(set(values)) == len(values)
