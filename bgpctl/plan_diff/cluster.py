"""diff_clusters: all nodes' plans before and after, one node at a time, so that 5,000 plans need not be held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bgpctl.plan_diff.difference import ClusterDifference, PlanDifference, PrefixChange
from bgpctl.plan_diff.plan import added_node, diff_plans, removed_node
from reflector.addresses import prefix_order
from reflector.plan import NodePlan

Pair = tuple[NodePlan | None, NodePlan | None]


def diff_clusters(old: Iterable[NodePlan], new: Iterable[NodePlan]) -> ClusterDifference:
    """Both in the order of node names, as compile_cluster gives them. Falsy when nothing differs."""
    before, after = _Origins(), _Origins()
    nodes = []
    count = 0
    for was, becomes in _pairs(iter(old), iter(new)):
        count += 1
        before.take(was)
        after.take(becomes)
        difference = diff_node(was, becomes)
        if difference:
            nodes.append(difference)
    return ClusterDifference(tuple(nodes), count, _changed_prefixes(before.nodes, after.nodes))


def diff_node(old: NodePlan | None, new: NodePlan | None) -> PlanDifference:
    """One node, None where it is not there. Raises ValueError when it is in neither."""
    if old is not None and new is not None:
        return diff_plans(old, new)
    if new is not None:
        return added_node(new)
    if old is not None:
        return removed_node(old)
    raise ValueError("a node that is in neither cluster has no difference")


def _pairs(old: Iterator[NodePlan], new: Iterator[NodePlan]) -> Iterator[Pair]:
    """The two plans of each node, by walking both in step."""
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
