"""A CalicoNodeStatus as YAML, as `kubectl get -o yaml` would show it: what was asked for, and the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import yaml

from bgpctl.agent.node_status.asked import Asked, resource
from bgpctl.agent.node_status.status import NodeStatus

# libyaml writes ten thousand routes in two seconds; without it, it is ten times that.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_UPDATED = re.compile(r"^  lastUpdated: '([0-9TZ:.-]+)'$", re.MULTILINE)


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
