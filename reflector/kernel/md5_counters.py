"""How many segments the kernel has dropped for their TCP-MD5 signature, in this process's network namespace.

Source: /proc/net/netstat, two lines for each group: names, numbers (Linux, net/ipv4/proc.c).
"""

from __future__ import annotations

from pathlib import Path

_NETSTAT = Path("/proc/self/net/netstat")
_GROUP = "TcpExt:"
FAILURE, NOT_FOUND, UNEXPECTED = NAMES = ("TCPMD5Failure", "TCPMD5NotFound", "TCPMD5Unexpected")


def md5_counters(text: str | None = None) -> dict[str, int]:
    """By name; a kernel that does not count them has none. Raises OSError where there is no /proc."""
    lines = (_NETSTAT.read_text() if text is None else text).splitlines()
    names, numbers = (line.split() for line in lines if line.startswith(_GROUP))
    counts = dict(zip(names, numbers, strict=True))
    return {name: int(counts[name]) for name in NAMES if name in counts}
