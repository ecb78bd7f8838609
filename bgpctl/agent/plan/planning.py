"""From a change of the resources to the plan in place: propose, deploy, remember what is wrong.

A burst of changes is one: while a proposal is compiled and deployed nothing is read, and then everything at once.
When the resources forbid a plan, the last good one stays, and one log line names the first problem's file, line and
field. An agent that starts with such resources takes the plan that an earlier agent left, or waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from bgpctl.agent.host.logs import get_logger
from bgpctl.agent.plan.deployment import Deployment
from bgpctl.agent.plan.proposal import Proposal
from bgpctl.resources import Loaded
from reflector.messages import ProblemStatus

log = get_logger("plan")


class Planning:
    """Keeps the plan in place in step with the resources.

    problems     of the resources as they are now
    usable       the resources as they are now make a plan
    seconds      what the last compilation took
    succeeded_at when resources last made a plan, in seconds since the epoch; 0 = never
    has_plan     set when there is a plan in place
    """

    def __init__(self, deployment: Deployment, propose: Callable[[Loaded], Proposal]) -> None:
        self.problems: tuple[ProblemStatus, ...] = ()
        self.usable = False
        self.seconds = 0.0
        self.succeeded_at = 0.0
        self.has_plan = asyncio.Event()
        self._deployment = deployment
        self._propose = propose

    async def follow(self, changes: AsyncIterator[Loaded], changed: Callable[[], Awaitable[None]]) -> None:
        """Takes up every change, for ever; `changed` is awaited after a new plan was put in place."""
        async for loaded in changes:
            proposal = await asyncio.to_thread(self._propose, loaded)
            if await self._consider(proposal):
                await changed()
            if self._deployment.plan is not None:
                self.has_plan.set()

    async def _consider(self, proposal: Proposal) -> bool:
        """True when a new plan was put in place."""
        self.seconds = proposal.seconds or self.seconds
        if proposal.wanted is None:
            self._remember(proposal.problems, usable=False)
            return False
        self.succeeded_at = time.time()
        self._remember(proposal.problems, usable=True)
        return await self._deployment.deploy(proposal.wanted)

    def _remember(self, problems: tuple[ProblemStatus, ...], *, usable: bool) -> None:
        """Says it once: the same problems again are no news."""
        if problems and problems != self.problems:
            first = problems[0]
            say = log.warning if usable else log.error
            say(
                "resources have problems" if usable else "resources are not usable, the last good plan stays",
                file=first.file,
                line=first.line,
                field=first.path,
                message=first.message,
                problems=len(problems),
                has_plan=self._deployment.plan is not None,
            )
        elif self.problems and not problems:
            log.info("resources are good again")
        self.problems, self.usable = problems, usable
