"""What processes cost, as the kernel counts it: processor time in seconds, memory in MiB."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec


class Memory(msgspec.Struct):
    """`rss` resident, `pss` with what several processes share divided among them, `peak` the most that was resident."""

    rss: float
    pss: float
    peak: float


def memory(pids: Iterable[int]) -> Memory:
    """Of all of them together."""
    found = [_memory(Path(f"/proc/{pid}")) for pid in pids]
    return Memory(sum(one.rss for one in found), sum(one.pss for one in found), sum(one.peak for one in found))


def _memory(process: Path) -> Memory:
    status = (process / "status").read_text()
    return Memory(
        rss=_mib(status, "VmRSS"), pss=_mib((process / "smaps_rollup").read_text(), "Pss"), peak=_mib(status, "VmHWM")
    )


def _mib(text: str, field: str) -> float:
    found = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
    assert found is not None, field
    return int(found[1]) / 1024


def cpu(pid: int) -> float:
    """Of all threads that the process has had. Raises FileNotFoundError when it has ended."""
    # The name, which stands in parentheses, may have spaces in it (proc_pid_stat(5)).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
