"""Settings of Calico v1, each in a key of its own: those of BGP, those of Felix that concern routes, and the release.

They become the BGPConfiguration, FelixConfiguration and ClusterInformation named default; of one node node.NAME.
"""

from __future__ import annotations

import re
from typing import Any

from bgpctl.migration.fate import Note, NoteKind, Origin, renamed, shown
from bgpctl.migration.names import node_name
from bgpctl.migration.source.etcd_keys import CLUSTER_FIELDS, FELIX_FIELDS, Parts
from bgpctl.migration.source.etcd_value import EtcdValue
from bgpctl.migration.source.fields import WrongValueError, as_number, flag, text
from bgpctl.migration.v1.objects import Settings

BGP, FELIX, CLUSTER = "BGPConfiguration", "FelixConfiguration", "ClusterInformation"
GLOBAL, OF_NODE = "default", "node."
# Calico's own upgrade took data of this release and later ones, below 3.
OLDEST = (2, 6, 5)
_RELEASE = re.compile(r"v?(\d{1,5})\.(\d{1,5})\.(\d{1,5})(?:[-+].*)?", re.ASCII | re.DOTALL)
LOG_LEVELS = {
    "debug": "Debug", "info": "Info", "warning": "Warning", "error": "Error", "fatal": "Fatal", "panic": "Fatal",
}  # fmt: skip
# Key of etcd -> name in Calico's API -> field of v3.
BGP_SETTINGS = {"as_num": "AsNumber", "node_mesh": "NodeMeshEnabled", "loglevel": "LogLevel"}
BGP_FIELDS = {"AsNumber": "asNumber", "NodeMeshEnabled": "nodeToNodeMeshEnabled"}
FLAGS = {**dict.fromkeys(("1", "t", "true"), True), **dict.fromkeys(("0", "f", "false"), False)}
PARTIAL = "only the settings of Felix that concern routes; Calico's own tool converts the others"


class SettingKeys:
    """Takes keys one by one."""

    def __init__(self) -> None:
        self._fields: dict[tuple[str, str], list[tuple[str, Any, Origin]]] = {}
        self._notes: dict[tuple[str, str], list[Note]] = {}

    def take_bgp(self, value: EtcdValue, parts: Parts) -> None:
        """An empty value is none."""
        if value.is_empty:
            return
        found: Any
        if parts["field"] == "node_mesh":
            fields = value.fields()
            found = fields.needed("enabled", flag) if fields is not None else None
        else:
            found = value.read(as_number if parts["field"] == "as_num" else text)
        if found is not None:
            self.take_global(BGP_SETTINGS[parts["field"]], found, value.origin)

    def take_global(self, name: str, found: Any, origin: Origin) -> None:
        """By its name in Calico's API: AsNumber, NodeMeshEnabled, LogLevel."""
        if name != "LogLevel":
            self._set((BGP, GLOBAL), BGP_FIELDS[name], found, origin)
            return
        level = LOG_LEVELS.get(found.lower(), "Info")
        if found.lower() != level.lower():
            self._note((BGP, GLOBAL), NoteKind.LOSS, f"log level {shown(found)} is {level}, as Calico converts it")
        self._set((BGP, GLOBAL), "logSeverityScreen", level, origin)

    def take_felix(self, value: EtcdValue, parts: Parts) -> None:
        readers = {"InterfacePrefix": text, "IpInIpEnabled": word_flag, "IpInIpMtu": word_number}
        node = parts.get("node", "")
        to = (FELIX, f"{OF_NODE}{node_name(node)}" if node else GLOBAL)
        if to not in self._fields:
            self._note(to, NoteKind.REMARK, PARTIAL)
            self._notes[to] += renamed(node, node_name(node))
        self._set(to, FELIX_FIELDS[parts["field"]], value.read(readers[parts["field"]]), value.origin)

    def take_cluster(self, value: EtcdValue, parts: Parts) -> None:
        written = value.read(text)
        if parts["field"] == "CalicoVersion" and written is not None:
            _check_release(value, written)
        self._set((CLUSTER, GLOBAL), CLUSTER_FIELDS[parts["field"]], written, value.origin)

    def objects(self) -> list[Settings]:
        """In whichever order the keys came, the same."""
        return [
            Settings(*to, tuple(sorted(fields, key=lambda found: (found[0], found[2]))), tuple(self._notes.get(to, ())))
            for to, fields in sorted(self._fields.items())
        ]

    def _set(self, to: tuple[str, str], field: str, found: Any, origin: Origin) -> None:
        if found is not None:
            self._fields.setdefault(to, []).append((field, found, origin))

    def _note(self, to: tuple[str, str], kind: NoteKind, sentence: str) -> None:
        self._notes.setdefault(to, []).append(Note(kind, sentence))


def _check_release(value: EtcdValue, written: str) -> None:
    found = _RELEASE.fullmatch(written)
    release = tuple(int(number) for number in found.groups()) if found else ()
    if not OLDEST <= release < (3,):
        message = (
            f"this is v1 data of Calico {shown(written)}, and is read as releases from 2.6.5 up to 3.0 write it: bring "
            "the cluster to Calico 2.6.5 or later first, or dump the v3 data of a newer one"
        )
        value.refuse("calico-release", message)


def word_flag(written: object) -> bool:
    """A text that is one, as Go reads it."""
    if text(written).lower() not in FLAGS:
        raise WrongValueError("wrong-type", f"must be true or false, and is {shown(written)}")
    return FLAGS[text(written).lower()]


def word_number(written: object) -> int:
    """A text that is one."""
    if not re.fullmatch(r"[0-9]{1,9}", text(written)):
        raise WrongValueError("wrong-type", f"must be a whole number, and is {shown(written)}")
    return int(text(written))
