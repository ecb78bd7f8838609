"""The user that the speaker runs as once it listens, and what of the run directory belongs to that user.

Rule: root only by its name. A user that is named and does not exist is refused; when none is named it is `bgpctl` if
there is such a user, else number 65534, the user `nobody`.

    run directory             root:GROUP 1770   the speaker makes files in it, and removes only its own (sticky)
    plan.json, exabgp.conf    root:GROUP 0640   it reads them, also the ones that are put in their place later
    speaker.sock              USER:root  0660   it made it as root, and removes it itself
    journal, journal.old      USER       0600   likewise
    everything else           root:root  0600   the agent's

The speaker stands in its run directory and calls its files by their names alone: the directories above it stay closed
to its user, and with them the run directories of other nodes, which have the same group.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

USUAL_NAME = "bgpctl"
NOBODY = 65534
ROOT = 0
# Of the run directory: its group enters and makes files, and what others made there is not the group's to remove.
SHARED_MODE = 0o1770
_READ_MODE = 0o640
_READ = ("plan.json", "exabgp.conf")
# The agent, root without CAP_DAC_OVERRIDE, connects as the socket's group.
_OWN = {"speaker.sock": 0o660, "journal": 0o600, "journal.old": 0o600}


class AccountError(Exception):
    """There is no such user, or this process may not become that user: one sentence."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and its first group, by number."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"

    @property
    def is_current(self) -> bool:
        """This process is that user already."""
        return self.uid == os.geteuid()

    @classmethod
    def parse(cls, text: str) -> Account:
        """Reads "UID:GID". Raises AccountError."""
        uid, _, gid = text.partition(":")
        if not (uid.isdecimal() and gid.isdecimal()):
            raise AccountError(f"{text!r} is not UID:GID")
        return cls(int(uid), int(gid))


def account_named(name: str) -> Account:
    """The account of the speaker when this process is root; "" means that none was named. A process
    that is not root runs it as its own user. Raises AccountError."""
    here = Account(os.geteuid(), os.getegid())
    named = _look_up(name) if name else None
    if here.uid == ROOT:
        return named or _look_up(USUAL_NAME) or _nobody_unless(name)
    if name and (named is None or named.uid != here.uid):
        raise AccountError(f"only root can run the speaker as {name}")
    return here


def admit(directory: Path, account: Account) -> None:
    """Lets the account read its part of a run directory of root, and create files there. Raises OSError."""
    if os.geteuid() == ROOT != account.uid:
        _give(directory, -1, account.gid, SHARED_MODE)
        for name in _READ:
            _give(directory / name, -1, account.gid, _READ_MODE)


def hand_over(directory: Path, account: Account) -> None:
    """Gives the account what this process has created there as root. Raises OSError."""
    if os.geteuid() == ROOT != account.uid:
        for name, mode in _OWN.items():
            _give(directory / name, account.uid, -1, mode)


def _give(path: Path, uid: int, gid: int, mode: int) -> None:
    """A link is refused: in a directory that the account may write to, it could lead to any file."""
    try:
        held = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        found = os.fstat(held)
        if stat.S_ISLNK(found.st_mode) or (found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)):
            raise OSError(errno.EMLINK, f"{path} is a link")
        # fchmod(2) and fchown(2) refuse such a descriptor; the name that /proc has for it is as good.
        same = Path(f"/proc/self/fd/{held}")
        # Without CAP_FOWNER only the owner sets a mode, and this may be the journal of a speaker before us.
        if found.st_uid != os.geteuid():
            os.chown(same, os.geteuid(), -1)
        same.chmod(mode)
        os.chown(same, uid, gid)
    finally:
        os.close(held)


def _look_up(name: str) -> Account | None:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(found.pw_uid, found.pw_gid)


def _nobody_unless(name: str) -> Account:
    if name:
        raise AccountError(f"there is no user {name} for the speaker to run as")
    return Account(NOBODY, NOBODY)
