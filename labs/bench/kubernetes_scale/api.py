"""The API server with the generated cluster in it, a controller as a process, and what both are asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bgpctl.compiler import CompileOptions, compile_cluster
from bgpctl.datastore.kubernetes import ClusterOptions, read_cluster
from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.kinds import NODE_PLAN
from bgpctl.node_plan import NodePlanSpec, assignment_of
from bgpctl.node_plan.status import NodePlanStatus
from labs.bench.kubernetes import controller_process
from labs.bench.kubernetes.api_server import ApiServer
from labs.bench.kubernetes_scale.writing import JSON_PATCH, Writer, at_once
from reflector.plan import NodePlan

ACCOUNTS = f"system:serviceaccount:{controller_process.SYSTEM}"
CONTROLLER, AGENT = f"{ACCOUNTS}:bgpctl-controller", f"{ACCOUNTS}:bgpctl-agent"
# Of the reports that stand for those of agents.
REPORTED = "bench"
PAGE = 500
# Seconds for which a request may be on its way to the audit log.
AUDIT = 1.0


class _Metadata(msgspec.Struct):
    more: str = msgspec.field(name="continue", default="")


class _Item(msgspec.Struct):
    spec: NodePlanSpec


class _List(msgspec.Struct):
    metadata: _Metadata
    items: list[_Item]


def now() -> str:
    """As the audit log writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def requests(server: ApiServer, user: str, since: str) -> int:
    """How many the user has made from then until now, but for those about Leases."""
    until = now()
    await asyncio.sleep(AUDIT)
    found = await asyncio.to_thread(server.requests)
    return sum(
        each.user == user and since <= each.received_at <= until and not each.resource.startswith("leases")
        for each in found
    )


async def report_all(writer: Writer, digests: dict[str, str]) -> None:
    """Each node runs its plan as it is: what its agent would report."""

    async def report(node: str) -> None:
        status = NodePlanStatus(digest=digests[node], running=digests[node], version=REPORTED)
        patch = [{"op": "add", "path": "/status", "value": status}]
        path = f"{NODE_PLAN.path_of('', node)}/status"
        await writer.server.send("PATCH", path, msgspec.json.encode(patch), JSON_PATCH)

    await at_once(list(digests), report)


async def reported_by_agents(writer: Writer) -> set[str]:
    """The nodes whose own agent has reported since `report_all`."""
    found = json.loads(await writer.server.get(NODE_PLAN.path))
    versions = {each["metadata"]["name"]: each.get("status", {}).get("version", "") for each in found["items"]}
    return {name for name, version in versions.items() if version not in ("", REPORTED)}


async def wrong_plans(server: ApiServer, writer: Writer) -> tuple[str, ...]:
    """The nodes whose plan in the API is not what compiling the resources gives."""
    found = {each.node: assignment_of(each).plan async for each in _specs(writer)}
    wanted = await asyncio.to_thread(_compiled, server.admin_kubeconfig)
    return tuple(sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)))


async def _specs(writer: Writer) -> AsyncIterator[NodePlanSpec]:
    more = ""
    while True:
        parameters = {"limit": str(PAGE)} | ({"continue": more} if more else {})
        page = msgspec.json.decode(await writer.server.get(NODE_PLAN.path, parameters), type=_List)
        for each in page.items:
            yield each.spec
        more = page.metadata.more
        if not more:
            return


def _compiled(kubeconfig: Path) -> dict[str, NodePlan]:
    loaded = read_cluster(Access(kubeconfig=kubeconfig), ClusterOptions.for_agents_to_complete())
    options = CompileOptions(keys_by_reference=True)
    return {each.plan.node: each.plan for each in compile_cluster(loaded.resources, options)}
