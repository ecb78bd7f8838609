"""Where a daemon's log goes and how it looks: structured lines on standard error, for people or as JSON.

structlog imports rich when it is installed, only to colour tracebacks: 250 ms and 5 MB for each of the hundreds of
agents that a lab has on one machine. So this module is imported before anything else that logs, and hides rich.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from bgpctl.daemon.log_format import LogFormat
from bgpctl.daemon.log_output import LogOutput

_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # to the import system: not importable
try:
    import structlog
finally:
    del sys.modules["rich"]
    if _rich is not None:
        sys.modules["rich"] = _rich

# NodePlan.log_level to the standard levels. `critical` is Calico's Fatal: only what ends a router is logged.
LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


_output: Any = LogOutput()


class _InForce:
    """The level of this process."""

    level = logging.INFO


def configure(log_format: LogFormat, level: str = "info") -> None:
    """Sets format and level of all loggers of this process, also of those that exist. Unknown levels mean info."""
    _InForce.level = LEVELS.get(level, logging.INFO)
    renderer: structlog.typing.Processor
    if log_format is LogFormat.JSON:
        renderer = structlog.processors.JSONRenderer()
        # Not structlog's own dict_tracebacks: that shows the local variables, and with them plans and passwords.
        without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        exceptions: tuple[structlog.typing.Processor, ...] = (structlog.processors.ExceptionRenderer(without_locals),)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        exceptions = ()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *exceptions,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_InForce.level),
        logger_factory=structlog.PrintLoggerFactory(_output),
        cache_logger_on_first_use=False,  # or a later change of level would not reach them
    )


def get_logger(part: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines name this part of the daemon."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=part)
    return logger


def pass_on(logger: structlog.typing.FilteringBoundLogger, event: str, **fields: object) -> None:
    """Logs a line of another process. That process keeps to the level by itself: no line is dropped here."""
    logger.log(max(_InForce.level, logging.INFO), event, **fields)
