"""What the resources, as they are now, ask this node to run: a plan, or the problems that forbid one.

It touches nothing but its memory and a clock, so it runs in a thread while the agent's loop goes on. The rule: a
resource that is invalid forbids a plan only where nothing is known of what the whole plan depends on
(bgpctl/resources/in_force), and an ERROR of the compiler always does. Where the resources lack this node altogether,
there is no plan, and what that means is the brake's to decide.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from bgpctl.agent.node_resources import NodeResources
from bgpctl.agent.plan.problem_statuses import error_status, problem_statuses
from bgpctl.agent.plan.wanted import Wanted
from bgpctl.brake import OfResources
from bgpctl.compiler import (
    ClusterIndex,
    CompileError,
    CompileOptions,
    compile_node,
)
from bgpctl.yaml_source.problem import has_errors
from reflector.messages import ProblemStatus


@dataclass(frozen=True, slots=True)
class Proposal:
    """`wanted` is None when the problems forbid a plan. `seconds` is what compiling took."""

    wanted: Wanted | None
    problems: tuple[ProblemStatus, ...]
    seconds: float


class Proposer:
    """Compiles one node for each change. What was worked out for the resources before is kept for the next ones
    (`ClusterIndex`): one changed Node of thousands costs that Node. It makes no difference to any plan."""

    def __init__(self, options: CompileOptions) -> None:
        self._options = options
        self._index: ClusterIndex | None = None

    def propose(self, resources: NodeResources) -> Proposal:
        """The compiler is asked with what is in force; its problems come after those of what is written."""
        started, loaded = time.perf_counter(), resources.loaded
        if resources.waits:
            return Proposal(None, (*problem_statuses(loaded.problems), *map(error_status, resources.waits)), 0.0)
        self._index = index = ClusterIndex(loaded.resources, self._index)
        options = replace(self._options, local_workloads=resources.local_workloads)
        if resources.own is None:
            missing = f"there is no Node resource named {resources.node!r} among {len(index.nodes)} nodes"
            problems = (error_status(missing), *problem_statuses(loaded.problems))
            return Proposal(Wanted(resources.node, None, OfResources(index, options), resources), problems, 0.0)
        try:
            compiled = compile_node(loaded.resources, resources.node, options, index)
        except CompileError as error:
            return Proposal(None, (error_status(str(error)), *problem_statuses(loaded.problems)), 0.0)
        found = (*loaded.problems, *compiled.problems)
        is_forbidden = has_errors(compiled.problems)
        wanted = None if is_forbidden else Wanted(resources.node, compiled.plan, OfResources(index, options), resources)
        return Proposal(wanted, problem_statuses(found), time.perf_counter() - started)
