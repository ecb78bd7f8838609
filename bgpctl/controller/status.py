"""How a controller stands, as values: what its pages show."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bgpctl.controller.compilation import NodeResult
from bgpctl.controller.plan_store import Reconciled
from bgpctl.resources.in_force.invalid import Invalid


@dataclass(frozen=True, slots=True)
class Progress:
    """What has happened since the start. `..._at`: seconds since the epoch, 0 for never.

    answered_at  when the API server last answered about the Lease
    as_wanted_at when every NodePlan was last what the resources ask for
    nodes        that have a plan; `kept`: of them, those that keep an older one than the resources ask for
    failed       NodePlans that could not be written at the last attempt; `failures` of all attempts
    withheld     NodePlans that are not deleted, for with them most would be gone
    """

    started_at: float = field(default_factory=time.time)
    answered_at: float = 0.0
    compiled_at: float = 0.0
    compile_seconds: float = 0.0
    as_wanted_at: float = 0.0
    nodes: int = 0
    kept: int = 0
    written: int = 0
    deleted: int = 0
    failures: int = 0
    failed: int = 0
    withheld: int = 0

    def answered(self) -> Progress:
        return replace(self, answered_at=time.time())

    def compiled(self, nodes: Mapping[str, NodeResult], seconds: float) -> Progress:
        kept = sum(not each.is_newest for each in nodes.values())
        return replace(self, compiled_at=time.time(), compile_seconds=seconds, nodes=len(nodes), kept=kept)

    def refreshed(self, done: Reconciled) -> Progress:
        """Transitions alone were written."""
        return replace(
            self,
            written=self.written + done.written,
            deleted=self.deleted + done.deleted,
            failures=self.failures + len(done.failed),
        )

    def reconciled(self, done: Reconciled) -> Progress:
        is_all = not done.failed and not done.withheld
        return replace(
            self.refreshed(done),
            failed=len(done.failed),
            withheld=len(done.withheld),
            as_wanted_at=time.time() if is_all else self.as_wanted_at,
        )


@dataclass(frozen=True, slots=True)
class ControllerStatus:
    """One controller at one moment.

    missing   what it needs before it could write, were it the leader; "" when it could
    invalid   resources that are not in force as they are
    waits     why no plan is made of the newest resources
    """

    identity: str
    progress: Progress
    missing: str = ""
    is_leader: bool = False
    invalid: tuple[Invalid, ...] = ()
    waits: tuple[str, ...] = ()
    internal_errors: int = 0
    events_dropped: int = 0
