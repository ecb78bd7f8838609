"""How many files a process may have open: one for each session, and some for everything else.

Rule: the limit is raised to what the system allows as soon as a process starts. Shells and systemd start processes with
a soft limit of 1,024, which a reflector of as many sessions exceeds.
"""

from __future__ import annotations

import resource

# More than any plan needs. Where there is no limit it would be a thousand million, and some libraries count up to it.
MOST = 1 << 20
# Listeners, control sockets and streams, logs, netlink; connections that are not sessions yet.
SPARE = 128


def raise_limit() -> int:
    """The limit from now on, the highest that this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def lack(sessions: int, limit: int) -> str:
    """Why so many sessions cannot be set up, and what to do, in one sentence; "" where they can."""
    needed = sessions + SPARE
    if needed <= limit:
        return ""
    return (
        f"the plan has {sessions} sessions and this process may have {limit} files open: allow it {needed} or more "
        "(LimitNOFILE in the systemd unit, `ulimit -n` in a shell, the limits of the container runtime) and restart it"
    )
