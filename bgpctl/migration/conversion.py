"""Everything in the sources to objects, one after the other; what becomes no object has its fate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bgpctl.migration import v3
from bgpctl.migration.fate import Converted, Fate, Origin, Outcome
from bgpctl.migration.source.etcd_keys import Use, meaning
from bgpctl.migration.source.etcd_value import EtcdValue
from bgpctl.migration.source.sources import Entry, Item, Sources
from bgpctl.migration.v1 import calicoctl, kubernetes, single_keys
from bgpctl.migration.v1.nodes import Nodes
from bgpctl.migration.v1.objects import Object
from bgpctl.migration.v1.settings import SettingKeys
from bgpctl.yaml_source.problem import Problem

EMPTY = "its value is empty, which is none"


class Conversion:
    """`converted`, `fates` and `problems` grow."""

    def __init__(self, problems: list[Problem]) -> None:
        self.converted: list[Converted] = []
        self.fates: list[Fate] = []
        self._problems = problems
        self._nodes = Nodes(problems)
        self._settings = SettingKeys()
        self._seen: dict[str, Entry] = {}
        self._places: list[tuple[Origin, str]] = []

    def take(self, sources: Sources) -> None:
        for entry in sources.entries:
            self._take_entry(entry)
        for item in sources.items:
            self._take_item(item)
        self._add(self._nodes.objects())
        self._add(self._settings.objects())

    def unread(self, fates: Iterable[Fate], problems: Iterable[Problem]) -> list[Fate]:
        """Of the places that nothing has come from."""
        have = {(fate.origin.file, fate.origin.name) for fate in fates}
        wrong = {(each.file, each.resource) for each in problems}
        return [
            Fate(origin, Outcome.REFUSED, kind)
            if (origin.file, origin.name) in wrong
            else Fate(origin, Outcome.LEFT, kind, reason=EMPTY)
            for origin, kind in self._places
            if (origin.file, origin.name) not in have
        ]

    def _take_entry(self, entry: Entry) -> None:
        row, parts = meaning(entry.key)
        before = self._seen.setdefault(entry.key, entry)
        if before is not entry:
            self._take_again(entry, before, row.kind)
            return
        self._nodes.see(entry)
        if row.use is Use.NONE:
            becomes = row.name(parts) if row.name else ""
            self.fates.append(Fate(entry.origin, row.outcome, row.kind, becomes, reason=row.reason))
            return
        self._places.append((entry.origin, row.kind))
        value = EtcdValue(entry, self._problems)
        readers = {Use.PEER: single_keys.peer, Use.POOL: single_keys.pool, Use.AFFINITY: single_keys.affinity}
        if row.use in readers:
            found: Any = readers[row.use](value, parts, self.fates)
            self._add([found] if found is not None else [])
        elif row.use is Use.RESOURCE:
            resource = v3.of_entry(value, parts, self.fates)
            self.converted += [resource] if resource is not None else []
        else:
            self._take_part(row.use, value, parts)

    def _take_part(self, use: Use, value: EtcdValue, parts: dict[str, str]) -> None:
        """Of a node, or a setting."""
        if use is Use.NODE:
            self._nodes.take(value, parts["node"])
        elif use is Use.NODE_FIELD:
            self._nodes.take_field(value, parts["node"], parts["field"])
        elif use is Use.TUNNEL:
            self._nodes.take_tunnel(value, parts["node"])
        elif use is Use.SETTING:
            self._settings.take_bgp(value, parts)
        elif use is Use.FELIX:
            self._settings.take_felix(value, parts)
        else:
            self._settings.take_cluster(value, parts)

    def _take_again(self, entry: Entry, before: Entry, kind: str) -> None:
        """Two dumps may have the same key."""
        if entry.value == before.value:
            reason = f"it stands in {before.origin.file} as well, with the same value"
            self.fates.append(Fate(entry.origin, Outcome.LEFT, kind, reason=reason))
            return
        message = f"this key has another value in {before.origin.file}; dump all of it at one time"
        self._problems.append(entry.origin.problem((), "duplicate-key", message))

    def _take_item(self, item: Item) -> None:
        if kubernetes.is_setting(item.data):
            origin = kubernetes.take_setting(item, self._settings, self._problems)
            self._places.append((origin, "BGP setting"))
        elif kind := calicoctl.kind_of(item):
            found = calicoctl.read(item, kind, self._problems, self.fates)
            self._add([found] if found is not None else [])
        else:
            if isinstance(item.data, dict) and (item.data.get("apiVersion"), item.data.get("kind")) == ("v1", "Node"):
                self._add(kubernetes.peers_of_node(item, self._problems, self.fates))
            resource = v3.of_item(item, self._problems, self.fates)
            self.converted += [resource] if resource is not None else []

    def _add(self, objects: Iterable[Object]) -> None:
        self.converted += [each.converted() for each in objects]
