"""The agent's stream of a real speaker's Loc-RIB: it goes on where it broke off, unless the speaker is another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from segment import LISTEN, Segment, Speaker, session

from bgpctl.agent.speaker.link import SpeakerAwayError, SpeakerLink
from reflector.messages import LocRibUpdate, Subscribed
from reflector.plan import NodePlan, Origination, RouteSource
from reflector.wire.nlri import unpack_nlri

pytestmark = pytest.mark.netns

ADDRESS, PEER = "10.9.0.1", "10.9.0.2"


def plan(*prefixes: str) -> NodePlan:
    originations = tuple(Origination(prefix, RouteSource.BLOCK) for prefix in prefixes)
    sessions = (session(PEER, ADDRESS),)
    return NodePlan(node="a", router_id=ADDRESS, listen=LISTEN, sessions=sessions, originations=originations)


@pytest.fixture
def speaker(segment: Segment) -> Speaker:
    """One with a peer that sends no routes."""
    segment.host("a", f"{ADDRESS}/24")
    segment.host("b", f"{PEER}/24")
    speaker = segment.speaker("a", plan("10.1.0.0/26", "10.2.0.0/26"))
    segment.speaker("b", NodePlan(node="b", router_id=PEER, listen=LISTEN, sessions=(session(ADDRESS, PEER),)))
    speaker.wait_established()
    return speaker


class Follower:
    """What one connection of the stream has brought."""

    def __init__(self, stream: AsyncIterator[Subscribed | LocRibUpdate], begins: Subscribed) -> None:
        self._stream = stream
        self.is_resumed = begins.resumed
        self.published: set[str] = set()
        self.withdrawn: set[str] = set()

    async def until(self, is_so: Callable[[Follower, LocRibUpdate], bool]) -> None:
        async for update in self._stream:
            assert isinstance(update, LocRibUpdate)
            self.published |= {unpack_nlri(nlri, group.family) for group in update.routes for nlri in group.nlri}
            self.withdrawn |= {unpack_nlri(nlri, 4) for nlri in update.withdrawn_v4}
            if is_so(self, update):
                return


@asynccontextmanager
async def follow(link: SpeakerLink) -> AsyncIterator[Follower]:
    stream = link.loc_rib()
    try:
        begins = await anext(stream)
        assert isinstance(begins, Subscribed)
        yield Follower(stream, begins)
    finally:
        await stream.aclose()


async def synchronise(link: SpeakerLink) -> set[str]:
    """The whole table; the update that completes it has been taken up when the stream is asked for the next one."""
    async with follow(link) as follower:
        assert not follower.is_resumed
        await follower.until(lambda _, update: update.in_sync)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await follower.until(lambda *_: True)
        return follower.published


def run(story: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await story

    asyncio.run(bounded())


def test_after_a_broken_connection_only_what_was_missed_is_told(speaker: Speaker) -> None:
    async def story() -> None:
        link = SpeakerLink(speaker.directory / "speaker.sock")
        assert await synchronise(link) == {"10.1.0.0/26", "10.2.0.0/26"}
        speaker.apply(plan("10.1.0.0/26", "10.3.0.0/26"))
        async with follow(link) as follower:
            await follower.until(lambda so_far, _: bool(so_far.published and so_far.withdrawn))
            assert (follower.is_resumed, follower.published, follower.withdrawn) == (
                True,
                {"10.3.0.0/26"},
                {"10.2.0.0/26"},
            )

    run(story())


def test_another_speaker_tells_everything(speaker: Speaker) -> None:
    async def story() -> None:
        link = SpeakerLink(speaker.directory / "speaker.sock")
        await synchronise(link)
        speaker.process.kill()
        speaker.process.wait()
        speaker.restart()
        speaker.wait_listening()
        assert await synchronise(link) == {"10.1.0.0/26", "10.2.0.0/26"}

    run(story())


def test_a_stream_that_broke_before_it_was_in_sync_begins_again(speaker: Speaker) -> None:
    async def story() -> None:
        link = SpeakerLink(speaker.directory / "speaker.sock")
        async with follow(link) as follower:
            assert not follower.is_resumed
        assert await synchronise(link) == {"10.1.0.0/26", "10.2.0.0/26"}

    run(story())


def test_without_a_speaker_there_is_no_stream(speaker: Speaker) -> None:
    async def story() -> None:
        with pytest.raises(SpeakerAwayError, match="cannot connect to"):
            async with follow(SpeakerLink(speaker.directory / "no.sock")):
                pass

    run(story())
