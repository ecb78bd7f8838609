"""Answers CalicoNodeStatus resources in their own status, as Calico does.

Rule: the answer goes where the resource is: to the API group that has it, and to the subresource `status` where there
is one. Which these are is found out by trying, once.
"""

from __future__ import annotations

import time

import msgspec

from bgpctl.agent.node_status.asked import Asked
from bgpctl.agent.node_status.report import NoReportError
from bgpctl.agent.node_status.status import NodeStatus, moment
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.failure import Cause, FailedError
from bgpctl.kubernetes.kinds import V1, V3, api_path

MERGE_PATCH = "application/merge-patch+json"
PLURAL = "caliconodestatuses"
# Calico's newer group first; CRDs without a subresource take the status in the object itself.
PLACES = tuple((group, suffix) for group in (V3, V1) for suffix in ("/status", ""))


class StatusObjects:
    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._place = PLACES[0]
        self._written: dict[str, tuple[Asked, NodeStatus]] = {}

    async def put(self, asked: Asked, status: NodeStatus) -> None:
        """Raises NoReportError."""
        if self._written.get(asked.name) == (asked, status):
            return
        timed = msgspec.structs.replace(status, last_updated=moment(time.time()))
        body = msgspec.json.encode({"status": timed})
        for place in (self._place, *(each for each in PLACES if each != self._place)):
            try:
                await self._server.send("PATCH", _path(place, asked.name), body, MERGE_PATCH)
            except FailedError as error:
                if error.failure.cause is not Cause.ABSENT:
                    raise NoReportError(str(error)) from error
                continue
            self._place, self._written[asked.name] = place, (asked, status)
            return
        raise NoReportError(f"there is no CalicoNodeStatus {asked.name} in the API")

    async def keep_only(self, names: tuple[str, ...]) -> None:
        """An answer is deleted with its resource."""
        self._written = {name: each for name, each in self._written.items() if name in names}


def _path(place: tuple[tuple[str, str], str], name: str) -> str:
    group, suffix = place
    return f"{api_path(*group)}/{PLURAL}/{name}{suffix}"
