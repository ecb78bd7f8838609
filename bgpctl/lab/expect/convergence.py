"""Waits until a lab is as expected; the result is how long that took, or what is still missing.

Sessions, kernel routes and RIBs are observed every tenth of a second; when all are as expected, pings are sent. At the
deadline everything is observed a last time, so that the result is complete.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from bgpctl.lab.daemons import Session, view_of
from bgpctl.lab.expect import failures
from bgpctl.lab.expect.expectations import Expectations
from bgpctl.lab.netns import kernel
from bgpctl.lab.netns.state import LabState
from bgpctl.lab.topology.addresses import node_of_address
from bgpctl.lab.topology.topology import Node, Topology
from bgpctl.lab.traffic.echo import ping_all
from reflector.plan import ROUTE_PROTOCOL

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

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(failure for check in self.checks for failure in check.failures)


@dataclass(frozen=True, slots=True)
class ObservedLab:
    """A running lab, to be observed. `names` has the node of each address in it: daemons know their peers by
    address."""

    topology: Topology
    state: LabState
    names: Mapping[str, str]

    @classmethod
    def of(cls, topology: Topology) -> ObservedLab:
        """Raises NotReadyError when a namespace is gone."""
        state = LabState(topology.name)
        names = node_of_address(topology)
        for node in topology.nodes:
            if node.role.speaks_bgp:
                for address in kernel.addresses(state.namespace(node.name)):
                    names.setdefault(address, node.name)
        return cls(topology, state, names)

    def checks(self, expectations: Expectations) -> tuple[Check, ...]:
        """All but the pings. A kind of which nothing is expected is left out, except sessions."""
        return tuple(
            check
            for check in (self._sessions(expectations), self._routes(expectations), self._bgp(expectations))
            if check.expected or check.failures or check.name == "sessions Established"
        )

    def pings(self, expectations: Expectations) -> Check:
        wanted = expectations.all_pings
        answered = ping_all(wanted, self.state.namespace, _PING_TIMEOUT)
        found = tuple(failures.ping_failures(expectations, answered))
        closed = len(wanted) - len(expectations.pings)
        return Check(f"pings answered{f', {closed} of them must not be' if closed else ''}", len(wanted), found)

    def sessions(self, ignored: Collection[str] = ()) -> dict[str, tuple[Session, ...]]:
        """Of each node that speaks BGP and answers. An ignored node is not asked: a frozen one would delay the
        answer."""
        found = {}
        for node in self._speakers():
            if node.name in ignored:
                continue
            sessions = view_of(self.state, node).sessions()
            if sessions is not None:
                found[node.name] = tuple(
                    Session(self.names.get(session.peer, session.peer), session.state) for session in sessions
                )
        return found

    def _speakers(self) -> Iterator[Node]:
        return (node for node in self.topology.nodes if node.role.speaks_bgp)

    def _sessions(self, expectations: Expectations) -> Check:
        found = tuple(failures.session_failures(expectations, self.sessions(expectations.ignored)))
        return Check("sessions Established", len(expectations.sessions), found)

    def _routes(self, expectations: Expectations) -> Check:
        nodes = {node for route in expectations.routes for node in route.on}
        seen = {node: kernel.kernel_routes(self.state.namespace(node)) for node in nodes}
        own_protocol = {node.name: ROUTE_PROTOCOL for node in self.topology.agents}
        found = tuple(failures.route_failures(expectations.routes, seen, own_protocol))
        return Check("kernel routes", sum(len(route.on) for route in expectations.routes), found)

    def _bgp(self, expectations: Expectations) -> Check:
        nodes = {node for route in expectations.bgp for node in route.on}
        seen = {node.name: view_of(self.state, node).routes() for node in self._speakers() if node.name in nodes}
        found = tuple(failures.bgp_failures(expectations.bgp, seen))
        return Check("BGP routes", sum(len(route.on) for route in expectations.bgp), found)


def wait_for(topology: Topology, expectations: Expectations, within: float) -> TestResult:
    """Polls until everything is as expected, at most `within` seconds."""
    return wait_until(ObservedLab.of(topology), expectations, within)


def wait_until(observed: ObservedLab, expectations: Expectations, within: float) -> TestResult:
    """The same in a lab that is observed already."""
    began = time.monotonic()
    while True:
        checks = observed.checks(expectations)
        late = time.monotonic() - began > within
        if late or not any(check.failures for check in checks):
            result = TestResult((*checks, observed.pings(expectations)), time.monotonic() - began)
            if late or result.passed:
                return result
        time.sleep(_POLL)
