"""What an archive says of itself: of what it was taken, when, by which release, and the digest of each file.

Rule: an archive of a later form is refused; fields that this release does not know are passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

FORMAT, VERSION = "bgpctl snapshot", 1
# Of the time: in UTC, to the second.
TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """name          "the cluster of ~/.kube/config", "resources"
    calico_group     the API group and version of Calico's resources; "" for files
    calico_version   as the ClusterInformation has it; "" where there is none
    """

    name: str
    calico_group: str = ""
    calico_version: str = ""


class FileEntry(msgspec.Struct, frozen=True):
    """`count` objects of one kind."""

    name: str
    kind: str
    count: int
    octets: int
    sha256: str


class SecretEntry(msgspec.Struct, frozen=True):
    """A Secret that sessions name, with the keys that they name. `included`: it is in the archive, with its values."""

    namespace: str
    name: str
    keys: tuple[str, ...]
    included: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`taken`: the time in UTC."""

    format: str
    version: int
    taken: str
    bgpctl: str
    source: Source
    files: tuple[FileEntry, ...] = ()
    secrets: tuple[SecretEntry, ...] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        return {each.kind: each.count for each in self.files}

    @property
    def time(self) -> datetime:
        """Raises ValueError."""
        return datetime.strptime(self.taken, TIME_FORM).replace(tzinfo=UTC)


def digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def entries(files: Mapping[str, tuple[str, int, bytes]]) -> tuple[FileEntry, ...]:
    """Of kind, count and octets by name."""
    return tuple(
        FileEntry(name, kind, count, len(octets), digest(octets)) for name, (kind, count, octets) in files.items()
    )


def written_time(now: datetime) -> str:
    return now.astimezone(UTC).strftime(TIME_FORM)


def encoded(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decoded(octets: bytes) -> Manifest:
    """Raises ValueError with a sentence."""
    try:
        found = msgspec.json.decode(octets, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its manifest cannot be read: {error}") from None
    if found.format != FORMAT:
        raise ValueError("it is no snapshot of bgpctl")
    if found.version > VERSION:
        raise ValueError(f"it is of a later release of bgpctl (form {found.version}, this release reads {VERSION})")
    try:
        _ = found.time
    except ValueError:
        raise ValueError("the time in its manifest is none") from None
    return found


def named_twice(names: Iterable[str]) -> str:
    """The first name that is there twice; "" for none."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""
