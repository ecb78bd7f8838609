"""The plans of all nodes, kept up to date from one set of resources to the next.

Rule: only plans that a change can concern are compiled (assigning.py), and only assignments that differ are news. What
goes wrong with one node's plan - the compiler refuses it, it fits no object, a fault of ours - is a problem of that
node: its plan stays what it was, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.identity import CompileError
from bgpctl.controller.assigning import assign, concerned
from bgpctl.controller.cluster_plans import ClusterPlans
from bgpctl.controller.found import Completed, changed_nodes
from bgpctl.controller.large_plans import LargePlans
from bgpctl.node_plan import NodePlanSpec, PlanTooLargeError, spec_of
from bgpctl.resources.resource_set import ResourceSet
from bgpctl.yaml_source.problem import Problem, Severity, has_errors

# Takes what an exception of ours interrupted, and the exception.
Report = Callable[[str, Exception], None]


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What became of one node's plan.

    spec       None as long as there was never a plan for it
    problems   of the compiler, and why the plan is not the newest one
    is_newest  it is what the resources ask for
    """

    spec: NodePlanSpec | None
    problems: tuple[Problem, ...] = ()
    is_newest: bool = True


@dataclass(frozen=True, slots=True)
class Update:
    """What a set of resources changed: the plans that differ, the nodes that are gone, how many were compiled."""

    changed: Mapping[str, NodePlanSpec]
    gone: frozenset[str]
    compiled: int


class Compilation:
    """`nodes`: of each node of the resources what became of its plan, by name; none without a BGP speaker, which runs
    nothing."""

    def __init__(self, options: CompileOptions, report: Report) -> None:
        self.nodes: dict[str, NodeResult] = {}
        self._options = replace(options, keys_by_reference=True)
        self._report = report
        self._index: ClusterIndex | None = None
        self._cluster = Completed(ResourceSet())
        self._number = 0
        self._large = LargePlans()

    @property
    def plans(self) -> ClusterPlans:
        """As they are now. Only after `take`."""
        if self._index is None:
            raise AssertionError("nothing was compiled yet")
        specs = {name: each.spec for name, each in self.nodes.items()}
        return ClusterPlans(self._number, specs, self._index, self._options, self._large)

    def take(self, cluster: Completed, revision: str = "") -> Update:
        """A node that failed before is tried with every change. A revision alone makes no plan differ."""
        before, index = self._index, ClusterIndex(cluster.resources, self._index)
        speakers = frozenset(name for name, facts in index.nodes.items() if facts.has_speaker)
        names = speakers if before is None else concerned(before, index, self._options)
        others = {
            *changed_nodes(self._cluster, cluster),
            *(name for name, each in self.nodes.items() if not each.is_newest),
        }
        names = (names | others) & speakers
        self._cluster = cluster
        gone = self.nodes.keys() - speakers
        changed: dict[str, NodePlanSpec] = {}
        for name in sorted(names):
            old = self.nodes.get(name, NodeResult(None))
            new = self._compile(index, name, revision, old)
            self.nodes[name] = new
            if new.spec is not None and (old.spec is None or new.spec.digest != old.spec.digest):
                changed[name] = new.spec
        for name in gone:
            del self.nodes[name]
        self._index, self._number = index, self._number + 1
        return Update(changed, frozenset(gone), len(names))

    def _compile(self, index: ClusterIndex, name: str, revision: str, old: NodeResult) -> NodeResult:
        try:
            workloads = self._cluster.workloads.get(name, ())
            options = replace(self._options, local_workloads=workloads) if workloads else self._options
            assigned = assign(index, name, options, self._cluster.written.get(name))
            if has_errors(assigned.problems):
                return NodeResult(old.spec, assigned.problems, is_newest=False)
            spec = spec_of(assigned.assignment, revision)
            self._large.keep(spec, assigned.assignment)
            return NodeResult(spec, assigned.problems)
        except (CompileError, PlanTooLargeError) as error:
            return _kept(old, name, str(error))
        except Exception as error:  # whatever it is, the plans of the other nodes go on
            self._report(f"compiling the plan of {name}", error)
            return _kept(old, name, f"compiling failed with {type(error).__name__}, a fault of bgpctl")


def _kept(old: NodeResult, name: str, reason: str) -> NodeResult:
    problem = Problem(f"Node/{name}", 0, "", "$", "plan-kept", f"{reason}; the plan stays what it was", Severity.ERROR)
    return NodeResult(old.spec, (problem,), is_newest=False)
