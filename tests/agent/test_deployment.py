"""Which plan is in place: applied by a speaker, refused by one, or waiting for one. Stand-ins play the speakers."""

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bgpctl.agent.deploy.deployment import Deployable, Deployment
from bgpctl.agent.host.listener import listener_pid
from bgpctl.agent.host.run_directory import PlanFiles, RunDirectory
from bgpctl.agent.speaker.link import SpeakerLink
from reflector.control.client import ControlClient
from reflector.messages import ShowCounters
from reflector.plan import NodePlan, decode_plan, encode_plan

STAND_IN = Path(__file__).with_name("stand_in_speaker.py")


def deployable(router_id: str) -> Deployable:
    plan = NodePlan(node="a", router_id=router_id)
    return Deployable(plan, PlanFiles(encode_plan(plan), f"router-id {router_id};".encode()))


FIRST, SECOND, THIRD = (deployable(f"10.0.0.{number}") for number in (1, 2, 3))


class SmallDisk(RunDirectory):
    """A run directory whose disk may be full."""

    has_room = True

    def install(self, files: PlanFiles) -> None:
        if not SmallDisk.has_room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().install(files)


@pytest.fixture
def disk() -> Iterator[type[SmallDisk]]:
    yield SmallDisk
    SmallDisk.has_room = True


def with_deployment(path: Path, story: Callable[[Deployment], Awaitable[None]]) -> None:
    async def main() -> None:
        with SmallDisk.claim(path) as directory:
            link = SpeakerLink(directory.speaker_socket)
            await story(Deployment(directory, link))
            link.close()

    asyncio.run(main())


def with_speaker(
    path: Path, how: str, wait_until: Callable[..., None], story: Callable[[Deployment], Awaitable[None]]
) -> None:
    path.mkdir(exist_ok=True)
    process = subprocess.Popen([sys.executable, str(STAND_IN), how, str(path)])
    try:
        wait_until(lambda: listener_pid(path / "speaker.sock"))
        with_deployment(path, story)
    finally:
        process.kill()
        process.wait()


def plans_taken(path: Path) -> int:
    with ControlClient(path / "speaker.sock") as client:
        return client.ask(ShowCounters()).totals["plans"]


def plan_on_disk(path: Path) -> NodePlan:
    return decode_plan((path / "plan.json").read_bytes())


def test_without_a_speaker_the_files_wait_for_the_next_one(run_path: Path) -> None:
    async def story(deployment: Deployment) -> None:
        assert await deployment.deploy(FIRST)
        assert (deployment.plan, deployment.generation) == (FIRST.plan, 1)

    with_deployment(run_path, story)
    assert plan_on_disk(run_path) == FIRST.plan
    assert (run_path / "exabgp.conf").read_bytes() == FIRST.files.exabgp_conf


def test_a_speaker_is_told_a_new_plan(run_path: Path, wait_until: Callable[..., None]) -> None:
    async def story(deployment: Deployment) -> None:
        assert await deployment.deploy(FIRST)
        assert await deployment.deploy(SECOND)
        assert plans_taken(run_path) == 2

    with_speaker(run_path, "serve", wait_until, story)


def test_the_same_plan_is_not_applied_again(run_path: Path, wait_until: Callable[..., None]) -> None:
    async def story(deployment: Deployment) -> None:
        await deployment.deploy(FIRST)
        written = (run_path / "plan.json").stat().st_ino
        assert not await deployment.deploy(deployable("10.0.0.1"))
        assert (plans_taken(run_path), deployment.generation) == (1, 1)
        assert (run_path / "plan.json").stat().st_ino == written

    with_speaker(run_path, "serve", wait_until, story)


def left_by_an_earlier_agent(path: Path) -> None:
    async def story(deployment: Deployment) -> None:
        await deployment.deploy(FIRST)

    with_deployment(path, story)


def test_after_a_refusal_the_last_plan_is_in_place_again(run_path: Path, wait_until: Callable[..., None]) -> None:
    async def story(deployment: Deployment) -> None:
        assert deployment.resume() == FIRST.plan
        assert not await deployment.deploy(SECOND)
        assert deployment.plan == FIRST.plan

    left_by_an_earlier_agent(run_path)
    with_speaker(run_path, "refuse", wait_until, story)
    assert plan_on_disk(run_path) == FIRST.plan
    assert (run_path / "exabgp.conf").read_bytes() == FIRST.files.exabgp_conf


def test_a_plan_waits_for_room_on_the_disk(run_path: Path, disk: type[SmallDisk]) -> None:
    async def story(deployment: Deployment) -> None:
        await deployment.deploy(FIRST)
        disk.has_room = False
        assert not await deployment.deploy(SECOND)
        assert not await deployment.deploy_waiting()
        assert (deployment.plan, deployment.generation) == (FIRST.plan, 1)
        assert deployment.refusal == "the plan cannot be written: No space left on device"
        assert deployment.is_waiting.is_set()
        disk.has_room = True
        assert await deployment.deploy_waiting()
        assert (deployment.plan, deployment.generation, deployment.refusal) == (SECOND.plan, 2, "")
        assert not deployment.is_waiting.is_set()
        assert not await deployment.deploy_waiting()

    with_deployment(run_path, story)
    assert plan_on_disk(run_path) == SECOND.plan


def test_what_waits_for_room_is_the_newest_plan(run_path: Path, disk: type[SmallDisk]) -> None:
    async def story(deployment: Deployment) -> None:
        await deployment.deploy(FIRST)
        disk.has_room = False
        await deployment.deploy(SECOND)
        await deployment.deploy(THIRD)
        disk.has_room = True
        assert await deployment.deploy_waiting()
        assert deployment.plan == THIRD.plan

    with_deployment(run_path, story)


def test_what_waits_for_room_is_forgotten_when_the_plan_in_place_is_wanted_again(
    run_path: Path, disk: type[SmallDisk]
) -> None:
    async def story(deployment: Deployment) -> None:
        await deployment.deploy(FIRST)
        disk.has_room = False
        await deployment.deploy(SECOND)
        assert not await deployment.deploy(FIRST)
        assert deployment.refusal == ""
        assert not deployment.is_waiting.is_set()

    with_deployment(run_path, story)


def test_after_a_refusal_the_last_plan_waits_for_room(
    run_path: Path, wait_until: Callable[..., None], disk: type[SmallDisk]
) -> None:
    """The files of the refused plan are there until then: a speaker that starts meanwhile reads them."""

    async def story(deployment: Deployment) -> None:
        deployment.resume()
        await deployment.deploy(FIRST)
        full_after_this_one = SmallDisk.install

        def install(self: SmallDisk, files: PlanFiles) -> None:
            full_after_this_one(self, files)
            disk.has_room = False

        disk.install = install
        try:
            assert not await deployment.deploy(SECOND)
        finally:
            disk.install = full_after_this_one
        assert (deployment.plan, plan_on_disk(run_path)) == (FIRST.plan, SECOND.plan)
        assert deployment.refusal == "the speaker refused the plan: not this one"
        assert not await deployment.deploy(FIRST)
        disk.has_room = True
        await deployment.deploy_waiting()
        assert (deployment.plan, plan_on_disk(run_path)) == (FIRST.plan, FIRST.plan)

    left_by_an_earlier_agent(run_path)
    with_speaker(run_path, "refuse", wait_until, story)


def test_a_plan_that_this_version_does_not_read_is_left_aside(run_path: Path) -> None:
    run_path.mkdir()
    (run_path / "plan.json").write_text('{"node":"a","router_id":"10.0.0.1","version":99}')
    (run_path / "exabgp.conf").touch()

    async def story(deployment: Deployment) -> None:
        assert deployment.resume() is None
        assert deployment.plan is None

    with_deployment(run_path, story)


def test_a_speaker_that_is_away_is_told_when_it_is_back(run_path: Path, wait_until: Callable[..., None]) -> None:
    async def no_change(deployment: Deployment) -> None:
        assert await deployment.deploy(FIRST)

    async def back(deployment: Deployment) -> None:
        deployment.resume()
        await deployment.confirm()
        assert plans_taken(run_path) == 1

    with_deployment(run_path, no_change)
    with_speaker(run_path, "serve", wait_until, back)
