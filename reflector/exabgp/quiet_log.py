"""ExaBGP's log without what it writes for each attempt and each connection.

For each peer that is away that was two lines every five seconds (320 lines of 20 peers in 40 s). What becomes of a
session is in lines of our own (session_line), one for each change. At the level debug everything is logged.
"""

from __future__ import annotations

from exabgp.logger.option import option

# What ExaBGP names its connections and peers, with a number behind.
_OF_SESSIONS = ("outgoing-", "incoming-", "peer-")


def is_logged(source: str, level: str) -> bool:
    """In the place of ExaBGP's option.log_enabled: its settings are read again when it gives up its privileges."""
    if option.level != "DEBUG" and source.startswith(_OF_SESSIONS):
        return False
    return bool(option.enabled.get(source, True) and option.logit.get(level, False))
