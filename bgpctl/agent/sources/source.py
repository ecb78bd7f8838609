"""What every source of plans offers to the stages behind it, and to the agent's status."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bgpctl.agent.node_status.asked import Asked
from bgpctl.agent.plan.wanted import Wanted
from reflector.messages import ProblemStatus

if TYPE_CHECKING:
    from bgpctl.resources.in_force.invalid import Invalid


@dataclass(frozen=True, slots=True)
class News:
    """wanted     what is asked of the node now; None: what is in force stays
    requests   the CalicoNodeStatus resources that ask for this node; None: not known
    """

    wanted: Wanted | None
    requests: tuple[Asked, ...] | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """problems       of what the plan is made of, as it is now
    usable         it makes a plan
    seconds        what the last compilation took
    succeeded_at   when there last was a plan, in seconds since the epoch; 0: never
    findings       of the guardrails in the whole cluster, as of `examined_at`
    invalid        resources that are not in force as they are written
    addresses      sentences on the addresses that stand in for those that the Node does not set
    """

    problems: tuple[ProblemStatus, ...] = ()
    usable: bool = False
    seconds: float = 0.0
    succeeded_at: float = 0.0
    findings: tuple[ProblemStatus, ...] = ()
    examined_at: float = 0.0
    invalid: tuple[Invalid, ...] = ()
    addresses: tuple[str, ...] = ()


Stage = tuple[str, Callable[[], Awaitable[None]]]


class Source(Protocol):
    @property
    def standing(self) -> Standing:
        """As it is now."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What has to run beside `follow`, for ever, each with a few words on what it does."""

    def follow(self) -> AsyncGenerator[News, None]:
        """For ever. While a News is taken up, the next is not made: a burst of changes is one. Raises NotReadyError
        before the first, when there is nothing to follow."""

    def put_in_force(self, wanted: Wanted, *, is_whole: bool) -> None:
        """This is in force; `is_whole`: nothing of it is held."""
