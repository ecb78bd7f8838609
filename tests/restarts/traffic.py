"""Pings around what must not cost a packet, and how routes change meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from restart_world import Cluster

from bgpctl.lab.traffic.probe import Probe, Report

# Seconds that packets are sent after everything is whole again: what a sweep takes away may be wrong only then.
AFTERMATH = 0.5

Record = Callable[[str, Report | str], None]


@contextmanager
def pings(cluster: Cluster, what: str, record: Record) -> Iterator[None]:
    """Between all pods, 100 a second, until the cluster is whole again; not one packet may be lost."""
    with Probe.start(cluster.flows()) as probe:
        yield
        cluster.until_whole()
        go_on_for(AFTERMATH)
        report = probe.stop()
    record(what, report)
    assert report.lost == 0


def go_on_for(seconds: float) -> None:
    """Time is the subject here: that of a failure that lasts, and packets sent meanwhile."""
    time.sleep(seconds)


@contextmanager
def undisturbed_sessions(cluster: Cluster) -> Iterator[None]:
    """No session goes down, and no speaker is another one afterwards."""

    def now() -> tuple[dict[tuple[str, str], int], dict[str, int]]:
        return cluster.flaps(), {name: member.speaker_pid for name, member in cluster.members.items()}

    before = now()
    yield
    assert now() == before


@contextmanager
def routes_of_nodes(cluster: Cluster) -> Iterator[list[Path]]:
    """What changes in the kernels of all nodes."""
    with ExitStack() as stack:
        yield [stack.enter_context(node.watched_routes()) for node in cluster.nodes]


def about(changes: Path, *prefixes: str) -> list[str]:
    """What `ip monitor route` has printed of these: "PREFIX" or "Deleted PREFIX"."""
    lines = [line.split() for line in changes.read_text().splitlines()]
    changes = [" ".join(words[:2]) if words[0] == "Deleted" else words[0] for words in lines]
    return [each for each in changes if each.split()[-1] in prefixes]
