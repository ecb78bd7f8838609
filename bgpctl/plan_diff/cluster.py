"""The difference of a cluster: all nodes' plans before and after, one node at a time, so that 5,000 plans need not be
kept, nor the difference of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bgpctl.plan_diff.alike import Alike, Groups
from bgpctl.plan_diff.difference import DifferenceValue, PlanDifference, PrefixChange
from bgpctl.plan_diff.plan import added_node, diff_plans, removed_node
from bgpctl.plan_diff.summary import FateCount, Tally, sentence
from reflector.addresses import prefix_order
from reflector.plan import NodePlan

Pair = tuple[NodePlan | None, NodePlan | None]


class ClusterDifference(DifferenceValue, frozen=True):
    """fates        how many nodes have which fate
    nodes_in_all   that there are before or after
    prefixes       of the cluster as a whole
    paragraphs     what happens alike, each paragraph to the same nodes
    nodes          the difference of each node, in name order, where they were asked for
    concerns_sessions   more differs than originations and kernel routes
    """

    fates: tuple[FateCount, ...]
    nodes_in_all: int
    prefixes: tuple[PrefixChange, ...] = ()
    paragraphs: tuple[tuple[Alike, ...], ...] = ()
    nodes: tuple[PlanDifference, ...] = ()
    concerns_sessions: bool = False

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.fates)

    @property
    def summary(self) -> str:
        return sentence(self.fates, self.nodes_in_all)


class ClusterComparison:
    """Takes the two plans of each node one by one; `keeps_nodes` for the difference of each."""

    def __init__(self, *, keeps_nodes: bool) -> None:
        self._before, self._after = _Origins(), _Origins()
        self._tally, self._groups = Tally(), Groups()
        self._count = 0
        self._concerns_sessions = False
        self._nodes: list[PlanDifference] | None = [] if keeps_nodes else None

    def take(self, was: NodePlan | None, becomes: NodePlan | None) -> None:
        """None where the node is not there."""
        self._count += 1
        self._before.take(was)
        self._after.take(becomes)
        difference = diff_node(was, becomes)
        if difference:
            self._tally.take(difference)
            self._groups.take(difference)
            self._concerns_sessions |= _concerns_sessions(difference)
            if self._nodes is not None:
                self._nodes.append(difference)

    def difference(self) -> ClusterDifference:
        return ClusterDifference(
            self._tally.counts(),
            self._count,
            _changed_prefixes(self._before.nodes, self._after.nodes),
            tuple(tuple(changes) for _, changes in self._groups.by_nodes()),
            tuple(self._nodes or ()),
            self._concerns_sessions,
        )


def diff_clusters(old: Iterable[NodePlan], new: Iterable[NodePlan]) -> ClusterDifference:
    """Both in the order of node names, as compile_cluster gives them, and with every node's difference. Falsy when
    nothing differs."""
    comparison = ClusterComparison(keeps_nodes=True)
    for was, becomes in plan_pairs(old, new):
        comparison.take(was, becomes)
    return comparison.difference()


def diff_node(old: NodePlan | None, new: NodePlan | None) -> PlanDifference:
    """One node, None where it is not there. Raises ValueError when it is in neither."""
    if old is not None and new is not None:
        return diff_plans(old, new)
    if new is not None:
        return added_node(new)
    if old is not None:
        return removed_node(old)
    raise ValueError("a node that is in neither cluster has no difference")


def plan_pairs(old_plans: Iterable[NodePlan], new_plans: Iterable[NodePlan]) -> Iterator[Pair]:
    """The two plans of each node, by walking both in step; both in the order of node names."""
    old, new = iter(old_plans), iter(new_plans)
    was, becomes = next(old, None), next(new, None)
    while was is not None or becomes is not None:
        if becomes is None or (was is not None and was.node < becomes.node):
            yield was, None
            was = next(old, None)
        elif was is None or becomes.node < was.node:
            yield None, becomes
            becomes = next(new, None)
        else:
            yield was, becomes
            was, becomes = next(old, None), next(new, None)


def _concerns_sessions(node: PlanDifference) -> bool:
    return bool(node.sessions or node.suppressed or node.fields or node.policies)


class _Origins:
    """Prefix -> the nodes that originate it, in name order."""

    def __init__(self) -> None:
        self.nodes: dict[str, list[str]] = {}

    def take(self, plan: NodePlan | None) -> None:
        if plan is not None:
            for origination in plan.originations:
                self.nodes.setdefault(origination.prefix, []).append(plan.node)


def _changed_prefixes(old: dict[str, list[str]], new: dict[str, list[str]]) -> tuple[PrefixChange, ...]:
    """In prefix order. A prefix that some node originates before and after is no change of the cluster."""
    changed = [prefix for prefix in old.keys() | new.keys() if set(old.get(prefix, ())).isdisjoint(new.get(prefix, ()))]
    return tuple(
        PrefixChange(prefix, tuple(old.get(prefix, ())), tuple(new.get(prefix, ())))
        for prefix in sorted(changed, key=prefix_order)
    )
