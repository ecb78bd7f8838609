"""What the agent has the speaker withdraw when nodes leave the cluster; a stand-in answers for the speaker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from address_makers import resources

from bgpctl.agent.plan.wanted import Wanted
from bgpctl.agent.retention.node_addresses import PATIENCE
from bgpctl.agent.retention.retention import Retention
from bgpctl.agent.speaker.link import SpeakerAwayError
from bgpctl.brake import OfResources
from bgpctl.compiler import ClusterIndex, CompileOptions
from reflector.addresses import pack_address
from reflector.messages import (
    Refused,
    Reply,
    Request,
    Retained,
    RetainedSession,
    RetainedWithdrawn,
    ShowRetained,
    WithdrawRetained,
)
from reflector.plan import NodePlan, SessionKind, SessionPlan
from reflector.wire.nlri import pack_nlri

NODE = """
apiVersion: projectcalico.org/v3
kind: Node
metadata: {{name: {name}}}
spec: {{bgp: {{ipv4Address: {address}/24{more}}}}}
---
"""
POOL = """
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.64.0.0/16}
"""
BROKEN = (
    "---\napiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: x}\nspec: {bgp: {ipv4Address: nonsense}}\n"
)
A = NODE.format(name="a", address="10.0.0.1", more="")
B = NODE.format(name="b", address="10.0.0.2", more="")
R = NODE.format(name="r", address="10.0.0.9", more=", routeReflectorClusterID: 224.0.0.1")
B_ADDRESS = pack_address("10.0.0.2")
REFLECTOR = SessionPlan(
    "10.0.0.9", SessionKind.GLOBAL, "10.0.0.9", 64512, 64512, (4,), peer_node="r", long_lived_stale_time=3600
)
PLAN = NodePlan("a", "10.0.0.1", sessions=(REFLECTOR,))
AWAY = RetainedSession(REFLECTOR.name, "r", routes=1, left=3600.0, next_hops=(B_ADDRESS,))


class StandInLink:
    """Answers as a speaker that waits for `awaited`; `error` or `refusal` instead if there is one."""

    def __init__(self, *awaited: RetainedSession) -> None:
        self.awaited = awaited
        self.looked = asyncio.Event()
        self.withdrawn: list[WithdrawRetained] = []
        self.now = 1000.0
        self.is_away = self.refuses = False

    async def ask(self, request: Request) -> Reply:
        if isinstance(request, ShowRetained):
            self.looked.set()
        if self.is_away:
            raise SpeakerAwayError("it does not answer")
        if self.refuses:
            return Refused("not a request of this version")
        if isinstance(request, WithdrawRetained):
            self.withdrawn.append(request)
            return RetainedWithdrawn(1)
        return Retained(self.awaited, (), "epoch", 1, 5.0)


# Seconds between looks, of the real clock; the rest of time is the stand-in's `now`.
PAUSE = 0.02

Scene = Callable[[Retention, StandInLink], Awaitable[None]]


def play(tmp_path: Path, scene: Scene, plan: NodePlan = PLAN) -> None:
    """The scene, while the retention runs beside a dedicated reflector's agent: it has no FIB."""

    async def main() -> None:
        link = StandInLink(AWAY)
        retention = Retention(link, tmp_path / "retained", has_fib=False, pause=PAUSE, clock=lambda: link.now)
        retention.apply_plan(plan)
        running = asyncio.create_task(retention.run())
        try:
            async with asyncio.timeout(10):
                await scene(retention, link)
        finally:
            running.cancel()

    asyncio.run(main())


def wanted(text: str) -> Wanted:
    """What is asked of the node by these resources; its plan is of no interest here."""
    found = resources(text)
    return Wanted("a", None, OfResources(ClusterIndex(found.loaded.resources), CompileOptions()), found)


async def looks(link: StandInLink) -> None:
    """A whole look after this moment has ended: the one after it has begun."""
    for _ in range(2):
        link.looked.clear()
        await link.looked.wait()


async def looks_after_patience(link: StandInLink) -> None:
    """A whole look at which a node that has been missing until now has left the cluster."""
    link.now += PATIENCE
    await looks(link)


def test_a_node_that_leaves_is_withdrawn_once_with_the_networks_of_the_cluster(tmp_path: Path) -> None:
    async def scene(retention: Retention, link: StandInLink) -> None:
        retention.take(wanted(A + B + R + POOL))
        await looks(link)
        assert link.withdrawn == []
        assert retention.report.sentence.startswith("all reflectors are down; 1 route retained until ")
        retention.take(wanted(A + R + POOL))
        await looks(link)
        assert link.withdrawn == [], "it may be back in a moment"
        await looks_after_patience(link)
        assert link.withdrawn == [WithdrawRetained((B_ADDRESS,), ((4, pack_nlri("10.64.0.0/16")),))]

    play(tmp_path, scene)


def test_a_node_that_is_missing_for_a_moment_keeps_its_routes(tmp_path: Path) -> None:
    """Its file is replaced in two steps."""

    async def scene(retention: Retention, link: StandInLink) -> None:
        for documents in (A + B + R + POOL, A + R + POOL, A + B + R + POOL):
            retention.take(wanted(documents))
            await looks(link)
        await looks_after_patience(link)
        assert link.withdrawn == []

    play(tmp_path, scene)


@pytest.mark.parametrize("half", [A + R + POOL + BROKEN, R + POOL, ""])
def test_a_datastore_that_is_half_there_ends_no_route(tmp_path: Path, half: str) -> None:
    """An error anywhere, or without this node: nothing is concluded from who is missing."""

    async def scene(retention: Retention, link: StandInLink) -> None:
        retention.take(wanted(A + B + R + POOL))
        await looks(link)
        retention.take(wanted(half))
        await looks_after_patience(link)
        assert link.withdrawn == []

    play(tmp_path, scene)


def test_a_session_that_retains_nothing_is_not_waited_for(tmp_path: Path) -> None:
    async def scene(retention: Retention, link: StandInLink) -> None:
        retention.take(wanted(A + R + POOL))
        await looks(link)
        assert (link.withdrawn, retention.report.sentence) == ([], "")

    play(tmp_path, scene, NodePlan("a", "10.0.0.1"))


@pytest.mark.parametrize("how", ["is_away", "refuses"])
def test_a_speaker_that_does_not_answer_is_asked_at_the_next_look(tmp_path: Path, how: str) -> None:
    async def scene(retention: Retention, link: StandInLink) -> None:
        setattr(link, how, True)
        retention.take(wanted(A + R + POOL))
        await looks(link)
        setattr(link, how, False)
        await looks_after_patience(link)
        assert len(link.withdrawn) == 1

    play(tmp_path, scene)
