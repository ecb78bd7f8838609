"""The versions of resources that are in force: an invalid one stays as it was when it was last good.

RUN_DIRECTORY/last-good.json has them for the next agent, as the texts that they were read from, without Secrets that no
session refers to. They are those of resources that have this node's Node: without it nothing of them is in force. Where
an agent finds a plan and no versions, as after an agent of an older release, the plan stays until nothing is invalid.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from bgpctl.agent.node_resources import NodeResources
from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.versions_file import VersionsFile
from bgpctl.resources import Loaded, ResourceSet
from bgpctl.resources.checks.secret_references import secret_references
from bgpctl.resources.in_force.in_force import in_force
from bgpctl.resources.in_force.invalid import Invalid
from bgpctl.resources.in_force.versions import Versions
from bgpctl.resources.values.model import Key

NO_VERSIONS = "no version that was in force before is known, so the plan of the agent before stays"

log = get_logger("resources")


class LastGood:
    """Of one node. `has_plan`: the plan of an earlier agent is in place.

    invalid   the resources that are not in force as they are written, and what is instead
    """

    def __init__(self, node: str, file: Path, has_plan: Callable[[], bool], secret_namespace: str) -> None:
        self.invalid: tuple[Invalid, ...] = ()
        self._node = node
        self._file = VersionsFile(file)
        self._has_plan = has_plan
        self._secret_namespace = secret_namespace
        self._versions: Versions | None = None

    async def follow(self, changes: AsyncIterator[Loaded]) -> AsyncGenerator[NodeResources, None]:
        """The resources in force, for each change of those that are written."""
        async for loaded in changes:
            yield await asyncio.to_thread(self.take, loaded)

    def take(self, loaded: Loaded) -> NodeResources:
        before = self._versions if self._versions is not None else self._file.read()
        found = in_force(loaded, before)
        has_versions = not (before.is_empty and found.invalid and self._has_plan())
        resources = NodeResources(self._node, replace(loaded, resources=found.resources), is_complete=found.is_complete)
        waits = tuple(str(each) for each in found.invalid if each.holds_up(self._node))
        if not has_versions:
            waits = (*waits, NO_VERSIONS)
        self._versions = before
        if not waits and resources.own is not None:
            self._versions = found.versions
            self._file.write(found.versions, self._secrets(found.resources))
        self._log(found.invalid)
        self.invalid = found.invalid
        return replace(resources, waits=waits)

    def _secrets(self, resources: ResourceSet) -> frozenset[Key]:
        """Those that sessions refer to, which are in the plan as well; the others do not concern this node."""
        names = (each.reference.name for each in secret_references(resources))
        return frozenset((self._secret_namespace, name) for name in names)

    def _log(self, invalid: tuple[Invalid, ...]) -> None:
        """What is new, once."""
        before, now = ({each.name or each.file for each in them} for them in (self.invalid, invalid))
        for each in invalid:
            if each not in self.invalid:
                log.error(
                    "a resource is invalid", resource=each.name, file=each.file, line=each.line, instead=str(each)
                )
        for name in sorted(before - now):
            log.info("a resource is valid again, or gone", resource=name)
