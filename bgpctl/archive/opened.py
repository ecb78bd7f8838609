"""An archive out of a file: checked, and its texts as objects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bgpctl.archive.manifest import Manifest
from bgpctl.archive.packing import LARGEST, DamagedError, unpack
from bgpctl.errors import NotReadyError
from bgpctl.objects import Object
from bgpctl.objects.documents import read_objects


@dataclass(frozen=True, slots=True)
class Opened:
    """`sha256` is that of the file."""

    manifest: Manifest
    objects: tuple[Object, ...]
    sha256: str


def open_archive(path: Path) -> Opened:
    """Raises NotReadyError for what is not there, is not what it was, or is no archive."""
    try:
        if not path.is_file():
            raise NotReadyError(f"cannot read {path}: {'it is no file' if path.exists() else 'there is none'}")
        with path.open("rb") as file:
            octets = file.read(LARGEST + 1)
    except OSError as error:
        raise NotReadyError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        archive = unpack(octets)
        objects: list[Object] = []
        for name, text in archive.texts.items():
            found = read_objects(name, text)
            counted = archive.manifest.counts.get(name.removesuffix(".yaml"), 0)
            if found.problems or found.others or len(found.objects) != counted:
                raise DamagedError(f"{name} in it does not have the {counted} objects that its manifest says")
            objects += (each.object for each in found.objects)
    except DamagedError as error:
        raise NotReadyError(f"{path} cannot be used: {error}") from error
    return Opened(archive.manifest, tuple(objects), archive.sha256)
