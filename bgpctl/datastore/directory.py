"""Resources out of a file, a directory tree or standard input (listing.py says which files).

A file that cannot be read is a Problem like any other, and so is what is no regular file, or is too large
(regular_file.py), by itself or all together; a path that is not there at all means that the world is not ready.
Reading again costs a look at every file and the reading of those that changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bgpctl.datastore.listing import Listing, Signature, is_transient, list_files, unreadable
from bgpctl.datastore.regular_file import check_together, read_any_file, read_regular_file
from bgpctl.datastore.text import text_of
from bgpctl.resources import Loaded, parse_documents
from bgpctl.resources.reading.unusable import UNKNOWN, Unusable
from bgpctl.yaml_source.problem import Problem

# A file written to this short a time (in ns) before it was read may change again without looking changed.
UNSETTLED = 1_000_000_000


def read_directory(path: str | Path) -> Loaded:
    """All resources and problems of a file or a tree. Raises NotReadyError when the path is not there."""
    return DirectoryReader(path).read()


def read_directories(paths: Iterable[str | Path]) -> Loaded:
    """Several paths as one set. Raises NotReadyError when one of them is not there."""
    return DirectoryReader(*paths).read()


def read_texts(paths: Iterable[str | Path]) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """The texts of the files at several paths by name, and what could not be read. Raises NotReadyError when one of the
    paths is not there."""
    return DirectoryReader(*paths).read_texts()


class DirectoryReader:
    """Reads the same paths again and again; remembers what it read.

    lacks_resources   something was not read the last time for want of descriptors or memory, and will be later
    """

    def __init__(self, *paths: str | Path) -> None:
        self.paths = tuple(map(Path, paths))
        self.listing = Listing({}, (), (), ())
        self.lacks_resources = False
        self._loaded = Loaded()
        self._signatures: dict[str, Signature] = {}

    def read(self) -> Loaded:
        """The path as it is now. Raises NotReadyError when it is not there."""
        now = time.time_ns()
        texts, problems = self.read_texts()
        loaded = parse_documents(texts.items(), self._loaded)
        self._signatures = {
            name: signature for name, signature in self.listing.files.items() if now - max(signature[3:]) > UNSETTLED
        }
        unusable = (*loaded.unusable, *(unusable_file(each.file) for each in problems))
        self._loaded = replace(loaded, problems=tuple(sorted((*loaded.problems, *problems))), unusable=unusable)
        return self._loaded

    def read_texts(self) -> tuple[dict[str, str], tuple[Problem, ...]]:
        """Those of the files by name, and what could not be read. Raises NotReadyError when a path is not there."""
        self.listing = listing = _together([list_files(path) for path in self.paths])
        texts: dict[str, str] = {}
        problems = list(listing.problems)
        self.lacks_resources, octets = listing.lacks_resources, 0
        for name, signature in listing.files.items():
            octets += signature[2]
            try:
                check_together(signature[2], octets)
                texts[name] = self._text(name, signature)
            except (OSError, UnicodeDecodeError) as error:
                problems.append(unreadable(name, error))
                self.lacks_resources |= is_transient(error)
        return texts, tuple(problems)

    def _text(self, name: str, signature: Signature) -> str:
        if self._signatures.get(name) == signature and name in self._loaded.files:
            return self._loaded.files[name].text
        # An operator may name a pipe; what stands in a directory may never have been looked at.
        octets = read_any_file(name) if Path(name) in self.paths else read_regular_file(name)
        return text_of(octets)


def _together(listings: list[Listing]) -> Listing:
    """One listing; a file that is reached by two paths of the same name counts once."""
    return Listing(
        {name: signature for listing in listings for name, signature in listing.files.items()},
        tuple(directory for listing in listings for directory in listing.directories),
        tuple(link for listing in listings for link in listing.links),
        tuple(problem for listing in listings for problem in listing.problems),
        any(listing.lacks_resources for listing in listings),
    )


def unusable_file(name: str) -> Unusable:
    """A file or directory of which nothing is known."""
    return Unusable(UNKNOWN, None, 0, name)
