"""The three changes: one node joins, one peer changes, one block moves. What each concerns follows from the cluster."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from labs.bench.kubernetes_scale.api import report_all
from labs.bench.kubernetes_scale.cluster import (
    BLOCKS_A_NODE,
    Cluster,
    block,
    joining,
    node_name,
    reflector_names,
    router,
)
from labs.bench.kubernetes_scale.cost import cpu
from labs.bench.kubernetes_scale.processes import until_at_rest
from labs.bench.kubernetes_scale.results import Change
from labs.bench.kubernetes_scale.writing import Writer
from labs.bench.kubernetes_scale.written import WrittenPlans

JOINS, PEER, BLOCK = "one node joins", "one peer changes", "one block moves"
RACK = 3
WITHIN = 60.0


@dataclass(frozen=True)
class Case:
    """`concerned`: the nodes whose plans differ afterwards."""

    name: str
    concerned: frozenset[str]
    make: Callable[[], Awaitable[None]]


def cases(cluster: Cluster, writer: Writer, runs: int) -> Iterator[Case]:
    """In turns."""
    for run in range(runs):
        yield _join(cluster.nodes + run, writer)
        yield _peer(Cluster(cluster.nodes + run + 1), writer, run + 1)
        yield _block(cluster, writer, run)


def _join(number: int, writer: Writer) -> Case:
    """A Node with its blocks, which come as IPAM makes them."""
    concerned = frozenset({node_name(number), *reflector_names()})
    return Case(JOINS, concerned, lambda: writer.create(joining(number)))


def _peer(cluster: Cluster, writer: Writer, run: int) -> Case:
    """The router of a rack gets another AS number."""
    changed = router(RACK, more_as=100 * run)
    return Case(PEER, frozenset(cluster.in_rack(RACK)), lambda: writer.patch(changed))


def _block(cluster: Cluster, writer: Writer, run: int) -> Case:
    giver, taker = run, run + cluster.nodes // 2
    moved = block(giver * BLOCKS_A_NODE, node_name(taker))
    return Case(BLOCK, frozenset({node_name(giver), node_name(taker)}), lambda: writer.patch(moved))


async def measure(case: Case, writer: Writer, written: WrittenPlans, controller: int) -> Change:
    """`controller` is its process. Afterwards the agents have reported the plans."""
    await until_at_rest(controller)
    before, used, began = written.count, cpu(controller), time.monotonic()
    await case.make()
    wave = await written.wave(began, before, case.concerned, WITHIN)
    used = cpu(controller) - used
    await report_all(writer, {name: written.digests[name] for name in wave.writes})
    return Change(
        seconds=wave.seconds if wave.seconds is not None else WITHIN,
        cpu=used,
        differ=len(case.concerned),
        written=len(wave.writes),
        writes=sum(wave.writes.values()),
        is_exact=wave.writes.keys() == case.concerned,
    )
