"""The capabilities of the agent, and the user of its speaker.

Rule: an agent of root keeps the capabilities of this table and gives up all others before it reads a resource. It has
no CAP_DAC_OVERRIDE: it owns what it writes. An agent that is not root keeps those of the table that it was given.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from bgpctl.errors import NotReadyError
from reflector.process import privileges
from reflector.process.account import Account, AccountError, account_named
from reflector.process.privileges import Capability


class Work(NamedTuple):
    """What an agent does that depends on its options: whether it programs the kernel, and what it reads."""

    programs_kernel: bool
    resources: Path | None


class Need(NamedTuple):
    """A capability, its purpose, and the agents that need it."""

    capability: Capability
    purpose: str
    concerns: Callable[[Work], bool] = lambda _: True


NEEDS = (
    Need(Capability.NET_ADMIN, "routes, rules and devices in the kernel", lambda work: work.programs_kernel),
    Need(Capability.NET_BIND_SERVICE, "port 179, which the speaker opens before it steps down"),
    Need(Capability.SETUID, "the speaker becomes its user"),
    Need(Capability.SETGID, "the speaker becomes its user's group, and no other"),
    Need(Capability.SETPCAP, "the speaker empties its bounding set"),
    Need(Capability.CHOWN, "plan.json, exabgp.conf and speaker.sock are given to the speaker's user"),
    Need(Capability.KILL, "the speaker, another user's process by then, is stopped"),
    Need(
        Capability.DAC_READ_SEARCH,
        "the resources or the installation are another user's, in directories closed to root",
        lambda work: not all(_can_read(path) for path in _read_later(work.resources)),
    ),
)


def speaker_account(user: str) -> Account:
    """The account of the speaker's user; "" for the user that is chosen where none is named. Raises NotReadyError."""
    try:
        return account_named(user)
    except AccountError as error:
        raise NotReadyError(f"{error}; see --speaker-user") from error


def give_up_the_rest(work: Work) -> None:
    """For the whole life of this process, which has one thread yet. Raises NotReadyError."""
    try:
        privileges.keep(_needed(work))
    except OSError as error:
        raise NotReadyError(f"the agent cannot give up its capabilities: {error.strerror}") from error


def _needed(work: Work) -> frozenset[Capability]:
    before = privileges.permitted()
    # With CAP_DAC_OVERRIDE everything can be read: the need shows only without it.
    privileges.use(before & {need.capability for need in NEEDS} - {Capability.DAC_READ_SEARCH})
    needed = frozenset(need.capability for need in NEEDS if need.concerns(work))
    privileges.use(before)
    return needed


def _read_later(resources: Path | None) -> Iterator[Path]:
    yield from (Path(__file__), Path(os.__file__), Path(sys.executable))
    if resources is not None:
        yield resources
        yield from resources.glob("**/*")


def _can_read(path: Path) -> bool:
    """A file that is missing needs no capability; it is reported when it is read."""
    try:
        return os.access(path, os.R_OK, effective_ids=True) or not path.exists()
    except PermissionError:
        return False
