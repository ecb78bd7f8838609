"""Which node has an address now: the newest resources, with patience for a node that is missing for a moment.

Rule: an address is no node's when no Node has had it for PATIENCE seconds. A file that is replaced in two steps, or a
Node that is deleted and made anew, would otherwise cost retained routes that no peer can advertise now.
"""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bgpctl.compiler.cluster.node_lookup import NodeLookup
    from bgpctl.resources.resource_set import ResourceSet

PATIENCE = 3.0


class NodeAddresses:
    """Nothing is looked at before it is asked for. `latest` is None until then."""

    def __init__(self) -> None:
        self.latest: NodeLookup | None = None
        self._wanted: ResourceSet | None = None
        self._seen: ResourceSet | None = None
        self._departed: dict[bytes, tuple[str, float]] = {}

    def take(self, resources: ResourceSet) -> None:
        self._wanted = resources

    async def locate(self, now: float) -> None:
        """Looks at the newest resources, in a thread: addresses of 5,000 nodes take a tenth of a second at first."""
        resources, before = self._wanted, self.latest
        if resources is None or resources is self._seen:
            return
        from bgpctl.compiler.cluster.node_lookup import NodeLookup  # an agent in a cluster has no resources

        found = await asyncio.to_thread(NodeLookup, resources, before)
        self._seen, self.latest = resources, found
        if before is not None:
            gone = before.owner.keys() - found.owner.keys()
            self._departed |= {address: (before.owner[address], now) for address in gone}

    def owner(self, now: float) -> Mapping[bytes, str] | None:
        """Node by address; None: nothing is known."""
        if self.latest is None:
            return None
        self._departed = {each: left for each, left in self._departed.items() if now < left[1] + PATIENCE}
        if not self._departed:
            return self.latest.owner
        return ChainMap(self.latest.owner, {address: name for address, (name, _) in self._departed.items()})
