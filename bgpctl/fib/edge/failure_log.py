"""The log of what is not in the kernel as desired.

Rule: a change of state is logged once; a retry that ends as before is not. What foreign routes do is logged at most
once a second, see `foreign_route_log`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

import structlog

from bgpctl.fib.core.foreign_route_log import PAUSE, ForeignRouteLog
from bgpctl.fib.tunnels.tunnel import DeviceFailure
from reflector.kernel.change import Change
from reflector.kernel.netlink.sockets import Refusal
from reflector.kernel.route import prefix_text

_log = structlog.get_logger("fib")


class FailureLog:
    """`foreign` collects what is to be logged of foreign routes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, foreign: ForeignRouteLog) -> None:
        self._loop = loop
        self._foreign = foreign
        self._later: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        if self._later is not None:
            self._later.cancel()

    def refused(self, change: Change, refusal: Refusal) -> None:
        route = change.route
        _log.warning(
            "the kernel refused a route",
            change=change.verb.value,
            prefix=prefix_text(route.destination),
            metric=route.metric,
            reason=refusal.reason,
        )

    def devices(self, before: Collection[DeviceFailure], after: Collection[DeviceFailure]) -> None:
        for failure in after:
            if failure not in before:
                _log.warning("a tunnel device is not as planned", device=failure.name, reason=failure.reason)

    def answers_lost(self) -> None:
        _log.warning("answers of the kernel were lost, everything is read again")

    def notifications_lost(self) -> None:
        _log.warning("notifications of the kernel were lost, everything is read again")

    def dump_changes(self) -> None:
        _log.info("the kernel's tables keep changing while they are read")

    def foreign(self) -> None:
        """What has been collected, unless that is too early; the rest later."""
        changes, others = self._foreign.take(time.monotonic())
        for prefix, metric, reason in changes:
            if reason:
                _log.warning("a foreign route conflicts with ours", prefix=prefix, metric=metric, reason=reason)
            else:
                _log.info("no foreign route conflicts with ours any more", prefix=prefix, metric=metric)
        if others:
            _log.warning("more foreign routes came or went beside ours", count=others)
        if self._foreign.count and self._later is None:
            self._later = self._loop.call_later(PAUSE, self._foreign_later)

    def _foreign_later(self) -> None:
        self._later = None
        self.foreign()
