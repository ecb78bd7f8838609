"""A change of one kernel route, as a value."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from reflector.kernel.route import KernelRoute


class Verb(Enum):
    ADD = "add"
    REPLACE = "replace"
    DELETE = "delete"


class Change(NamedTuple):
    """What is done with one route. A DELETE names the route as it was observed."""

    verb: Verb
    route: KernelRoute
