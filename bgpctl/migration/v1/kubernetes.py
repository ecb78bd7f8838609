"""What Calico 2.6 kept in the Kubernetes API otherwise than v3 does: global settings as GlobalBGPConfig, and BGP peers
of one node as annotations of that Node. Its pools and global peers are v3 resources already.
"""

from __future__ import annotations

from typing import Any

from bgpctl.migration.fate import Fate, Origin
from bgpctl.migration.source.etcd_value import EtcdValue
from bgpctl.migration.source.fields import Fields, as_number, one_of, text
from bgpctl.migration.source.sources import Entry, Item
from bgpctl.migration.v1.objects import Peer
from bgpctl.migration.v1.settings import SettingKeys, word_flag
from bgpctl.migration.v1.single_keys import peer
from bgpctl.yaml_source.problem import Problem
from bgpctl.yaml_source.shown import name_shown

GLOBAL_SETTING = ("crd.projectcalico.org/v1", "GlobalBGPConfig")
SETTINGS = ("AsNumber", "NodeMeshEnabled", "LogLevel")
PEER_OF_NODE = "peer.bgp.projectcalico.org/"


def is_setting(data: Any) -> bool:
    return isinstance(data, dict) and (data.get("apiVersion"), data.get("kind")) == GLOBAL_SETTING


def take_setting(item: Item, settings: SettingKeys, problems: list[Problem]) -> Origin:
    """A GlobalBGPConfig."""
    spec = Fields(Origin(item.file, item.line_of(()), "GlobalBGPConfig"), item.data, problems, (), item.line_of)
    fields = spec.within("spec")
    name = fields.needed("name", one_of(*SETTINGS))
    origin = Origin(item.file, item.line_of(()), f"GlobalBGPConfig {name or ''}".rstrip())
    reader = {"AsNumber": as_number, "NodeMeshEnabled": word_flag, "LogLevel": text}.get(name or "", text)
    found: Any = fields.read("value", reader, None)
    if name is not None and found is not None:
        settings.take_global(name, found, origin)
    return origin


def peers_of_node(item: Item, problems: list[Problem], fates: list[Fate]) -> list[Peer]:
    """Out of the annotations of a Kubernetes Node."""
    metadata = item.data.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(annotations, dict) or not isinstance(name, str):
        return []
    found: list[Peer] = []
    for key in sorted(each for each in annotations if each.startswith(PEER_OF_NODE)):
        line = item.line_of(("metadata", "annotations", key))
        origin = Origin(item.file, line, name_shown(f"Node/{name} {key}"))
        value = EtcdValue(Entry(origin, key, str(annotations[key]).encode()), problems)
        made = peer(value, {"node": name, **_address(key[len(PEER_OF_NODE) :])}, fates)
        found += [made] if made is not None else []
    return found


def _address(name: str) -> dict[str, str]:
    """10-0-0-1 is an IPv4 address, anything with more dashes an IPv6 one."""
    is_ipv6 = "--" in name or name.count("-") > 3
    return {"address": name.replace("-", ":" if is_ipv6 else "."), "family": "6" if is_ipv6 else "4"}
