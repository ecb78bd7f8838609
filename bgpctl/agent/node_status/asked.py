"""What a CalicoNodeStatus asks for, and the whole resource with the answer in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec

from bgpctl.agent.node_status.status import NodeStatus

if TYPE_CHECKING:
    from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus

API_VERSION = "projectcalico.org/v3"


class Asked(msgspec.Struct, frozen=True):
    """What a CalicoNodeStatus asks for. `period` in seconds; 0: once."""

    name: str
    node: str
    classes: tuple[str, ...]
    period: int

    @classmethod
    def by(cls, status: CalicoNodeStatus) -> Self:
        spec = status.spec
        return cls(status.name, spec.node, spec.classes, spec.update_period_seconds)


def resource(asked: Asked, status: NodeStatus) -> dict[str, Any]:
    """The whole resource under its YAML names."""
    return {
        "apiVersion": API_VERSION,
        "kind": "CalicoNodeStatus",
        "metadata": {"name": asked.name},
        "spec": {"node": asked.node, "classes": list(asked.classes), "updatePeriodSeconds": asked.period},
        "status": msgspec.to_builtins(status),
    }
