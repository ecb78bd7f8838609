"""From a change of the resources to the plan that they ask for, and what is known of that for the agent's status.

When the resources forbid a plan, one log line names the first problem's file, line and field, and there is nothing to
deploy: the last good plan stays. So it does when compiling itself fails. Compiling runs in a thread, so the agent's
loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import time

from bgpctl.agent.node_resources import NodeResources
from bgpctl.agent.plan.problem_statuses import error_status
from bgpctl.agent.plan.proposal import Proposal, Proposer
from bgpctl.agent.plan.wanted import Wanted
from bgpctl.compiler import CompileOptions
from bgpctl.daemon.internal_errors import InternalErrors, describe
from bgpctl.daemon.logs import get_logger
from reflector.messages import ProblemStatus

log = get_logger("plan")


class Planning:
    """The plans of one node, one after the other.

    problems     of the resources as they are now
    usable       the resources as they are now make a plan
    seconds      what the last compilation took
    succeeded_at when resources last made a plan, in seconds since the epoch; 0 = never
    """

    def __init__(self, options: CompileOptions, internal_errors: InternalErrors) -> None:
        self.problems: tuple[ProblemStatus, ...] = ()
        self.usable = False
        self.seconds = 0.0
        self.succeeded_at = 0.0
        self._options = options
        self._internal_errors = internal_errors
        self._proposer = Proposer(options)

    async def plan(self, resources: NodeResources) -> Wanted | None:
        """What these resources ask this node to run; None when their problems forbid a plan."""
        proposal = await asyncio.to_thread(self._propose, resources)
        self.seconds = proposal.seconds or self.seconds
        usable = proposal.wanted is not None and proposal.wanted.plan is not None
        if usable:
            self.succeeded_at = time.time()
        self._remember(proposal.problems, usable=usable)
        return proposal.wanted

    def _propose(self, resources: NodeResources) -> Proposal:
        """What the proposer remembers of an attempt that failed is not used again."""
        try:
            return self._proposer.propose(resources)
        except Exception as error:  # whatever it is, this node's last good plan is better than none
            self._internal_errors.report("planning", error)
            self._proposer = Proposer(self._options)
            return Proposal(None, (error_status(describe("planning", error)),), 0.0)

    def _remember(self, problems: tuple[ProblemStatus, ...], *, usable: bool) -> None:
        """Logged once: the same problems are no news."""
        if problems and problems != self.problems:
            first = problems[0]
            write = log.warning if usable else log.error
            write(
                "resources have problems" if usable else "resources are not usable, the last good plan stays",
                file=first.file,
                line=first.line,
                field=first.path,
                message=first.message,
                problems=len(problems),
            )
        elif self.problems and not problems:
            log.info("resources have no problems any more")
        self.problems, self.usable = problems, usable
