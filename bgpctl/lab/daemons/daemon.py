"""What a routing daemon is to a lab: programs in a node's namespace, a configuration, a command line that answers.

Each daemon has a file with what is different in it. A daemon is ready when its own command line answers; everything
that is known of it is asked there. Its sockets, logs and process numbers are in the node's directory, its configuration
is the node's `startup-config`, read in place.
"""

from __future__ import annotations

import json
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bgpctl.lab.daemons.bgp_view import BgpRoute, Session

# A busy daemon is asked once more; one that does not answer must not stop the lab. In seconds.
ANSWER_WITHIN = 5.0
# A private /run (mount_namespaces(7)) has the default paths of daemons that have no option for them or insist on an
# owner, and is seen from outside as the node's own directory; the host name is the node's, as in a container.
_PRIVATE = 'mount --bind "$1" /run && echo "$2" > /proc/sys/kernel/hostname && shift 2 && exec "$@"'

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One node's daemon: its node's name, directory and configuration file."""

    name: str
    directory: Path
    configuration: Path

    @property
    def run(self) -> Path:
        """What a daemon with a private /run sees there."""
        return self.directory / "run"

    def with_private_run(self, *command: str) -> Words:
        return ("unshare", "--mount", "--uts", "sh", "-c", _PRIVATE, "sh", str(self.run), self.name, *command)


class Daemon(ABC):
    """The daemon of a role. It has no state: everything is in the place."""

    # The Debian package, and the programs without which there is no daemon.
    package: ClassVar[str]
    needs: ClassVar[Words]

    def prepare(self, place: Place) -> None:  # noqa: B027  most need nothing
        """Before a start: files and directories of the daemon, and what a killed one has left."""

    @abstractmethod
    def programs(self, place: Place) -> Mapping[str, Words]:
        """Its processes by name, in the order of their starts, each in the foreground."""

    @abstractmethod
    def tools(self, place: Place) -> Mapping[str, Words]:
        """Its command lines by name, with all the options that they need to find this daemon."""

    @abstractmethod
    def is_ready(self, place: Place) -> bool:
        """Its command line answers."""

    def configure(self, place: Place) -> str:  # noqa: ARG002
        """Once it is ready: what its own start does not read. "" or what is wrong with it."""
        return ""

    @abstractmethod
    def sessions(self, place: Place) -> tuple[Session, ...] | None:
        """See BgpView."""

    @abstractmethod
    def routes(self, place: Place) -> tuple[BgpRoute, ...] | None:
        """See BgpView."""


def answer(command: Sequence[str]) -> str | None:
    """The output of a command line; None when it fails, which it does while the daemon does not answer."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ANSWER_WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


def json_answer(command: Sequence[str]) -> Any:
    """The same of a command line that speaks JSON: its value, None also for something that is none."""
    text = answer(command)
    try:
        return None if text is None else json.loads(text)
    except json.JSONDecodeError:
        return None
