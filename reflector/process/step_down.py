"""The step from root to the speaker's user: once, when everything that needs root is open.

Rule: it is done between the last listening socket and the first session. What comes after needs no capability: any user
may set TCP-MD5 keys, TTLs and source addresses and read netlink, and a plan that listens elsewhere gets a new speaker.

ExaBGP calls it at that moment (`Daemon.drop_privileges`); its own method keeps root where its user is `root`.
"""

from __future__ import annotations

from pathlib import Path

from reflector.process import privileges
from reflector.process.account import Account, admit, hand_over


class StepDown:
    """Called once, in the run directory; False when the kernel refuses; `failure` is the reason."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.failure = ""

    def __call__(self) -> bool:
        try:
            admit(Path(), self._account)
            hand_over(Path(), self._account)
            _become(self._account)
        except OSError as error:
            self.failure = f"cannot go on as user {self._account}: {error.strerror}"
        return not self.failure


def _become(account: Account) -> None:
    if account.is_current:
        privileges.keep(())
    else:
        privileges.become(account.uid, account.gid)
