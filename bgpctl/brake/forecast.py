"""What agents would hold of a change of the resources, before any of them has seen it.

Rule: each node is asked what its agent will ask itself, with the live state that the resources stand for: every
session Established, every block of another node installed. So the digest is the one that the agent prints. It is
another one where something is down at that time, or where the agent holds something already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from bgpctl.brake.best_state import BestState
from bgpctl.brake.cause import Cause
from bgpctl.brake.decide import Decision, Question, decide
from bgpctl.brake.facts_of_resources import facts_of
from bgpctl.brake.installed import count_by_rule
from bgpctl.brake.judge import proof_of
from bgpctl.brake.live import LiveState
from bgpctl.brake.of_resources import held_changes
from bgpctl.compiler import ClusterIndex, CompileOptions
from bgpctl.compiler.cluster.facts import Block
from reflector.plan import KernelRule, NodePlan

# Seconds: when the change comes, and when all that it brings is up.
NOW, LATER = 0.0, 1.0
MOST_CAUSES = 8
# Of so many nodes the causes are looked up: what happens alike has the same ones.
MOST_EXPLAINED = 8


class Outcome(StrEnum):
    """Until when it is held.

    HELD        until somebody confirms it or the resources are put right
    REPLACED    until the sessions that replace it are Established: by itself
    CONFIRMED   not at all, the new resources confirm it
    """

    HELD = "held"
    REPLACED = "replaced"
    CONFIRMED = "confirmed"


class ForecastLoss(msgspec.Struct, frozen=True):
    """The first loss of its kind, and where."""

    kind: str
    node: str
    sentence: str


class ForecastDigest(msgspec.Struct, frozen=True):
    """On these nodes exactly this is held."""

    digest: str
    nodes: tuple[str, ...]


class HeldForecast(msgspec.Struct, frozen=True):
    """What is held for the same kinds of losses.

    causes   the first of the objects that do it
    """

    outcome: Outcome
    losses: tuple[ForecastLoss, ...]
    digests: tuple[ForecastDigest, ...]
    causes: tuple[str, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(name for each in self.digests for name in each.nodes)


class Forecast:
    """Takes the two plans of each node one by one."""

    def __init__(self, old: ClusterIndex, new: ClusterIndex, options: CompileOptions) -> None:
        self._old, self._new, self._options = old, new, options
        self._judge = proof_of(new.resources, options)
        reflectors = {name: facts.cluster_id for name, facts in old.nodes.items() if facts.cluster_id}
        self._best = BestState(nodes=dict.fromkeys(old.nodes, NOW), reflectors=reflectors)
        self._nodes_missing = not old.nodes.keys() <= new.nodes.keys()
        self._blocks = tuple(block.prefix for name in old.nodes for block in self._blocks_of(old, name))
        self._installed: dict[tuple[KernelRule, ...], dict[str, int]] = {}
        self._found: dict[tuple[Outcome, tuple[str, ...]], _Group] = {}

    def take(self, running: NodePlan | None, wanted: NodePlan | None) -> None:
        """None where the node is not there."""
        if running is None or (running == wanted and not self._nodes_missing):
            return
        facts = facts_of(self._new, running, self._options)
        decision = decide(Question(running, wanted, facts, self._live(running), self._best), NOW, self._judge)
        if decision.losses:
            kinds = tuple(dict.fromkeys(each.kind.value for each in decision.losses))
            group = self._found.setdefault((self._outcome(decision, wanted), kinds), _Group())
            group.digests.setdefault(decision.digest, []).append(running.node)
            for loss in decision.losses:
                group.losses.setdefault(loss.kind.value, ForecastLoss(loss.kind.value, running.node, loss.sentence))
            if group.explained < MOST_EXPLAINED:
                group.explained += 1
                changes = held_changes(decision, self._new)
                group.causes |= dict.fromkeys(cause for change in changes for cause in change.causes)

    def held(self) -> tuple[HeldForecast, ...]:
        """What concerns most nodes first."""
        found = (group.forecast(outcome) for (outcome, _), group in self._found.items())
        return tuple(sorted(found, key=lambda each: -len(each.nodes)))

    def _outcome(self, decision: Decision, wanted: NodePlan | None) -> Outcome:
        """Asked once more when every session of the plan in force is Established."""
        plan = decision.plan
        if not decision.is_held or plan is None:
            return Outcome.CONFIRMED
        facts = facts_of(self._new, plan, self._options)
        later = decide(Question(plan, wanted, facts, self._live(plan), decision.best), LATER, self._judge)
        return Outcome.HELD if later.is_held else Outcome.REPLACED

    def _live(self, running: NodePlan) -> LiveState:
        rules = running.kernel.rules
        if rules not in self._installed:
            self._installed[rules] = count_by_rule(rules, self._blocks)
        own = count_by_rule(rules, (block.prefix for block in self._blocks_of(self._old, running.node)))
        installed = Counter(self._installed[rules])
        installed.subtract(own)
        return LiveState(frozenset(each.name for each in running.sessions), installed=installed)

    def _blocks_of(self, index: ClusterIndex, node: str) -> Iterable[Block]:
        return index.pod_blocks(node) if self._options.use_pod_cidr else index.blocks(node)


class _Group:
    """A HeldForecast while it grows."""

    def __init__(self) -> None:
        self.losses: dict[str, ForecastLoss] = {}
        self.digests: dict[str, list[str]] = {}
        self.causes: dict[Cause, None] = {}
        self.explained = 0

    def forecast(self, outcome: Outcome) -> HeldForecast:
        return HeldForecast(
            outcome,
            tuple(self.losses.values()),
            tuple(ForecastDigest(digest, tuple(nodes)) for digest, nodes in self.digests.items()),
            tuple(map(str, sorted(self.causes)[:MOST_CAUSES])),
        )
