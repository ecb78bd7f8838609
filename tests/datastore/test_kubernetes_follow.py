"""One cluster, followed: against an API server that answers from a script, without any network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from bgpctl.datastore.kubernetes import ClusterOptions, watch, watch_cluster
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.failure import FailedError, of_status
from bgpctl.kubernetes.intervals import USUAL, Intervals
from bgpctl.kubernetes.kinds import PLURALS
from bgpctl.kubernetes.notices import Notice
from bgpctl.kubernetes.wire import Reader
from bgpctl.resources import Loaded

V3 = "/apis/projectcalico.org/v3"
PEERS, NODES, INFORMATION = f"{V3}/bgppeers", "/api/v1/nodes", f"{V3}/clusterinformations"
NOT_FOUND, EXPIRED = of_status(404, "not found"), of_status(410, "too old")
Line = bytes


class Script:
    """Objects by path, and the lines that watches answer. It supports no watch that begins with all objects."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {NODES: {}, **{f"{V3}/{plural}": {} for plural in PLURALS}}
        self.refused: dict[str, FailedError] = {}
        self.asked: list[str] = []
        self.version = 10
        self._lines: dict[str, list[asyncio.Queue[Line | FailedError | None]]] = {}

    async def close(self) -> None:
        pass

    async def get(self, path: str, parameters: dict[str, str] | None = None) -> bytes:
        self.asked.append(f"list {path}")
        if path in self.refused:
            raise self.refused[path]
        if path == V3:
            return json.dumps({"resources": [{"name": plural} for plural in PLURALS]}).encode()
        if path not in self.objects:
            raise FailedError(NOT_FOUND)
        metadata = {"resourceVersion": str(self.version)}
        return json.dumps({"metadata": metadata, "items": list(self.objects[path].values())}).encode()

    @asynccontextmanager
    async def watch(
        self, path: str, parameters: dict[str, str], seconds: int
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        if "sendInitialEvents" in parameters:
            raise FailedError(of_status(422, "sendInitialEvents is forbidden", begins_with_all=True))
        self.asked.append(f"watch {path} {parameters['resourceVersion']}")
        if path in self.refused:
            raise self.refused[path]
        queue: asyncio.Queue[Line | FailedError | None] = asyncio.Queue()
        self._lines.setdefault(path, []).append(queue)

        async def lines() -> AsyncGenerator[bytes, None]:
            while (line := await queue.get()) is not None:
                if isinstance(line, FailedError):
                    raise line
                yield line

        try:
            yield lines()
        finally:
            self._lines[path].remove(queue)

    def put(self, path: str, name: str, change: str = "MODIFIED", **fields: Any) -> None:
        self.version += 1
        data = {"metadata": {"name": name, "resourceVersion": str(self.version)}, **fields}
        if change == "DELETED":
            del self.objects[path][name]
        else:
            self.objects[path][name] = data
        self.say(path, json.dumps({"type": change, "object": data}).encode())

    def say(self, path: str, line: Line | FailedError | None) -> None:
        for queue in self._lines.get(path, []):
            queue.put_nowait(line)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    found = Script()
    found.put(NODES, "a1", **NODE)
    found.put(PEERS, "tor", spec=peer("10.0.0.9"))
    found.put(INFORMATION, "default", spec={"datastoreReady": True})
    monkeypatch.setattr(watch, "ApiServer", lambda access: found)
    return found


NODE = {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]}}


def peer(address: str) -> dict[str, Any]:
    return {"peerIP": address, "asNumber": 64512}


Next = Callable[[], Awaitable[Loaded]]


def follow(story: Callable[[Next], Awaitable[None]], intervals: Intervals = USUAL) -> list[Notice]:
    """Runs the story; `Next` is the value after the one before. Returns what was reported."""
    notices: list[Notice] = []

    async def run() -> None:
        async with aclosing(watch_cluster(Access(), ClusterOptions(intervals=intervals), notices.append)) as changes:
            await story(lambda: asyncio.wait_for(anext(changes), 10))

    asyncio.run(run())
    return notices


def addresses(loaded: Loaded) -> dict[str, str]:
    return {name: each.spec.peer_ip for name, each in loaded.resources.bgp_peers.items()}


async def until(script: Script, asked: str, times: int) -> None:
    async with asyncio.timeout(10):
        while script.asked.count(asked) < times:  # noqa: ASYNC110  it is asked in many places
            await asyncio.sleep(0.01)


def test_changes_that_come_together_are_one_value(script: Script) -> None:
    async def story(following: Next) -> None:
        assert addresses(await following()) == {"tor": "10.0.0.9"}
        for number in range(20):
            script.put(PEERS, f"tor-{number}", "ADDED", spec=peer(f"10.0.1.{number}"))
        script.put(PEERS, "tor", "DELETED")
        assert len(addresses(await following())) == 20

    assert [each.about for each in follow(story)] == ["the cluster"]


def test_an_event_that_changes_nothing_that_is_read_yields_nothing(script: Script) -> None:
    async def story(following: Next) -> None:
        await following()
        for beat in range(50):
            script.put(NODES, "a1", **{**NODE, "status": {**NODE["status"], "conditions": [{"beat": beat}]}})
        script.put(PEERS, "tor", spec=peer("10.0.0.8"))
        assert addresses(await following()) == {"tor": "10.0.0.8"}

    follow(story)


@pytest.mark.parametrize(
    "answered",
    [FailedError(EXPIRED), b'{"type":"ERROR","object":{"code":410,"message":"too old"}}'],
    ids=["status", "event"],
)
def test_a_forgotten_version_leads_to_a_list(script: Script, answered: Line | FailedError) -> None:
    async def story(following: Next) -> None:
        await following()
        lists = script.asked.count(f"list {PEERS}")
        script.objects[PEERS]["tor-2"] = {"metadata": {"name": "tor-2"}, "spec": peer("10.0.0.7")}
        script.say(PEERS, answered)
        assert sorted(addresses(await following())) == ["tor", "tor-2"]
        assert script.asked.count(f"list {PEERS}") == lists + 1

    follow(story)


@pytest.mark.parametrize("answered", [b"{", b"<html>", None], ids=["half a line", "a page", "the end"])
def test_a_watch_that_is_not_readable_or_ends_is_repeated_from_where_it_was(
    script: Script, answered: Line | None
) -> None:
    async def story(following: Next) -> None:
        await following()
        script.put(PEERS, "tor", spec=peer("10.0.0.8"))
        await following()
        script.say(PEERS, answered)
        await until(script, f"watch {PEERS} {script.version}", 1)
        script.put(PEERS, "tor", spec=peer("10.0.0.7"))
        assert addresses(await following()) == {"tor": "10.0.0.7"}

    follow(story)


def test_nothing_is_yielded_before_every_kind_is_known(script: Script) -> None:
    script.refused[f"{V3}/ippools"] = FailedError(of_status(503, "starting"))

    async def story(following: Next) -> None:
        first = asyncio.ensure_future(following())
        await until(script, f"list {V3}/ippools", 2)
        assert not first.done()
        script.refused.clear()
        assert addresses(await first) == {"tor": "10.0.0.9"}

    follow(story)


def test_a_kind_that_is_installed_later_is_found(script: Script) -> None:
    pools = script.objects.pop(f"{V3}/ippools")

    async def story(following: Next) -> None:
        assert not (await following()).resources.ip_pools
        pools["pods"] = {"metadata": {"name": "pods"}, "spec": {"cidr": "10.1.0.0/16"}}
        script.objects[f"{V3}/ippools"] = pools
        assert list((await following()).resources.ip_pools) == ["pods"]

    follow(story, Intervals(not_served=0.2))


def test_a_fault_of_ours_in_one_kind_is_reported_and_ends_nothing(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [ZeroDivisionError("one")]
    read = Reader.event

    def event(reader: Reader, line: bytes, **options: bool) -> Any:
        if b"tor" in line and faults:
            raise faults.pop()
        return read(reader, line, **options)

    monkeypatch.setattr(Reader, "event", event)

    async def story(following: Next) -> None:
        await following()
        script.put(PEERS, "tor", spec=peer("10.0.0.8"))
        await until(script, f"watch {PEERS} 13", 2)
        script.put(PEERS, "tor", spec=peer("10.0.0.7"))
        assert addresses(await following()) == {"tor": "10.0.0.7"}

    (ours,) = (each for each in follow(story) if each.error is not None)
    assert (ours.about, repr(ours.error)) == ("bgppeers.projectcalico.org", "ZeroDivisionError('one')")


def test_a_fault_of_ours_in_reading_leaves_what_was_there(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    parse, is_broken = watch.parse_documents, False

    def parse_documents(sources: Any, previous: Loaded | None = None) -> Loaded:
        if is_broken:
            raise ZeroDivisionError
        return parse(sources, previous)

    monkeypatch.setattr(watch, "parse_documents", parse_documents)

    async def story(following: Next) -> None:
        nonlocal is_broken
        await following()
        is_broken = True
        script.put(PEERS, "tor", spec=peer("10.0.0.8"))
        loaded = await following()
        assert (addresses(loaded), [each.code for each in loaded.problems]) == ({"tor": "10.0.0.9"}, ["internal-error"])
        is_broken = False
        loaded = await following()
        assert (addresses(loaded), loaded.problems) == ({"tor": "10.0.0.8"}, ())

    follow(story, Intervals(failures=0.2))


def test_only_the_document_that_changed_is_read_again(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        script.put(PEERS, f"tor-{number}", spec=peer(f"10.0.1.{number}"))
    found: list[Loaded] = []

    async def story(following: Next) -> None:
        found.append(await following())
        script.put(PEERS, "tor-7", spec=peer("10.0.2.7"))
        found.append(await following())

    follow(story)
    before, after = (each.files for each in found)
    assert [name for name in after if after[name] is not before[name]] == ["BGPPeer/tor-7"]
