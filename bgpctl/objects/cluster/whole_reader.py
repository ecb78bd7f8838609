"""Objects as an API server sends them, whole: for those who show objects, and not only what routing makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from bgpctl.kubernetes.collection import Event, Page
from bgpctl.kubernetes.failure import Cause, FailedError, Failure
from bgpctl.kubernetes.kinds import ApiKind
from bgpctl.kubernetes.wire import Reader


class _List(msgspec.Struct):
    items: list[dict[str, Any]] | None = None


class _WatchEvent(msgspec.Struct):
    object: dict[str, Any]


_list = msgspec.json.Decoder(_List)
_event = msgspec.json.Decoder(_WatchEvent)
_object = msgspec.json.Decoder(dict[str, Any])


class WholeReader(Reader):
    """Its documents have everything in them but `managedFields`."""

    def __init__(self, kind: ApiKind) -> None:
        super().__init__(kind)
        self._whole_kind = kind

    def page(self, octets: bytes) -> Page:
        page = super().page(octets)
        found = objects_in(octets, self._whole_kind)
        texts = (text_of(each) for each in found)
        return replace(page, objects=tuple((name, text) for (name, _), text in zip(page.objects, texts, strict=True)))

    def event(self, line: bytes | bytearray | memoryview, *, begins_with_all: bool = False) -> Event:
        event = super().event(line, begins_with_all=begins_with_all)
        return replace(event, text=text_of(_event.decode(line).object)) if event.text else event


def objects_in(octets: bytes, kind: ApiKind) -> list[dict[str, Any]]:
    """The items of a list, with the kind that the list has for all of them. Raises FailedError."""
    named = {"apiVersion": kind.api_version, "kind": kind.kind}
    try:
        return [{**named, **each, **named} for each in _list.decode(octets).items or ()]
    except msgspec.MsgspecError as error:
        raise _not_readable(error) from error


def object_in(octets: bytes) -> dict[str, Any]:
    """Raises FailedError."""
    try:
        return _object.decode(octets)
    except msgspec.MsgspecError as error:
        raise _not_readable(error) from error


def text_of(data: Mapping[str, Any]) -> str:
    metadata = {key: value for key, value in data.get("metadata", {}).items() if key != "managedFields"}
    return msgspec.json.encode({**data, "metadata": metadata}).decode()


def _not_readable(error: Exception) -> FailedError:
    return FailedError(Failure(Cause.NOT_READABLE, f"an answer that cannot be read: {error}"))
