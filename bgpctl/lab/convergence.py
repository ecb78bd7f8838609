"""Waits until a lab is as expected, and says how long that took or what is still missing.

Sessions and kernel routes are looked at every tenth of a second, and pings are sent once both are right. At the
deadline everything is looked at a last time, so that the answer is complete.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from bgpctl.lab import observation
from bgpctl.lab.expectations import Expectations, ping_failures, route_failures, session_failures
from bgpctl.lab.state import LabState
from bgpctl.lab.topology import Topology

_POLL = 0.1
_PING_TIMEOUT = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of expectation: how many there are, and a sentence for each that is not met."""

    name: str
    expected: int
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TestResult:
    """`seconds` is how long it took until everything was as expected, or how long we waited."""

    checks: tuple[Check, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        return not any(check.failures for check in self.checks)


def wait_for(topology: Topology, expectations: Expectations, within: float) -> TestResult:
    """Polls until everything is as expected, at most `within` seconds."""
    state = LabState(topology.name)
    began = time.monotonic()
    while True:
        checks = _sessions_and_routes(state, topology, expectations)
        late = time.monotonic() - began > within
        if late or not any(check.failures for check in checks):
            result = TestResult((*checks, _pings(state, expectations)), time.monotonic() - began)
            if late or result.passed:
                return result
        time.sleep(_POLL)


def _sessions_and_routes(state: LabState, topology: Topology, expectations: Expectations) -> tuple[Check, ...]:
    sessions = observation.sessions(state, topology.agents)
    nodes = {node for route in expectations.routes for node in route.on}
    routes = {node: observation.kernel_routes(state.namespace(node)) for node in nodes}
    return (
        Check(
            "sessions Established",
            len(expectations.sessions),
            tuple(session_failures(expectations.sessions, sessions)),
        ),
        Check(
            "kernel routes",
            sum(len(route.on) for route in expectations.routes),
            tuple(route_failures(expectations.routes, routes)),
        ),
    )


def _pings(state: LabState, expectations: Expectations) -> Check:
    answered = observation.pings(state, expectations.pods, _PING_TIMEOUT)
    return Check("pings answered", len(expectations.pings), tuple(ping_failures(expectations.pings, answered)))
