"""exabgp.conf, reread in parts: only neighbours whose text is new are parsed.

ExaBGP needs a quarter of a millisecond for a neighbour, and no session is served while it parses. So the file is cut
into its neighbours, and those that have been parsed before are reused. The TCP-MD5 key is set afterwards: a cluster
that rotates its key rotates it in every neighbour.

Rule: ExaBGP judges what is new, and the whole file where anything is unusual: sections that are no neighbours, a
neighbour that it refuses, one that appears twice. So its judgement and its messages are the same as for a whole file.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from exabgp.configuration.configuration import Configuration

# Where a neighbour begins, as bgpctl's compiler writes it; and the line of its key, up to the 80 octets of the kernel.
_BEGIN = re.compile(r"^neighbor ", re.MULTILINE)
_KEY = re.compile(r"^    md5-password ([A-Za-z0-9+/]{1,106}={0,2});$", re.MULTILINE)
_COMMENTS = re.compile(r"(\s*#.*\n|\s*\n)*")
_SOME_KEY = "c29tZQ=="


class _Block(NamedTuple):
    """One neighbour: its text with some key in place of its own, and its own; None if there is no key in that form."""

    text: str
    key: str | None


class SpeakerConfiguration(Configuration):  # type: ignore[misc]  # ExaBGP has no types
    """ExaBGP's configuration from one file. `neighbors` are by ExaBGP's name for them."""

    neighbors: dict[str, Any]

    def __init__(self, path: Path) -> None:
        # As text and not as a file: ExaBGP would look for the absolute path, which is closed to our user (account).
        super().__init__([], text=True)
        self._path = path
        self._text_read: str | None = None
        self._known: dict[str, tuple[str, Any]] = {}
        # How many neighbours ExaBGP has parsed: the cost of reloads.
        self.parsed = 0

    def reload(self) -> bool:
        """False, with `error` set and `neighbors` as they were, if ExaBGP cannot read the file."""
        text = self._path.read_text()
        if text == self._text_read:
            return True
        neighbors = self._by_parts(text)
        if neighbors is None:
            before, self._configurations = self.neighbors, [text]
            if not super().reload():
                self.neighbors = before
                return False
            self._known.clear()
            self.parsed += len(self.neighbors)
        else:
            self.neighbors = neighbors
        self._text_read = text
        return True

    def _by_parts(self, text: str) -> dict[str, Any] | None:
        """The neighbours of the file; None if it has to be read as a whole."""
        first = _BEGIN.search(text)
        if first is None or _COMMENTS.fullmatch(text[: first.start()]) is None:
            return None
        blocks = list(_blocks(text))
        new = [block.text for block in blocks if block.text not in self._known]
        parsed = self._parse(new) if new else {}
        if parsed is None:
            return None
        found = self._known | parsed
        self._known = {block.text: found[block.text] for block in blocks}
        neighbors = {}
        for block in blocks:
            name, neighbor = self._known[block.text]
            if block.key is not None and block.key != neighbor["md5-password"]:
                neighbor = copy.copy(neighbor)
                neighbor["md5-password"] = block.key
                self._known[block.text] = (name, neighbor)
            neighbors[name] = neighbor
        return neighbors if len(neighbors) == len(blocks) else None

    def _parse(self, blocks: list[str]) -> dict[str, tuple[str, Any]] | None:
        """What ExaBGP makes of these neighbours, by their text; None if it refuses one."""
        parser = Configuration(["\n".join(blocks)], text=True)
        if not parser.reload() or len(parser.neighbors) != len(blocks):
            return None
        self.parsed += len(blocks)
        return dict(zip(blocks, parser.neighbors.items(), strict=True))


def _blocks(text: str) -> Iterator[_Block]:
    starts = [begin.start() for begin in _BEGIN.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        block = text[start:end].rstrip()
        key = _KEY.search(block)
        if key is None:
            yield _Block(block, None)
        else:
            yield _Block(f"{block[: key.start(1)]}{_SOME_KEY}{block[key.end(1) :]}", key.group(1))
