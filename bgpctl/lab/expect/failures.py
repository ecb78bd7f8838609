"""Which expectations of a lab are not met: a sentence for each. Pure: what is seen comes in as values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from bgpctl.lab.daemons import BgpRoute, Session
from bgpctl.lab.expect.expectations import Expectations, ExpectedBgpRoute, ExpectedRoute, Pair, Pairs
from bgpctl.lab.netns.kernel import KernelRoute
from bgpctl.lab.traffic.ping import Ping

_ESTABLISHED = "established"
# Kernel routes by node; a node that is not there was not asked.
Routes = Mapping[str, tuple[KernelRoute, ...]]


def session_failures(expected: Expectations, seen: Mapping[str, tuple[Session, ...]]) -> Iterator[str]:
    """A sentence for each session that is not as expected, or that is not expected. A node that is not in `seen` does
    not answer; several sessions between the same two must all be as expected."""
    states: dict[Pair, list[str]] = {}
    for node, sessions in seen.items():
        for session in sessions:
            states.setdefault((node, session.peer), []).append(session.state)
    yield from _not_established(expected.sessions, seen, states)
    for node, peer in sorted(expected.down):
        if any(map(_is_up, states.get((node, peer), ()))):
            yield f"{node} -> {peer}: Established, and must not be"
    for node, peer in sorted(expected.never & states.keys()):
        yield f"{node} -> {peer}: a session that must not exist"
    for node, peer in sorted(states.keys() - expected.sessions - expected.down - expected.never):
        if node not in expected.ignored:
            yield f"{node} -> {peer}: a session that is not expected"


def _not_established(expected: Pairs, answering: Collection[str], states: Mapping[Pair, list[str]]) -> Iterator[str]:
    for node, peer in sorted(expected):
        if node not in answering:
            yield f"{node} -> {peer}: the speaker of {node} does not answer"
        elif (node, peer) not in states:
            yield f"{node} -> {peer}: no such session"
        else:
            yield from (
                f"{node} -> {peer}: {state}, not Established" for state in states[node, peer] if not _is_up(state)
            )


def _is_up(state: str) -> bool:
    return state.lower() == _ESTABLISHED


def route_failures(expected: Iterable[ExpectedRoute], seen: Routes, own_protocol: Mapping[str, int]) -> Iterator[str]:
    """A sentence for each kernel route that is not as expected. `own_protocol`: the routing protocol number that the
    routes of a node must have; a node that is not there may have any."""
    for route in expected:
        for node in route.on:
            there = [each for each in seen.get(node, ()) if each.to == route.to]
            if not _fits(route, there, own_protocol.get(node)):
                protocol = f" protocol {own_protocol[node]}" if node in own_protocol and not route.absent else ""
                instead = "; ".join(map(str, there)) or "no route"
                yield f"{node}: expected {route}{protocol}; seen: {instead}"


def _fits(route: ExpectedRoute, there: list[KernelRoute], protocol: int | None) -> bool:
    if route.absent:
        return not there
    candidates = [each for each in there if protocol in (None, each.protocol)]
    if route.blackhole:
        return any(each.blackhole for each in candidates)
    hops = [each for each in candidates if route.dev in ("", each.dev) and not each.blackhole]
    return bool(hops) and len(hops) == len(candidates) and sorted(each.via for each in hops) == list(route.via or ("",))


def bgp_failures(
    expected: Iterable[ExpectedBgpRoute], seen: Mapping[str, tuple[BgpRoute, ...] | None]
) -> Iterator[str]:
    """A sentence for each route of a RIB that is missing, or different in what is expected of it."""
    tables = {node: {route.prefix: route for route in routes} for node, routes in seen.items() if routes is not None}
    for route in expected:
        for node in route.on:
            if node not in tables:
                yield f"{node}: {route.prefix}: its speaker does not answer"
                continue
            there = tables[node].get(route.prefix)
            yield from (f"{node}: {route.prefix} {difference}" for difference in _differences(route, there))


def _differences(route: ExpectedBgpRoute, there: BgpRoute | None) -> Iterator[str]:
    if there is None:
        if not route.absent:
            yield "is not in its RIB"
        return
    if route.absent:
        yield f"is in its RIB, with next hop {there.next_hop or 'none (its own route)'}"
        return
    for name in ("next_hop", "as_path", "local_pref", "stale"):
        wanted, has = getattr(route, name), getattr(there, name)
        if wanted is not None and wanted != has:
            yield f"has {name} {has!r}, not {wanted!r}"
    missing = set(route.communities) - set(there.communities)
    if missing:
        yield f"has communities {' '.join(there.communities) or 'none'}, and lacks {' '.join(sorted(missing))}"


def ping_failures(expected: Expectations, answered: Collection[Ping]) -> Iterator[str]:
    """A sentence for each pair without an answer, and for each that should have none."""
    for ping in expected.all_pings:
        reaches, should = ping in answered, (ping.source, ping.target) not in expected.unreachable
        if should and not reaches:
            yield f"{ping}: no answer"
        elif reaches and not should:
            yield f"{ping}: answered, and must not be"
