"""The figures of a run, each beside its limit, and beside what it costs where every agent watches everything.

Rule: what says "by arithmetic" is not measured. It is what one agent was measured to cost in this cluster, times the
number of its nodes.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import NamedTuple

from labs.bench.kubernetes_scale.changes import BLOCK, JOINS, PEER
from labs.bench.kubernetes_scale.results import Agents, Change, Heartbeats, Rest, Restart, Results, Start, Watcher

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class Line(NamedTuple):
    """`limit` None: there is none."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    note: str = ""


def lines(results: Results) -> Iterator[Line]:
    yield from _start(results.start)
    if results.rest is not None:
        yield from _rest(results.rest)
    for name in (JOINS, PEER, BLOCK):
        if some := results.changes.get(name):
            yield _change(name, some)
    if results.heartbeats is not None:
        yield from _heartbeats(results.heartbeats, results.nodes)
    if results.watcher is not None:
        yield from _watcher(results.watcher, results.nodes)
    if results.agents is not None:
        yield from _agents(results.agents, results.nodes)


def _start(start: Start) -> Iterator[Line]:
    note = f"{start.plans:,} plans, {start.cpu:.1f} s of CPU time"
    yield Line("controller: from its start until all plans are written", start.seconds, "s", 60, note)
    yield Line("controller: memory, the most until then", start.memory.peak, "MiB", 400)


def _rest(rest: Rest) -> Iterator[Line]:
    note = f"PSS {rest.memory.pss:.0f} MiB, the most {rest.memory.peak:.0f} MiB"
    yield Line("controller: memory at rest", rest.memory.rss, "MiB", 400, note)
    note = f"{rest.requests} requests in {rest.seconds:.0f} s, {rest.writes} plans written"
    yield Line("controller: processor at rest", rest.cpu * 100, "% of a core", None, note)


def _change(name: str, some: list[Change]) -> Line:
    seconds, last = [each.seconds for each in some], some[-1]
    which = "those that differ" if all(each.is_exact for each in some) else "NOT THOSE THAT DIFFER"
    spread = f"{len(some)} runs, {min(seconds):.2f} to {max(seconds):.2f} s"
    used = statistics.median(each.cpu for each in some)
    note = f"{last.written} plans, {which}, in {last.writes} writes; {used:.2f} s of CPU time; {spread}"
    return Line(f"{name}: until it is written", statistics.median(seconds), "s", 1, note)


def _heartbeats(found: Heartbeats, nodes: int) -> Iterator[Line]:
    rest, watcher = found.rest, found.watcher
    rate = found.sent / rest.seconds
    note = f"{rest.writes} plans written; memory {rest.memory.rss:.0f} MiB"
    yield Line(f"controller: {rate:.0f} heartbeats a second", rest.cpu * 100, "% of a core", 15, note)
    yield Line("  an agent that watches everything", watcher.cpu * 100, "% of a core")
    note = f"to {nodes:,} of them {watcher.octets * nodes / GIB:,.2f} GiB a second, by arithmetic"
    yield Line("  and what it is sent", watcher.octets / KIB, "KiB a second", None, note)


def _watcher(found: Watcher, nodes: int) -> Iterator[Line]:
    note = f"{found.cpu:.1f} s of CPU time"
    yield Line("an agent that watches everything: from its start to its plan", found.seconds, "s", None, note)
    note = f"peak {found.memory.peak:.0f} MiB; without a speaker"
    yield Line("  its memory at rest", found.memory.pss, "MiB PSS", None, note)
    whole = f"{found.requests * nodes:,} requests and {found.octets * nodes / GIB:,.1f} GiB"
    note = f"{found.requests} requests; {nodes:,} that restart: {whole}, by arithmetic"
    yield Line("  what it is sent", found.octets / MIB, "MiB", None, note)


def _agents(found: Agents, nodes: int) -> Iterator[Line]:
    whole, rest = found.whole, found.sources_at_rest
    note = f"of {whole.restart.agents}; in no file {whole.memory.own:.0f} MiB"
    yield Line("an agent with its speaker: memory, each file once", whole.pod, "MiB", 60, note)
    for what, memory in (("with its speaker", whole.memory), ("without the speaker", whole.agent)):
        note = f"RSS {memory.rss:.0f} MiB, in no file {memory.own:.0f}"
        yield Line(f"  {what}, files divided among all that have them", memory.pss, "MiB PSS", None, note)
    note = f"{whole.rest.octets / KIB:,.1f} KiB a minute; {whole.restart.agents} agents for {whole.rest.seconds:.0f} s"
    yield Line("  at rest", whole.rest.requests, "requests a minute", 1, note)
    note = f"{rest.octets / KIB:,.1f} KiB a minute; {found.sources.agents} sources"
    yield Line("  at rest, its source alone", rest.requests, "requests a minute", 1, note)
    yield _restart("sources of agents restart at once", found.sources, nodes)
    yield _restart("whole agents restart at once", whole.restart, nodes)


def _restart(who: str, found: Restart, nodes: int) -> Line:
    each = f"each {found.requests:.1f} requests and {found.octets / KIB:.1f} KiB"
    whole = f"{found.requests * nodes:,.0f} requests and {found.octets * nodes / MIB:,.0f} MiB"
    return Line(f"{found.agents} {who}", found.seconds, "s", None, f"{each}; {nodes:,}: {whole}, by arithmetic")
