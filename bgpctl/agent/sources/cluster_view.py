"""What an agent sees of the cluster: its NodePlan, the Secrets that this names, and Services where some are advertised.

Rule: nothing else is asked for. What is not asked for any more is not followed any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.collection import Collection
from bgpctl.kubernetes.follower import Follower
from bgpctl.kubernetes.kinds import ENDPOINT_SLICE, NODE_PLAN, SECRET, SERVICE, ApiKind
from bgpctl.kubernetes.notices import Notices

SecretName = tuple[str, str]
SERVICES = (SERVICE, ENDPOINT_SLICE)


class ClusterView:
    """`changed` is called when something is different."""

    def __init__(self, server: ApiServer, node: str, notices: Notices, changed: Callable[[], None]) -> None:
        self._server, self._notices, self._changed = server, notices, changed
        self._name = NODE_PLAN.name_of("", node)
        self._node_plan = Follower(NODE_PLAN, server, notices, changed, only=node)
        self._secrets: dict[SecretName, Follower] = {}
        self._services: tuple[Follower, ...] = ()

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self._followers()))

    async def want(self, secrets: frozenset[SecretName], *, services: bool) -> None:
        """From now on these, beside the NodePlan."""
        for unused in self._secrets.keys() - secrets:
            await self._secrets.pop(unused).close()
        for namespace, name in sorted(secrets - self._secrets.keys()):
            follower = Follower(SECRET, self._server, self._notices, self._changed, namespace=namespace, only=name)
            self._secrets[namespace, name] = follower
        if services and not self._services:
            self._services = tuple(Follower(kind, self._server, self._notices, self._changed) for kind in SERVICES)
        elif not services:
            gone, self._services = self._services, ()
            await asyncio.gather(*(each.close() for each in gone))

    @property
    def is_known(self) -> bool:
        """Whether there is a NodePlan of this node or not."""
        return self._node_plan.collection.is_known

    @property
    def node_plan(self) -> str | None:
        """Its document; None: there is none."""
        return self._node_plan.collection.objects.get(self._name)

    @property
    def is_settled(self) -> bool:
        """All that is wanted beside it is known, or is not to be known."""
        return all(each.collection.is_settled for each in self._followers())

    def secrets(self) -> list[tuple[str, str]]:
        """Names and documents."""
        return [item for each in self._secrets.values() for item in each.collection.objects.items()]

    def services(self) -> list[tuple[str, str]]:
        return [item for each in self._services for item in each.collection.objects.items()]

    def followed(self) -> Iterator[tuple[ApiKind, Collection]]:
        return ((each.kind, each.collection) for each in self._followers())

    @property
    def has_failures(self) -> bool:
        return any(each.collection.failure is not None for each in self._followers())

    def _followers(self) -> tuple[Follower, ...]:
        return (self._node_plan, *self._secrets.values(), *self._services)
