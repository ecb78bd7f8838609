"""What a file's text becomes when objects in it change, go, or come: pure.

    an object that changes     its document, or its item of a list, is edited where it stands
    one that goes              its document or item; a file of which nothing is left goes as well
    one that comes             a document behind the others

Rule: documents that nothing is wanted of are the same characters as before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bgpctl.objects.documents import ObjectFile, PlacedDocument, Standing, inherited
from bgpctl.objects.object import Data
from bgpctl.yaml_source.dump import plain, yaml_text
from bgpctl.yaml_source.edit import SEPARATOR, edited
from bgpctl.yaml_source.path import Path

# What takes the place of an object; None: nothing does.
Replacement = tuple[Standing, Data | None]


def changed_text(file: ObjectFile, replacements: Iterable[Replacement]) -> str | None:
    """None: nothing is left of the file."""
    by_document: dict[int, dict[Path, Data | None]] = {}
    for standing, wanted in replacements:
        by_document.setdefault(standing.document, {})[standing.path] = wanted
    parts: list[str] = []
    is_left = False
    for index, document in enumerate(file.documents):
        text = _changed(document, by_document[index]) if index in by_document else document.text
        if text is None:
            continue
        is_left |= index in by_document or document.data is not None or bool(_is_unreadable(document))
        if parts and not parts[-1].endswith("\n"):
            parts.append("\n")
        parts.append(text)
    return file.before + "".join(parts) if is_left else None


def added_text(text: str, name: str, documents: Iterable[str]) -> str:
    """With these documents behind what is there. `name` is the file's: one that ends in .json gets JSON."""
    for document in documents:
        if text and not text.endswith("\n"):
            text += "\n"
        needs_separator = bool(text) and not document.startswith(SEPARATOR) and not name.lower().endswith(".json")
        text += (f"{SEPARATOR}\n" if needs_separator else "") + document
    return text


def document_text(wanted: Data, name: str) -> str:
    """A document for a file of this name."""
    if name.lower().endswith(".json"):
        return json.dumps(plain(wanted), ensure_ascii=False) + "\n"
    return yaml_text(wanted)


def _changed(document: PlacedDocument, wanted: Mapping[Path, Data | None]) -> str | None:
    if () in wanted:
        whole = wanted[()]
        return None if whole is None else edited(document.text, (), whole)
    data = _with_items(document.data, wanted)
    if not data or (isinstance(data, dict) and not data["items"]):
        return None
    if isinstance(data, dict):
        return edited(document.text, (), data)
    return yaml_text(data) if not document.text.lstrip().startswith("[") else json.dumps(plain(data)) + "\n"


def _with_items(data: Any, wanted: Mapping[Path, Data | None]) -> Any:
    if isinstance(data, tuple):
        items = [(index, item, _of_item(wanted, index)) for index, item in enumerate(data)]
        return [_items_of(item, within) for _, item, within in items if within.get((), item) is not None]
    return _items_of(data, wanted)


def _of_item(wanted: Mapping[Path, Data | None], index: int) -> dict[Path, Data | None]:
    return {path[1:]: data for path, data in wanted.items() if path[0] == index}


def _items_of(data: Any, wanted: Mapping[Path, Data | None]) -> Any:
    if not wanted:
        return data
    if () in wanted:
        return wanted[()]
    items: list[Any] = []
    for index, item in enumerate(data["items"]):
        path = ("items", index)
        if path not in wanted:
            items.append(item)
        elif (new := wanted[path]) is not None:
            items.append(_as_written(new, item, inherited(data)))
    return {**data, "items": items}


def _as_written(new: Data, item: Any, from_list: Mapping[str, Any]) -> dict[str, Any]:
    """What the list says of all its items is not repeated in one that did not."""
    return {key: value for key, value in new.items() if key in item or from_list.get(key) != value}


def _is_unreadable(document: PlacedDocument) -> bool:
    """What is no YAML may be anything, and is kept."""
    return document.data is None and any(
        line.strip() and not line.lstrip().startswith(("#", SEPARATOR, "%")) for line in document.text.splitlines()
    )
