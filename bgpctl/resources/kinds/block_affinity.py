"""BlockAffinity: which node owns an address block of an IPPool."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bgpctl.resources.values.fields import CIDR, Name
from bgpctl.resources.values.model import Resource
from bgpctl.resources.values.rules import Rule, RuledValue

AffinityState = Literal["", "confirmed", "pending", "pendingDeletion"]


BLOCK_AFFINITY_RULES = (
    Rule(
        "reserved-field",
        "deleted",
        ("deleted",),
        lambda affinity: affinity.deleted,
        "deleted is set by Calico's IPAM alone; to give the block up, remove the BlockAffinity",
    ),
)


class BlockAffinitySpec(RuledValue):
    """An empty state counts as confirmed. Only affinities of type "host" concern routing."""

    RULES: ClassVar = BLOCK_AFFINITY_RULES

    node: Name
    cidr: CIDR = Field(min_length=1)
    state: AffinityState = ""
    type: Literal["", "host", "virtual"] = "host"
    deleted: bool = False


class BlockAffinity(Resource):
    spec: BlockAffinitySpec
