"""The controller's pages that are made in its loop: /readyz and /metrics. (/livez: daemon/http/server_thread.py)"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from http import HTTPStatus

from bgpctl.controller.metrics import exposition
from bgpctl.controller.status import ControllerStatus
from bgpctl.daemon.http.http_server import Page, Pages


def controller_pages(status: Callable[[], ControllerStatus]) -> Pages:
    """A controller that has compiled every plan is ready, whether it leads or not, and stays so while the API server is
    away. One that has just started and may conclude nothing from the resources is not: a rollout stops at it, and the
    controller before goes on."""

    async def readyz() -> Page:
        now = status()
        if now.missing:
            return Page.text(HTTPStatus.SERVICE_UNAVAILABLE, now.missing)
        return Page.text(HTTPStatus.OK, "\n".join((HTTPStatus.OK.phrase, *_remarks(now))))

    async def metrics() -> Page:
        from bgpctl.daemon.metrics.families import CONTENT_TYPE

        return Page(HTTPStatus.OK, await asyncio.to_thread(exposition, status()), CONTENT_TYPE)

    return {"/readyz": readyz, "/metrics": metrics}


def _remarks(status: ControllerStatus) -> Iterator[str]:
    yield "this controller writes" if status.is_leader else "another controller writes, or none"
    progress = status.progress
    if status.waits:
        yield f"every plan stays what it is until this is put right: {status.waits[0]}"
    if progress.kept:
        yield f"nodes that keep an older plan: {progress.kept}"
    if progress.failed:
        yield f"NodePlans that cannot be written: {progress.failed}"
    if progress.withheld:
        yield f"NodePlans of Nodes that are gone, kept because most are gone: {progress.withheld}"
