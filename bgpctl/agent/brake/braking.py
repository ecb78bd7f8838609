"""What of a wanted plan this node puts in force, asked of the brake with the live state at hand.

A decision counts once its plan is in force: a plan that the speaker refuses or the disk has no room for leaves the best
state, and a confirmation, as they were. What is held is looked at again every few seconds, for a session that comes up
may replace what is held, and it is logged once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bgpctl.agent.brake.best_state_file import BestStateFile
from bgpctl.agent.brake.live_observer import LiveObserver
from bgpctl.agent.plan.deployable import Deployable
from bgpctl.agent.plan.wanted import Wanted
from bgpctl.brake import Decision, HeldChange, LiveState, Question, decide
from bgpctl.brake.losses import LossKind
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.daemon.logs import get_logger
from reflector.messages import Confirm, HeldStatus, Refused
from reflector.plan import NodePlan

# Seconds between two looks while something is held, and otherwise between two observations of the live state.
HELD_PAUSE = 2.0
USUAL_PAUSE = 10.0
# What is known of these goes on counting: the resources may be half there.
MISSING_NODES = frozenset({LossKind.NODES, LossKind.OWN_NODE})

log = get_logger("brake")


class Braking:
    """wanted   the newest plan that was asked about; None before the first
    held     what of it is held
    digest   names exactly that; "" when nothing is held
    since    when the first of what is held was, in seconds since the epoch
    """

    def __init__(
        self,
        file: BestStateFile,
        observer: LiveObserver,
        running: Callable[[], NodePlan | None],
        internal_errors: InternalErrors,
    ) -> None:
        self.wanted: Wanted | None = None
        self.held: tuple[HeldChange, ...] = ()
        self.digest = ""
        self.since = 0.0
        self._file = file
        self._best = file.read()
        self._observer = observer
        self._running = running
        self._internal_errors = internal_errors
        self._decision: Decision | None = None
        self._confirmed: frozenset[str] = frozenset()

    @property
    def holds_nodes(self) -> bool:
        """Nodes are missing, and that is held: nothing may be concluded from it elsewhere either."""
        return any(each.kind in MISSING_NODES for each in self.held)

    @property
    def status(self) -> tuple[HeldStatus, ...]:
        return tuple(
            HeldStatus(
                each.kind.value,
                each.sentence,
                tuple(map(str, each.causes)),
                each.sessions,
                each.prefixes,
                each.networks,
            )
            for each in self.held
        )

    async def consider(self, wanted: Wanted) -> Deployable | None:
        """The plan to put in force; None where there is none, or a fault of ours keeps the one that runs."""
        self.wanted = wanted
        try:
            return await self._consider(wanted)
        except Exception as error:  # whatever it is, the plan that runs is better than none
            self._internal_errors.report("judging a change", error)
            return None

    async def _consider(self, wanted: Wanted) -> Deployable | None:
        running = self._running()
        live = await self._observer.before(running, wanted.plan) if running is not None else None
        decision, held = await asyncio.to_thread(self._decide, wanted, running, live)
        self._decision = decision
        self._remember(decision, held)
        return Deployable.of(decision.plan) if decision.plan is not None else None

    def settle(self) -> bool:
        """Whether the plan of the decision is in force; else something stood in its way."""
        decision, self._decision = self._decision, None
        if decision is None or decision.plan != self._running():
            return False
        self._best = decision.best
        self._file.write(self._best)
        self._confirmed = frozenset()
        return True

    async def observe(self) -> None:
        """The live state as it is now, for the decisions of the next ten minutes."""
        running, wanted = self._running(), self.wanted
        live = await self._observer.sessions()
        if running is not None and wanted is not None and live is not None:
            facts = wanted.basis.facts(running)
            now = time.time()
            observed = self._best.observe(now, running, live, facts)
            self._best = observed if observed.before is not None else observed.in_force(now, facts)
            self._file.write(self._best)

    async def pause(self) -> None:
        """Until it is time to look again."""
        await asyncio.sleep(HELD_PAUSE if self.held else USUAL_PAUSE)

    def confirm(self, asked: Confirm) -> tuple[str, ...] | Refused:
        """What the next decision lets through, in sentences; Refused when something else is held, or nothing."""
        if asked.digest != self.digest or not self.digest:
            now = f"what is held now is {self.digest}" if self.digest else "nothing is held"
            return Refused(f"nothing is held under {asked.digest or 'this digest'}; {now}")
        self._confirmed = frozenset({asked.digest})
        return tuple(each.sentence for each in self.held)

    def _decide(
        self, wanted: Wanted, running: NodePlan | None, live: LiveState | None
    ) -> tuple[Decision, tuple[HeldChange, ...]]:
        basis = wanted.basis
        facts = basis.facts(running or wanted.plan or NodePlan(wanted.node, ""))
        question = Question(running, wanted.plan, facts, live, self._best, self._confirmed)
        decision = decide(question, time.time(), basis.judge)
        return decision, basis.held_changes(decision)

    def _remember(self, decision: Decision, changes: tuple[HeldChange, ...]) -> None:
        before = self.digest
        self.held = changes if decision.is_held else ()
        self.digest = decision.digest if decision.is_held else ""
        if self.digest and self.digest != before:
            self.since = self.since or time.time()
            log.error(
                "a change is held, it would isolate this node; confirm it, or put the resources right",
                digest=self.digest,
                losses=[each.sentence for each in changes],
                causes=sorted({str(cause) for each in changes for cause in each.causes}),
            )
        elif not self.digest:
            if decision.losses:
                log.warning("a change is confirmed", digest=decision.digest, losses=[each.sentence for each in changes])
            elif before:
                log.info("nothing is held any more", digest=before)
            self.since = 0.0
