"""Writes objects in bulk, with the product's own client and the administrator's certificate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bgpctl.kubernetes.access import Access
from bgpctl.kubernetes.api_server import ApiServer
from labs.bench.kubernetes.calico_crds import PLURALS
from labs.bench.kubernetes_scale.cluster import V3, Object

T = TypeVar("T")
# Requests at a time.
AT_ONCE = 16
JSON, MERGE = "application/json", "application/merge-patch+json"
JSON_PATCH, STRATEGIC = "application/json-patch+json", "application/strategic-merge-patch+json"


async def at_once(things: Iterable[T], do: Callable[[T], Awaitable[Any]], most: int = AT_ONCE) -> None:
    """For each of the things, so many at a time. They are asked for one by one: all of them may be more than fits."""
    waiting = iter(things)

    async def work() -> None:
        for each in waiting:
            await do(each)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(most):
            tasks.create_task(work())


class Writer:
    def __init__(self, kubeconfig: Path) -> None:
        self.server = ApiServer(Access(kubeconfig=kubeconfig))

    async def close(self) -> None:
        await self.server.close()

    async def create(self, objects: Iterable[Object]) -> None:
        await at_once(objects, self._create)

    async def _create(self, wanted: Object) -> None:
        await self.server.send("POST", path_of(wanted).rpartition("/")[0], msgspec.json.encode(wanted), JSON)

    async def patch(self, wanted: Object) -> None:
        """Its spec is replaced field by field."""
        body = msgspec.json.encode({"spec": wanted["spec"]})
        await self.server.send("PATCH", path_of(wanted), body, MERGE)

    async def patch_status(self, path: str, patch: Object, content_type: str = MERGE) -> None:
        await self.server.send("PATCH", f"{path}/status", msgspec.json.encode(patch), content_type)

    async def token(self, account: str, namespace: str, node: str) -> str:
        """Of the account, bound to this Node."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        bound = {"kind": "Node", "apiVersion": "v1", "name": node}
        asked = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600, "boundObjectRef": bound},
        }
        answer = msgspec.json.decode(await self.server.send("POST", path, msgspec.json.encode(asked), JSON))
        return str(answer["status"]["token"])


def path_of(wanted: Object) -> str:
    name = wanted["metadata"]["name"]
    if wanted["apiVersion"] == V3:
        return f"/apis/{V3}/{PLURALS[wanted['kind']]}/{name}"
    return f"/api/v1/nodes/{name}"
