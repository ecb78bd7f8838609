"""The agent's pages that are made in its loop: /readyz and /metrics. (/livez: http/server_thread.py)"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus

from bgpctl.agent.metrics.page import MetricsPage
from bgpctl.agent.report.readiness import waiting_for
from bgpctl.daemon.http.http_server import Page, Pages
from reflector.messages import AgentStatus


def held_lines(status: AgentStatus) -> Iterator[str]:
    return (f"held ({status.held_digest}): {each.sentence}" for each in status.held)


def agent_pages(agent_status: Callable[[], AgentStatus], metrics: MetricsPage) -> Pages:
    """A node that lives on retained routes, or holds a change, forwards as before: it is ready, and its page has a line
    about that."""

    async def readyz() -> Page:
        status = agent_status()
        missing = waiting_for(status)
        if missing:
            return Page.text(HTTPStatus.SERVICE_UNAVAILABLE, missing)
        return Page.text(
            HTTPStatus.OK, "\n".join(filter(None, (HTTPStatus.OK.phrase, status.retention, *held_lines(status))))
        )

    return {"/readyz": readyz, "/metrics": metrics}
