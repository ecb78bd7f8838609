"""Objects as YAML files, one for each kind: the form of a snapshot, and of what a migration makes.

Rule: equal objects give equal text, in whichever order they and their fields come. Lists keep their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bgpctl.yaml_source.dump import yaml_text

# An object of the Kubernetes API or of Calico's, as JSON types.
Object = dict[str, Any]
FIRST = ("apiVersion", "kind", "metadata", "spec", "status")
SUFFIX = ".yaml"


def files_of(objects: Iterable[Object]) -> dict[str, str]:
    """Text by file name: BGPPeer.yaml has all BGPPeers, by namespace and name."""
    by_kind: dict[str, list[Object]] = {}
    for each in objects:
        by_kind.setdefault(each["kind"], []).append(each)
    return {
        f"{kind}{SUFFIX}": "---\n".join(yaml_text(_ordered(each)) for each in sorted(found, key=_order))
        for kind, found in sorted(by_kind.items())
    }


def name_of(each: Object) -> str:
    """BGPPeer/tor-1, Secret/kube-system/bgp: as problems name it."""
    metadata = each["metadata"]
    return "/".join(part for part in (each["kind"], metadata.get("namespace", ""), metadata["name"]) if part)


def _order(each: Object) -> tuple[str, str, str]:
    metadata = each["metadata"]
    return metadata.get("namespace", ""), metadata["name"], each["apiVersion"]


def _ordered(each: Object) -> Object:
    places = {field: place for place, field in enumerate(FIRST)}
    fields = sorted(each, key=lambda field: (places.get(field, len(FIRST)), field))
    return {field: _sorted(each[field]) for field in fields}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, (list, tuple)) else value
