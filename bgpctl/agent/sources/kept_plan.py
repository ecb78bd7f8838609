"""STATE_DIRECTORY/NODE.json: the last NodePlan of a node, for an agent that starts while no API server answers.

    spec      as it was read
    plan      made of it, with its keys and services
    read_at   when, in seconds since the epoch

Rule: it is knowledge, not truth. A file that cannot be read is as good as none, and one that cannot be written costs
only what the next agent would have known; both are logged, once. It holds passwords, so only its owner reads it.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from bgpctl.agent.host.state_directory import kept_plan_path
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.private_file import write_private
from bgpctl.node_plan import NodePlanSpec
from reflector.plan import NodePlan

# What changes without the NodePlan, such as a Service that moves, is written so often at most, in seconds.
PAUSE = 10.0
DIRECTORY_MODE = 0o700

log = get_logger("plan")


class KeptPlan(msgspec.Struct, frozen=True):
    spec: NodePlanSpec
    plan: NodePlan
    read_at: float


class KeptPlanFile:
    """`is_due`: what was given last is not written yet."""

    def __init__(self, directory: Path, node: str) -> None:
        self.is_due = False
        self._path = kept_plan_path(directory, node)
        self._newest: KeptPlan | None = None
        self._written: KeptPlan | None = None
        self._written_at = -PAUSE
        self._is_unwritable = False

    def read(self) -> KeptPlan | None:
        """What an earlier agent left; None for nothing, and for what this version does not read."""
        try:
            self._written = msgspec.json.decode(self._path.read_bytes(), type=KeptPlan)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("the last NodePlan is not readable, it is left aside", file=str(self._path), error=str(error))
            return None
        return self._written

    def keep(self, spec: NodePlanSpec, plan: NodePlan) -> None:
        self._newest = KeptPlan(spec, plan, time.time())
        self.is_due = True
        if self._written is None or self._written.spec.digest != spec.digest:
            self._written_at = time.monotonic() - PAUSE
        self.write_if_due()

    def write_if_due(self) -> None:
        if not self.is_due or self._newest is None or time.monotonic() < self._written_at + PAUSE:
            return
        try:
            self._path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            write_private(self._path, msgspec.json.encode(self._newest))
        except OSError as error:
            if not self._is_unwritable:
                log.warning(
                    "the NodePlan is not kept for a start without the API server",
                    file=str(self._path),
                    reason=error.strerror,
                )
            self._is_unwritable = True
        else:
            self._is_unwritable = False
        self._written, self._written_at, self.is_due = self._newest, time.monotonic(), False
