"""What a containerlab file sets for a node at four levels: `defaults`, `kinds`, `groups` and the node itself.

The rule, which is containerlab's: a later level wins in mappings, and is appended to lists.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from bgpctl.lab.topology.document import Element
from bgpctl.lab.topology.fields import CONTAINER_FIELDS, NODE_FIELDS, UNSUPPORTED_FIELDS
from bgpctl.lab.topology.topology import Exec


@dataclass(slots=True)
class Settings:
    """Of one level, or of several merged."""

    kind: str = ""
    group: str = ""
    startup: Element | None = None
    exec: tuple[Exec, ...] = ()
    binds: tuple[Element, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def then(self, other: Settings) -> Settings:
        """These settings with the more specific `other` on top."""
        return Settings(
            kind=other.kind or self.kind,
            group=other.group or self.group,
            startup=other.startup or self.startup,
            exec=self.exec + other.exec,
            binds=self.binds + other.binds,
            env=self.env | other.env,
            sysctls=self.sysctls | other.sysctls,
            labels=self.labels | other.labels,
        )


def read_settings(element: Element) -> Settings:
    """Of one level; problems go to the document."""
    settings = Settings()
    for name, value in element.known_fields((*NODE_FIELDS, *CONTAINER_FIELDS, *UNSUPPORTED_FIELDS)):
        match name:
            case "kind" | "group":
                setattr(settings, name, value.text())
            case "env" | "sysctls" | "labels":
                setattr(settings, name, value.text_fields())
            case "startup-config":
                settings.startup = value
            case "exec":
                settings.exec = tuple(_command(item) for item in value.items())
            case "binds":
                settings.binds = tuple(value.items())
            case _ if name in UNSUPPORTED_FIELDS:
                value.complain(f"`{name}` is not supported without containers: {UNSUPPORTED_FIELDS[name]}")
    return settings


def read_settings_by_name(parent: Element | None) -> dict[str, Settings]:
    """Of each kind or group."""
    return {name: read_settings(element) for name, element in parent.fields().items()} if parent else {}


def _command(element: Element) -> Exec:
    try:
        words = tuple(shlex.split(element.text()))
    except ValueError as error:
        element.complain(f"not a command: {error}")
        words = ()
    return Exec(words, element.line, element.path)
