"""What a NodePlan's source reports as in force: always the NodePlan that a plan was made of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from bgpctl.agent.host.run_directory import RunDirectory
from bgpctl.agent.options import AgentOptions
from bgpctl.agent.plan.wanted import Wanted
from bgpctl.agent.sources.kept_plan import KeptPlanFile
from bgpctl.agent.sources.node_plan_source import NodePlanSource
from bgpctl.daemon.internal_errors import InternalErrors
from bgpctl.node_plan import Assignment, spec_of
from reflector.plan import NodePlan

PLAN = NodePlan("a", "10.0.0.1")
SPEC = spec_of(Assignment(PLAN))
# Nothing listens there.
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


def with_source(path: Path, script: Callable[[NodePlanSource], Awaitable[None]]) -> None:
    """Of a node that has a kept NodePlan and no API server."""
    (path / "kubeconfig").write_text(KUBECONFIG)
    KeptPlanFile(path / "state", "a").keep(SPEC, PLAN)
    options = AgentOptions(node="a", kubeconfig=path / "kubeconfig", state_dir=path / "state", run_dir=path / "run")
    assert options.access is not None

    async def main() -> None:
        with RunDirectory.claim(path / "run") as directory:
            assert options.access is not None
            await script(NodePlanSource(options, directory, options.access, dict, InternalErrors()))

    asyncio.run(main())


async def first(source: NodePlanSource) -> Wanted:
    async with aclosing(source.follow()) as news:
        wanted = (await anext(news)).wanted
    assert wanted is not None
    return wanted


def test_without_an_api_server_the_kept_node_plan_is_asked_for(tmp_path: Path) -> None:
    async def script(source: NodePlanSource) -> None:
        wanted = await first(source)
        assert (wanted.plan, wanted.digest) == (PLAN, SPEC.digest)
        assert (source.in_force, source.running) == ("", ""), "nothing is in force before somebody says so"

    with_source(tmp_path, script)


def test_what_is_in_force_is_named_by_the_plan_and_not_by_what_was_read_last(tmp_path: Path) -> None:
    """A plan that was held is judged once more, while a newer NodePlan waits for its Secret."""

    async def script(source: NodePlanSource) -> None:
        wanted = await first(source)
        source.put_in_force(replace(wanted, digest="older"), is_whole=False)
        assert (source.in_force, source.running) == ("older", "")
        source.put_in_force(replace(wanted, digest="older"), is_whole=True)
        assert (source.in_force, source.running) == ("older", "older")
        source.put_in_force(wanted, is_whole=False)
        assert (source.in_force, source.running) == (SPEC.digest, "older"), "a part of it is held"

    with_source(tmp_path, script)
