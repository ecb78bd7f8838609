"""The files that answer CalicoNodeStatus resources: when they are written, and when not."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import pytest
import yaml

from bgpctl.agent.node_resources import NodeResources
from bgpctl.agent.node_status.answers import StatusAnswers
from bgpctl.agent.node_status.asked import Asked
from bgpctl.agent.node_status.files import StatusFiles
from bgpctl.agent.node_status.report import NoReportError
from bgpctl.agent.node_status.status import NodeStatus, node_status
from bgpctl.resources import Loaded, ResourceSet, parse_documents
from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus

# Seconds until a report that could not be made is tried once more.
RETRY = 0.05


def asks(name: str, period: int = 0, node: str = "a", classes: str = "Agent") -> CalicoNodeStatus:
    text = (
        f"apiVersion: projectcalico.org/v3\nkind: CalicoNodeStatus\nmetadata: {{name: {name}}}\n"
        f"spec: {{node: {node}, classes: [{classes}], updatePeriodSeconds: {period}}}\n"
    )
    (found,) = parse_documents([("status.yaml", text)]).resources.node_statuses.values()
    return found


def requests_to_a(*requests: CalicoNodeStatus) -> tuple[Asked, ...]:
    return tuple(map(Asked.by, NodeResources("a", Loaded(ResourceSet.of(*requests), ())).status_requests))


class Reports:
    """Says `now` whenever it is asked, counts, and fails while `broken`."""

    def __init__(self) -> None:
        self.now = node_status(["Agent"], "", None)
        self.broken = False
        self.count = 0
        self._came = asyncio.Event()

    async def report(self, classes: Iterable[str]) -> NodeStatus:
        self.count += 1
        self._came.set()
        if self.broken:
            raise NoReportError("the speaker does not answer")
        return self.now

    async def asked(self, count: int) -> None:
        """Waits until it has been asked so often in all."""
        async with asyncio.timeout(10):
            while self.count < count:
                self._came.clear()
                await self._came.wait()


def running(path: Path, script: Callable[[StatusAnswers, Reports], Awaitable[None]]) -> None:
    async def main() -> None:
        reports = Reports()
        files = StatusAnswers(StatusFiles(path / "status"), reports.report, RETRY)
        task = asyncio.create_task(files.run())
        try:
            await script(files, reports)
        finally:
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()

    asyncio.run(main())


async def there(*files: Path, gone: tuple[Path, ...] = ()) -> None:
    """Waits for files to be there, or not to be."""
    async with asyncio.timeout(10):
        while not all(file.exists() for file in files) or any(file.exists() for file in gone):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_a_resource_for_this_node_is_answered_and_others_are_not(tmp_path: Path) -> None:
    async def script(files: StatusAnswers, reports: Reports) -> None:
        files.take(requests_to_a(asks("mine"), asks("other", node="b")))
        await there(tmp_path / "status" / "mine.yaml")

    running(tmp_path, script)
    assert [file.name for file in (tmp_path / "status").iterdir()] == ["mine.yaml"]
    assert (tmp_path / "status").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "status" / "mine.yaml").stat().st_mode & 0o777 == 0o600
    answer = yaml.safe_load((tmp_path / "status" / "mine.yaml").read_text())
    assert (answer["kind"], answer["metadata"], answer["spec"]["node"]) == ("CalicoNodeStatus", {"name": "mine"}, "a")
    assert answer["status"]["agent"]["birdV4"] == {"state": "NotReady"}


@pytest.mark.slow
def test_who_asks_once_is_answered_once_and_again_when_the_question_changes(tmp_path: Path) -> None:
    async def script(files: StatusAnswers, reports: Reports) -> None:
        files.take(requests_to_a(asks("once"), asks("every", period=1)))
        await reports.asked(4)  # once, and three periods
        before = (tmp_path / "status" / "once.yaml").stat().st_ino
        files.take(requests_to_a(asks("once", classes="Agent, BGP"), asks("every", period=1)))
        await reports.asked(6)
        assert (tmp_path / "status" / "once.yaml").stat().st_ino != before

    running(tmp_path, script)


@pytest.mark.slow
def test_a_file_that_says_the_same_stays_also_over_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "status" / "mine.yaml"
    seen: list[int] = []

    async def script(files: StatusAnswers, reports: Reports) -> None:
        files.take(requests_to_a(asks("mine", period=1)))
        await there(file)
        seen.append(file.stat().st_ino)
        await reports.asked(3)
        assert file.stat().st_ino == seen[0]

    running(tmp_path, script)
    running(tmp_path, script)
    assert seen[0] == seen[1]


def test_a_file_that_says_something_else_is_replaced(tmp_path: Path) -> None:
    async def script(files: StatusAnswers, reports: Reports) -> None:
        files.take(requests_to_a(asks("mine", period=1)))
        await there(tmp_path / "status" / "mine.yaml")
        before = (tmp_path / "status" / "mine.yaml").stat().st_ino
        reports.now = node_status(["BGP"], "", None)
        await reports.asked(3)
        assert (tmp_path / "status" / "mine.yaml").stat().st_ino != before

    running(tmp_path, script)


def test_an_answer_that_cannot_be_made_leaves_the_old_one_and_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "status" / "mine.yaml"

    async def script(files: StatusAnswers, reports: Reports) -> None:
        reports.broken = True
        files.take(requests_to_a(asks("mine")))
        await reports.asked(3)
        assert not file.exists()
        reports.broken = False
        await there(file)
        text = file.read_text()
        reports.broken = True
        files.take(requests_to_a(asks("mine", period=1)))
        await reports.asked(reports.count + 2)
        assert file.read_text() == text

    running(tmp_path, script)


def test_a_directory_that_cannot_be_made_is_no_end(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("somebody else's file")

    async def script(files: StatusAnswers, reports: Reports) -> None:
        files.take(requests_to_a(asks("mine")))
        await reports.asked(2)
        (tmp_path / "status").unlink()
        await there(tmp_path / "status" / "mine.yaml")

    running(tmp_path, script)


def test_an_answer_that_nobody_asks_for_any_more_is_removed(tmp_path: Path) -> None:
    mine, other = tmp_path / "status" / "mine.yaml", tmp_path / "status" / "other.yaml"

    async def script(files: StatusAnswers, reports: Reports) -> None:
        files.take(requests_to_a(asks("mine"), asks("other")))
        await there(mine, other)
        files.take(requests_to_a(asks("other")))
        await there(other, gone=(mine,))

    async def nobody_asks(files: StatusAnswers, reports: Reports) -> None:
        await there(gone=(mine, other))

    running(tmp_path, script)
    running(tmp_path, nobody_asks)
