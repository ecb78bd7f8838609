"""The daemon on every node: watches resources, compiles, runs the speaker, programs the kernel, reports.

The only composition root: every other package is handed what it needs, this one knows them all. What it offers is
imported when it is asked for: who only wants to know where an agent's socket is does not pay for its options.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bgpctl.agent.metrics.peer_metrics import PeerMetrics
    from bgpctl.agent.options import AgentOptions

__all__ = [
    "AgentOptions",
    "PeerMetrics",
    "run_agent",
]

_OFFERED = {
    "AgentOptions": "options",
    "PeerMetrics": "metrics.peer_metrics",
}


def __getattr__(name: str) -> Any:
    if name in _OFFERED:
        return getattr(import_module(f"{__name__}.{_OFFERED[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def run_agent(options: AgentOptions) -> int:
    """Runs until SIGTERM or SIGINT and returns the exit status, 0. Raises NotReadyError when the world is not
    ready (the run directory is in use, a port is taken); every other exception is our bug."""
    from bgpctl.agent.daemon import run  # asyncio and all that hangs on it: only for those who run an agent

    return run(options)
