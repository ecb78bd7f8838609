"""A CalicoNodeStatus as YAML, as `kubectl get -o yaml` would show it: what was asked for, and the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import msgspec
import yaml

from bgpctl.agent.node_status.status import NodeStatus
from bgpctl.resources.kinds.calico_node_status import CalicoNodeStatus

API_VERSION = "projectcalico.org/v3"
# libyaml writes ten thousand routes in two seconds; without it, it is ten times that.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_UPDATED = re.compile(r"^  lastUpdated: '([0-9TZ:.-]+)'$", re.MULTILINE)


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


def as_yaml(resources: Sequence[dict[str, Any]]) -> str:
    """One document for each resource."""
    return str(yaml.dump_all(resources, Dumper=_DUMPER, sort_keys=False, default_flow_style=False, width=120))


def renewed(before: str, asked: Asked, status: NodeStatus, now: str) -> str | None:
    """The text with `now` as its time; None where `before` has the same content with another time."""
    found = _UPDATED.search(before)
    if found is not None and before == as_yaml([resource(asked, _at(status, found[1]))]):
        return None
    return as_yaml([resource(asked, _at(status, now))])


def _at(status: NodeStatus, moment: str) -> NodeStatus:
    return msgspec.structs.replace(status, last_updated=moment)
