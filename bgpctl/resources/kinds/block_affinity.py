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
        cel="!has(self.deleted) || !self.deleted",
    ),
)


class BlockAffinitySpec(RuledValue):
    """The block and its node."""

    RULES: ClassVar = BLOCK_AFFINITY_RULES

    node: Name
    """Name of the node whose workloads have addresses of the block, and which advertises it."""
    cidr: CIDR = Field(min_length=1)
    """The block, such as 10.48.1.0/26: a part of an IPPool."""
    state: AffinityState = ""
    """confirmed, or empty: the node advertises the block. pending and pendingDeletion: it is not advertised."""
    type: Literal["", "host", "virtual"] = "host"
    """host, which is the default, or virtual. Only those of type host concern routing."""
    deleted: bool = False
    """Set by Calico's IPAM alone. To give the block up, remove the BlockAffinity."""


class BlockAffinity(Resource):
    """Which node an address block of an IPPool belongs to. The IPAM of the cluster writes it."""

    spec: BlockAffinitySpec
    """The block and its node."""
