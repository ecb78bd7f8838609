"""What takes something away: an object, and what of it does; and the causes that are known without the resources."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bgpctl.brake.losses import Loss
from bgpctl.brake.situation import Situation
from reflector.plan import TunnelRoute

MISSING = "it is missing"
HAS_SPEAKER = "it has a BGP speaker, and its blocks are to come by BGP"


class Cause(msgspec.Struct, frozen=True, order=True):
    """`kind` and `name` of an object, where it is, and what of it takes something away. `line` 0 and `file` "": it is
    not there."""

    kind: str
    name: str
    file: str
    line: int
    what: str

    def __str__(self) -> str:
        place = f" ({self.file}:{self.line})" if self.file else ""
        return f"{self.kind} {self.name}{place}: {self.what}"


def ending_tunnel_routes(situation: Situation, loss: Loss) -> Iterator[TunnelRoute]:
    """Those of the loss for which no missing end of the tunnel is the cause already."""
    return (
        each
        for each in situation.running.kernel.tunnel_routes
        if each.prefix in loss.tunnel_routes and each.node not in loss.endpoints
    )


def cause_of_missing_node(node: str) -> Cause:
    return Cause("Node", node, "", 0, MISSING)


def cause_of_prefix(node: str, prefix: str) -> Cause:
    return Cause("BlockAffinity", f"{prefix} of {node}", "", 0, MISSING)
