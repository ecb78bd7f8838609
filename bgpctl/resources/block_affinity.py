"""BlockAffinity: which node owns an address block of an IPPool."""

from __future__ import annotations

from typing import Literal

from bgpctl.resources.model import Resource, Value

AffinityState = Literal["", "confirmed", "pending", "pendingDeletion"]


class BlockAffinitySpec(Value):
    """An empty state counts as confirmed. Only affinities of type "host" concern routing."""

    node: str
    cidr: str
    state: AffinityState = ""
    type: Literal["", "host", "virtual"] = "host"
    deleted: bool = False


class BlockAffinity(Resource):
    spec: BlockAffinitySpec
