"""The version of what runs."""

from __future__ import annotations

import functools


@functools.cache
def version() -> str:
    from importlib.metadata import version as version_of  # 25 ms, and only status and metrics need it

    return version_of("bgpctl")
