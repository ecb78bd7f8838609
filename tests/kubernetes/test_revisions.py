"""Which revisions of the configuration are kept in a real API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bgpctl.controller.configuration import Configuration
from bgpctl.controller.revisions import Revisions
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer as Requests
from bgpctl.kubernetes.failure import FailedError
from labs.bench.kubernetes import calico_crds
from labs.bench.kubernetes.api_server import ApiServer

pytestmark = [pytest.mark.netns, pytest.mark.slow, pytest.mark.timeout(300)]

Play = Callable[[Callable[..., Revisions]], Coroutine[Any, Any, None]]


def configuration(number: int) -> Configuration:
    return Configuration(({"apiVersion": "v1", "kind": "Nothing", "metadata": {"name": f"n{number}"}},))


def names(*numbers: int) -> list[str]:
    return [configuration(each).revision for each in numbers]


@pytest.fixture
def play(api_server: ApiServer, fresh_namespace: str) -> Callable[[Play], None]:
    """With a function that makes the Revisions of one more controller."""

    def run(scene: Play) -> None:
        async def playing() -> None:
            server = Requests(Access(kubeconfig=api_server.admin_kubeconfig))
            try:
                await scene(lambda namespace=fresh_namespace: Revisions(server, namespace, kept=3))
            finally:
                await server.close()

        asyncio.run(playing())

    return run


@pytest.fixture
def there(api_server: ApiServer, fresh_namespace: str) -> Callable[[], list[str]]:
    """Their names, in the order of their numbers."""

    def look() -> list[str]:
        words = ("get", "controllerrevisions", f"--namespace={fresh_namespace}", "--output=json")
        items = json.loads(calico_crds.run(api_server, *words))["items"]
        return [each["metadata"]["name"] for each in sorted(items, key=lambda each: int(each["revision"]))]

    return look


def test_the_last_ones_stay_and_those_that_plans_name(
    play: Callable[[Play], None], there: Callable[[], list[str]]
) -> None:
    async def scene(make: Callable[..., Revisions]) -> None:
        one = make()
        for number in range(6):
            await one.keep(configuration(number), frozenset(names(0)))
        assert there() == names(0, 3, 4, 5)
        await one.keep(configuration(6), frozenset())
        assert there() == names(4, 5, 6)

    play(scene)


def test_one_that_comes_back_is_the_newest_also_for_the_next_controller(
    play: Callable[[Play], None], there: Callable[[], list[str]]
) -> None:
    async def scene(make: Callable[..., Revisions]) -> None:
        one = make()
        for number in (1, 2, 1):
            await one.keep(configuration(number), frozenset())
        assert there() == names(2, 1)
        two = make()
        await two.keep(configuration(1), frozenset())
        await two.keep(configuration(2), frozenset())
        assert there() == names(1, 2)

    play(scene)


def test_one_that_cannot_be_kept_is_tried_once_more(play: Callable[[Play], None]) -> None:
    async def scene(make: Callable[..., Revisions]) -> None:
        nowhere = make("there-is-no-such-namespace")
        for _ in range(2):
            with pytest.raises(FailedError, match="not found"):
                await nowhere.keep(configuration(1), frozenset())

    play(scene)
