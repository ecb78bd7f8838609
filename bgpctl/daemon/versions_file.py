"""The versions of resources that are in force, in a file for the next process: as the texts that they were read from.

Rule: it is knowledge, not truth. A file that cannot be read is as good as none, and one that cannot be written costs
only what the next process would have known; both are logged, once.
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import msgspec

from bgpctl.daemon.logs import get_logger
from bgpctl.daemon.private_file import write_private
from bgpctl.resources.in_force.versions import Versions, texts, versions_of_texts
from bgpctl.resources.values.model import Key

log = get_logger("resources")


class VersionsFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: dict[str, str] | None = None
        self._is_unwritable = False

    def read(self) -> Versions:
        """Those of the process before."""
        try:
            self._written = msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return Versions()
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("the last good versions of the process before are not readable", error=str(error))
            return Versions()
        return versions_of_texts(self._written)

    def write(self, versions: Versions, secrets: Set[Key]) -> None:
        """Without Secrets other than these."""
        written = texts(versions, secrets)
        if written == self._written:
            return
        try:
            write_private(self._path, msgspec.json.encode(written))
        except OSError as error:
            if not self._is_unwritable:
                log.warning("the last good versions are not kept for the next process", reason=error.strerror)
            self._is_unwritable = True
        else:
            self._is_unwritable, self._written = False, written
