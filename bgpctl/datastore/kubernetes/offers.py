"""What a group of Calico offers, asked of the API server once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bgpctl.datastore.kubernetes.api_group import Offer
from bgpctl.kubernetes.api_server import ApiServer
from bgpctl.kubernetes.collection import Page
from bgpctl.kubernetes.failure import Cause, FailedError
from bgpctl.kubernetes.kinds import CLUSTER_INFORMATION, Group, api_path, calico_kinds
from bgpctl.kubernetes.wire import Reader, plurals_of

T = TypeVar("T")


async def offer_of(server: ApiServer, group: Group) -> Offer:
    """A group that is not served offers nothing. Raises FailedError."""
    plurals = await _answer(server, api_path(*group), plurals_of, frozenset[str]())
    return Offer(plurals, bool(plurals) and await _is_in_use(server, group))


async def _is_in_use(server: ApiServer, group: Group) -> bool:
    (kind,) = (each for each in calico_kinds(group, frozenset()) if each.kind == CLUSTER_INFORMATION)
    try:
        page = await _answer(server, kind.path, Reader(kind).page, Page((), ""))
    except FailedError as error:
        if error.failure.cause is Cause.FORBIDDEN:
            return True  # the problem of the kind says what is lacking
        raise
    return bool(page.objects)


async def _answer(server: ApiServer, path: str, read: Callable[[bytes], T], absent: T) -> T:
    try:
        return read(await server.get(path))
    except FailedError as error:
        if error.failure.cause is Cause.ABSENT:
            return absent
        raise
