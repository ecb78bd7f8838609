"""A snapshot of what a datastore has: the objects that routing reads, by kind, and which Secrets sessions name.

Rule: an archive is whole, or there is none. What could not be read, and a document that is no object, is an error: it
would silently be missing when the archive is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bgpctl.archive.files import SUFFIX, files_of
from bgpctl.archive.kept import SECRET, kept
from bgpctl.archive.manifest import FORMAT, VERSION, Manifest, SecretEntry, Source, entries, written_time
from bgpctl.archive.packing import FOLDER
from bgpctl.objects import Object
from bgpctl.resources import parse_documents
from bgpctl.resources.checks.secret_references import secret_references

INFORMATION = "ClusterInformation"
# Namespace and name of a Secret -> the keys that sessions name.
Named = Mapping[tuple[str, str], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`files` by the names that the manifest has."""

    manifest: Manifest
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Taking:
    """How it is taken. `now` is the time, `release` that of bgpctl."""

    now: datetime
    release: str
    source: str
    calico_group: str = ""
    secret_namespace: str = ""
    with_secrets: bool = False


def named_secrets(objects: Iterable[Object], namespace: str) -> Named:
    """Those that sessions name, which are in this namespace."""
    texts = files_of(kept(each) for each in objects if each.id.kind.kind in ("BGPPeer", "BGPConfiguration"))
    found: dict[tuple[str, str], frozenset[str]] = {}
    for reference in (each.reference for each in secret_references(parse_documents(texts.items()).resources)):
        if reference.name:
            key = (namespace, reference.name)
            found[key] = found.get(key, frozenset()) | {reference.key}
    return found


def snapshot(objects: Iterable[Object], named: Named, taking: Taking) -> Snapshot:
    """Of Secrets those that are named, and only where they are asked for."""
    found = [each for each in objects if each.id.kind.kind != SECRET or _is_wanted(each, named, taking)]
    data = [kept(each) for each in found]
    counts: dict[str, int] = {}
    for each in data:
        counts[each["kind"]] = counts.get(each["kind"], 0) + 1
    texts = files_of(data)
    files = {f"{FOLDER}{name}": text.encode() for name, text in texts.items()}
    kinds = {f"{FOLDER}{kind}{SUFFIX}": (kind, count) for kind, count in counts.items()}
    included = {(each.id.namespace, each.id.name) for each in found if each.id.kind.kind == SECRET}
    manifest = Manifest(
        format=FORMAT,
        version=VERSION,
        taken=written_time(taking.now),
        bgpctl=taking.release,
        source=Source(name=taking.source, calico_group=taking.calico_group, calico_version=_version(data)),
        files=entries({name: (*kinds[name], octets) for name, octets in files.items()}),
        secrets=tuple(
            SecretEntry(*each, tuple(sorted(keys)), each in included) for each, keys in sorted(named.items())
        ),
    )
    return Snapshot(manifest, files)


def _is_wanted(secret: Object, named: Named, taking: Taking) -> bool:
    return taking.with_secrets and (secret.id.namespace, secret.id.name) in named


def _version(data: Iterable[Mapping[str, Any]]) -> str:
    for each in data:
        if each["kind"] == INFORMATION and isinstance(each.get("spec"), dict):
            return str(each["spec"].get("calicoVersion", ""))
    return ""
