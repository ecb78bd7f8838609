"""What an action is done to, and how much, as values. `text` is as it was written, so that an action can be printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bgpctl.lab.topology.links import Endpoint, Link


class Part(StrEnum):
    """Which processes of a node. `daemon`: all that are neither the agent nor the speaker."""

    AGENT = "agent"
    SPEAKER = "speaker"
    DAEMON = "daemon"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class NodeSet:
    text: str
    nodes: tuple[str, ...]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Cable:
    """Links, and of them the ends whose frames are meant when it is one direction."""

    text: str
    links: tuple[Link, ...]
    ends: tuple[Endpoint, ...] = field(default=())

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` in seconds, bits a second, or as a fraction of 1."""

    text: str
    value: float

    def __str__(self) -> str:
        return self.text


NOTHING = Quantity("", 0.0)
