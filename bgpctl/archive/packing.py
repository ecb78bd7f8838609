"""Files with a manifest as one tar.gz, and back: the octets depend on nothing but what is in it and its time.

    manifest.json            first
    resources/BGPPeer.yaml   one file for each kind

Rule: an archive is judged before anything of it is used. It has regular files of these names, each once, each as long
and with the digest that the manifest says; whatever else it has, or unpacks to more than LARGEST, is refused. Nothing
is unpacked onto a disk.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from bgpctl.archive.manifest import Manifest, decoded, digest, encoded, named_twice

MANIFEST, FOLDER = "manifest.json", "resources/"
# Octets that it unpacks to: some twenty times what a cluster of 5,000 nodes takes.
LARGEST = 256 * 1024 * 1024
MODE, LEVEL = 0o600, 6
_NAME = re.compile(r"resources/[A-Za-z]{1,60}\.yaml")


class DamagedError(ValueError):
    """An archive that is not what it was, or is none. Its text is a sentence about "it"."""


@dataclass(frozen=True, slots=True)
class Archive:
    """`texts` by the name of the file, without its folder. `sha256` is that of the archive as a whole."""

    manifest: Manifest
    texts: Mapping[str, str]
    sha256: str


def pack(manifest: Manifest, files: Mapping[str, bytes]) -> bytes:
    """`files` by the names that the manifest has."""
    seconds = int(manifest.time.timestamp())
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, octets in ((MANIFEST, encoded(manifest)), *files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(octets), seconds, MODE
            tar.addfile(member, io.BytesIO(octets))
    zipped = io.BytesIO()
    with gzip.GzipFile("", "wb", LEVEL, zipped, mtime=seconds) as file:
        file.write(packed.getvalue())
    return zipped.getvalue()


def unpack(octets: bytes) -> Archive:
    """Raises DamagedError."""
    files = _members(_unzipped(octets))
    if MANIFEST not in files:
        raise DamagedError("it has no manifest.json: it is no snapshot of bgpctl")
    try:
        manifest = decoded(files.pop(MANIFEST))
    except ValueError as error:
        raise DamagedError(str(error)) from None
    return Archive(manifest, _checked(manifest, files), digest(octets))


def _unzipped(octets: bytes) -> bytes:
    try:
        with gzip.GzipFile("", "rb", fileobj=io.BytesIO(octets)) as file:
            found = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedError(f"it cannot be unpacked: {error}") from None
    if len(found) > LARGEST:
        raise DamagedError(f"it unpacks to more than {LARGEST >> 20} MiB")
    return found


def _members(octets: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(octets), mode="r:") as tar:
            for member in tar:
                name = _name(member, len(octets))
                if name in found:
                    raise DamagedError(f"it has {name} twice")
                file = tar.extractfile(member)
                found[name] = file.read() if file is not None else b""
                if len(found[name]) != member.size:
                    raise DamagedError(f"it ends in the middle of {name}")
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        if isinstance(error, DamagedError):
            raise
        raise DamagedError(f"it cannot be unpacked: {error}") from None
    return found


def _name(member: tarfile.TarInfo, most: int) -> str:
    """Of a member that may be one. A sparse file is larger than what is in the archive of it."""
    shown = ascii(member.name)[:80]
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise DamagedError(f"{shown} in it is no regular file")
    if member.name != MANIFEST and not _NAME.fullmatch(member.name):
        raise DamagedError(f"{shown} in it is no name of a file of a snapshot")
    if not 0 <= member.size <= most:
        raise DamagedError(f"{shown} in it is larger than the archive")
    return member.name


def _checked(manifest: Manifest, files: Mapping[str, bytes]) -> dict[str, str]:
    """The texts, if the files are those of the manifest."""
    if twice := named_twice(each.name for each in manifest.files):
        raise DamagedError(f"its manifest names {ascii(twice)[:80]} twice")
    listed = {each.name: each for each in manifest.files}
    if missing := sorted(listed.keys() - files.keys()):
        raise DamagedError(f"{ascii(missing[0])[:80]} of its manifest is not in it")
    if unlisted := sorted(files.keys() - listed.keys()):
        raise DamagedError(f"{unlisted[0]} in it is not in its manifest")
    texts: dict[str, str] = {}
    for name, octets in files.items():
        if (len(octets), digest(octets)) != (listed[name].octets, listed[name].sha256):
            raise DamagedError(f"{name} in it is not what it was when the snapshot was taken (SHA-256)")
        try:
            texts[name.removeprefix(FOLDER)] = octets.decode()
        except UnicodeDecodeError:
            raise DamagedError(f"{name} in it is not text") from None
    return texts
