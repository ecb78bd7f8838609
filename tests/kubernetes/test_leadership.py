"""The Lease in a real API server: who has it, who gets it, and that it is given back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bgpctl.controller.leadership import LEASE_SECONDS, RENEW_SECONDS, Leadership
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer as Requests
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

NAME = "candidates"
Play = Callable[[Leadership, Leadership, "Clock"], Coroutine[Any, Any, None]]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def play(api_server: ApiServer, fresh_namespace: str) -> Callable[[Play], None]:
    """Two candidates for one Lease, and the clock that both go by."""

    def run(scene: Play) -> None:
        async def playing() -> None:
            server, clock = Requests(Access(kubeconfig=api_server.admin_kubeconfig)), Clock()
            names = ("one", "two")
            one, two = (Leadership(server, fresh_namespace, NAME, each, clock) for each in names)
            try:
                await scene(one, two, clock)
            finally:
                await server.close()

        asyncio.run(playing())

    return run


def test_one_of_two_has_it_until_it_is_over(play: Callable[[Play], None]) -> None:
    async def scene(one: Leadership, two: Leadership, clock: Clock) -> None:
        await one.attempt()
        await two.attempt()
        assert (one.is_leader, two.is_leader, two.holder) == (True, False, "one")
        clock.now += RENEW_SECONDS
        assert not one.is_leader, "the one that has it stops before the other begins"
        clock.now += LEASE_SECONDS
        await two.attempt()
        await one.attempt()
        assert (one.is_leader, two.is_leader, one.holder) == (False, True, "two")

    play(scene)


def test_what_is_given_back_is_taken_at_once(
    play: Callable[[Play], None], api_server: ApiServer, fresh_namespace: str
) -> None:
    """Also where a renewal has arrived that was broken off: then it is another version than the last that was seen."""

    async def scene(one: Leadership, two: Leadership, _: Clock) -> None:
        await one.attempt()
        await two.attempt()
        words = ("annotate", "lease", NAME, f"--namespace={fresh_namespace}", "renewed=once-more")
        await asyncio.to_thread(calico_crds.run, api_server, *words)
        await one.release()
        assert not one.is_leader
        await two.attempt()
        assert two.is_leader

    play(scene)
    found = json.loads(
        calico_crds.run(api_server, "get", "lease", NAME, f"--namespace={fresh_namespace}", "--output=json")
    )
    assert (found["spec"]["holderIdentity"], found["metadata"]["annotations"]["renewed"]) == ("two", "once-more")


def test_what_another_has_meanwhile_is_not_given_back(play: Callable[[Play], None]) -> None:
    async def scene(one: Leadership, two: Leadership, clock: Clock) -> None:
        await one.attempt()
        await two.attempt()
        clock.now += LEASE_SECONDS + 1
        await two.attempt()
        clock.now -= LEASE_SECONDS + 1  # the first one's clock stood still
        assert one.is_leader
        await one.release()
        await two.attempt()
        assert two.is_leader

    play(scene)
