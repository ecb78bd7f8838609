"""What is below our routes: links by name, and the routing table in which next hops are resolved.

The table has every foreign route of the tables that matter, for two questions: how a next hop is reached (see
`reflector.kernel.resolve`, the speaker's rule as well), and what stands at the destinations of ours.
"""

from __future__ import annotations

from reflector.kernel.interfaces import InterfaceState
from reflector.kernel.link import Link, LinkAddress
from reflector.kernel.route import Destination, KernelRoute
from reflector.kernel.routing_table import RoutingTable


class Underlay:
    """Mutable. `table` may be changed by whoever has routes or configuration for it."""

    def __init__(self) -> None:
        self.links: dict[int, Link] = {}
        self.table = RoutingTable()
        self._names: dict[str, int] = {}

    @property
    def addresses(self) -> set[LinkAddress]:
        return self.table.addresses

    def put_link(self, link: Link) -> bool:
        """Returns whether the table is outdated now."""
        self._remove_name(link.index)
        self.links[link.index] = link
        self._names[link.name] = link.index
        return self.table.observe_interface(link.index, InterfaceState(link.up, link.carrier))

    def remove_link(self, ifindex: int) -> None:
        self._remove_name(ifindex)
        self.table.remove_interface(ifindex)

    def _remove_name(self, ifindex: int) -> None:
        link = self.links.pop(ifindex, None)
        if link is not None and self._names.get(link.name) == ifindex:
            del self._names[link.name]

    def link_named(self, name: str) -> Link | None:
        index = self._names.get(name)
        return None if index is None else self.links[index]

    def link_of_address(self, address: bytes) -> Link | None:
        """The link that carries this address of ours."""
        index = next((each.ifindex for each in self.addresses if each.address == address), None)
        return None if index is None else self.links.get(index)

    def at(self, destination: Destination) -> tuple[KernelRoute, ...]:
        """The foreign routes to exactly this destination."""
        return self.table.routes.at(destination)
