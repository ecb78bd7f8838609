"""What Felix says of workloads, and when it makes another plan."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from bgpctl.agent.complete.endpoint_status import EndpointStatus
from bgpctl.agent.node_resources import NodeResources
from bgpctl.agent.plan.proposal import Proposer
from bgpctl.compiler import CompileOptions, LocalWorkload
from bgpctl.resources import parse_documents

NODE = """\
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec: {bgp: {ipv4Address: 10.0.0.1/24, asNumber: 64512}}
"""
PEER = """\
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: routers}
spec: {localWorkloadSelector: "role == 'router'", asNumber: 65010}
"""
ROUTER = {"ifaceName": "cali1", "ipv4Nets": ["10.244.1.2/32"], "ipv6Nets": [], "bgpPeerName": "routers"}
WORKLOAD = LocalWorkload("routers", "cali1", ("10.244.1.2/32",))
WITHIN = 10.0
INTERVAL = 0.02

Take = Callable[[], Awaitable[NodeResources]]


def resources(text: str) -> NodeResources:
    return NodeResources("a", parse_documents([("cluster.yaml", text)]))


class Felix:
    """Writes the files of a node."""

    def __init__(self, prefix: Path) -> None:
        self.directory = prefix / "endpoint-status"

    def says(self, name: str, content: object) -> None:
        self.directory.mkdir(exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        (self.directory / name).write_text(text)


def followed(status: EndpointStatus, script: Callable[[Take, asyncio.Queue[NodeResources]], Awaitable[None]]) -> None:
    """Runs the script with what takes the next of the stream, and what puts resources into it."""

    async def main() -> None:
        queue: asyncio.Queue[NodeResources] = asyncio.Queue()
        async with aclosing(status.follow(_all_of(queue))) as stream:

            async def take() -> NodeResources:
                return await asyncio.wait_for(anext(stream), WITHIN)

            await script(take, queue)

    asyncio.run(main())


async def _all_of(queue: asyncio.Queue[NodeResources]) -> AsyncGenerator[NodeResources, None]:
    while True:
        yield await queue.get()


def test_a_workload_that_comes_or_goes_makes_another_plan(tmp_path: Path) -> None:
    status, felix = EndpointStatus(tmp_path, INTERVAL), Felix(tmp_path)
    proposer = Proposer(CompileOptions())

    def peers(seen: NodeResources) -> list[str]:
        wanted = proposer.propose(seen).wanted
        assert wanted is not None
        return [session.peer_address for session in wanted.plan.sessions]

    async def script(take: Take, queue: asyncio.Queue[NodeResources]) -> None:
        queue.put_nowait(resources(NODE + PEER))
        assert peers(await take()) == []
        felix.says("w1", ROUTER)
        assert peers(await take()) == ["10.244.1.2"]
        (felix.directory / "w1").unlink()
        assert peers(await take()) == []

    followed(status, script)


def test_files_that_are_there_at_the_start_are_in_the_first_plan(tmp_path: Path) -> None:
    status, felix = EndpointStatus(tmp_path, INTERVAL), Felix(tmp_path)
    felix.says("w1", ROUTER)

    async def script(take: Take, queue: asyncio.Queue[NodeResources]) -> None:
        queue.put_nowait(resources(NODE + PEER))
        assert (await take()).local_workloads == (WORKLOAD,)

    followed(status, script)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        '"text"',
        {**ROUTER, "ipv4Nets": "10.244.1.2/32"},
        {**ROUTER, "bgpPeerName": ""},
        {**ROUTER, "ipv4Nets": []},
        {**ROUTER, "ipv4Nets": ["10.244.1.256"]},
    ],
    ids=["cut off", "no object", "not a list", "no BGPPeer", "no address", "not an address"],
)
def test_a_file_that_names_no_peer_does_not_take_the_others_along(tmp_path: Path, content: object) -> None:
    status, felix = EndpointStatus(tmp_path, INTERVAL), Felix(tmp_path)
    felix.says("w1", content)
    felix.says("w2", {**ROUTER, "another": "field"})

    async def script(take: Take, queue: asyncio.Queue[NodeResources]) -> None:
        queue.put_nowait(resources(NODE + PEER))
        assert (await take()).local_workloads == (WORKLOAD,)

    followed(status, script)


@pytest.mark.parametrize("content", ["", "{", '"text"'])
def test_a_file_that_is_spoiled_leaves_its_sessions_as_they_are(tmp_path: Path, content: str) -> None:
    status, felix = EndpointStatus(tmp_path, INTERVAL), Felix(tmp_path)
    felix.says("w1", ROUTER)
    other = LocalWorkload("routers", "cali1", ("10.244.1.3/32",))

    async def script(take: Take, queue: asyncio.Queue[NodeResources]) -> None:
        queue.put_nowait(resources(NODE + PEER))
        assert (await take()).local_workloads == (WORKLOAD,)
        felix.says("w1", content)
        felix.says("w2", {**ROUTER, "ipv4Nets": ["10.244.1.3/32"]})
        assert (await take()).local_workloads == (WORKLOAD, other)
        (felix.directory / "w1").unlink()
        assert (await take()).local_workloads == (other,)

    followed(status, script)


def test_nothing_is_looked_at_when_no_bgp_peer_asks(tmp_path: Path) -> None:
    status, felix = EndpointStatus(tmp_path, INTERVAL), Felix(tmp_path)
    felix.says("w1", ROUTER)

    async def script(take: Take, queue: asyncio.Queue[NodeResources]) -> None:
        queue.put_nowait(resources(NODE))
        assert (await take()).local_workloads == ()
        queue.put_nowait(resources(NODE + PEER))
        assert (await take()).local_workloads == (WORKLOAD,)
        queue.put_nowait(resources(NODE))
        assert (await take()).local_workloads == ()

    followed(status, script)


def test_the_stream_ends_with_the_resources(tmp_path: Path) -> None:
    async def once() -> AsyncIterator[NodeResources]:
        yield resources(NODE + PEER)

    async def main() -> list[NodeResources]:
        return [loaded async for loaded in EndpointStatus(tmp_path, INTERVAL).follow(once())]

    assert len(asyncio.run(main())) == 1
