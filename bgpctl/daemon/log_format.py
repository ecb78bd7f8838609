"""How log lines look. Apart from `logs`, because naming a format must not import a logger."""

from __future__ import annotations

from enum import StrEnum


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"
