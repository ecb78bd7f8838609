"""How the routers of a design are now, of those whose speakers answered.

down       sessions that are not Established, each with why: node, peer address -> sentence
held       nodes that hold back a change of their plan
draining   nodes that are drained
asked      nodes that answered; of the others nothing is known
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from bgpctl.topology.design import Design, Router


@dataclass(frozen=True, slots=True)
class States:
    asked: Set[str] = frozenset()
    down: Mapping[tuple[str, str], str] = field(default_factory=dict)
    held: Set[str] = frozenset()
    draining: Set[str] = frozenset()

    @property
    def is_live(self) -> bool:
        return bool(self.asked)

    def down_between(self, design: Design, one: str, other: str) -> str:
        """Why the session between these is down; "" when it is not, or nobody knows."""
        here, there = design.routers[one], design.routers[other]
        return next(filter(None, (*self._down(here, there), *self._down(there, here))), "")

    def _down(self, here: Router, there: Router) -> list[str]:
        return [self.down.get((here.name, address), "") for address in there.addresses]

    def down_in_mesh(self, design: Design) -> dict[str, int]:
        """Member of the mesh -> how many of its sessions with other members are down."""
        names = {address: name for name in design.mesh for address in design.routers[name].addresses}
        found: dict[str, set[str]] = {}
        for node, address in self.down:
            other = names.get(address)
            if other is not None and node in design.mesh:
                found.setdefault(node, set()).add(other)
        return {name: len(others) for name, others in found.items()}


NOT_ASKED = States()
