"""The agent's pages that are made in its loop: /readyz and /metrics. (/livez: http/server_thread.py)"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus

from bgpctl.agent.http.http_server import Page, Pages
from bgpctl.agent.metrics.page import MetricsPage
from bgpctl.agent.report.readiness import waiting_for
from bgpctl.daemon.internal_errors import Report, describe
from reflector.messages import AgentStatus


def held_lines(status: AgentStatus) -> Iterator[str]:
    return (f"held ({status.held_digest}): {each.sentence}" for each in status.held)


def agent_pages(agent_status: Callable[[], AgentStatus], metrics: MetricsPage, report: Report) -> Pages:
    """A page that fails by a fault of ours is reported and answered with 500: the agent goes on. A node that lives on
    retained routes, or holds a change, forwards as before: it is ready, and its page has a line about that."""

    async def readyz() -> Page:
        status = agent_status()
        missing = waiting_for(status)
        if missing:
            return Page.text(HTTPStatus.SERVICE_UNAVAILABLE, missing)
        return Page.text(
            HTTPStatus.OK, "\n".join(filter(None, (HTTPStatus.OK.phrase, status.retention, *held_lines(status))))
        )

    return {"/readyz": _guarded(readyz, report), "/metrics": _guarded(metrics, report)}


def _guarded(page: Callable[[], Awaitable[Page]], report: Report) -> Callable[[], Awaitable[Page]]:
    async def guarded() -> Page:
        try:
            return await page()
        except Exception as error:
            report("a page", error)
            return Page.text(HTTPStatus.INTERNAL_SERVER_ERROR, describe("this page", error))

    return guarded
