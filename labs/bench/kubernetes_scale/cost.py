"""What processes cost, as the kernel counts it: processor time in seconds, memory in MiB."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec


class Memory(msgspec.Struct):
    """`rss` resident; `pss` with what several processes share divided among all that do; `own` what is in no file, and
    theirs alone; `peak` the most that was resident."""

    rss: float
    pss: float
    own: float
    peak: float


def memory(pids: Iterable[int]) -> Memory:
    """Of all of them together."""
    found = [_memory(Path(f"/proc/{pid}")) for pid in pids]
    return Memory(*(sum(getattr(one, name) for one in found) for name in Memory.__struct_fields__))


def of_a_pod(pids: Iterable[int]) -> float:
    """What the processes of one pod have resident, as its cgroup counts it: what is in no file, and of each file that
    they map the most that one of them has, for its pages are there once. With other pods of the same node nothing is
    shared that would make it less."""
    own, files = 0, dict[str, int]()
    for pid in pids:
        found = dict[str, int]()
        for name, resident, anonymous in _mappings(Path(f"/proc/{pid}/smaps").read_text()):
            own += anonymous
            found[name] = found.get(name, 0) + resident - anonymous
        files |= {name: max(size, files.get(name, 0)) for name, size in found.items()}
    return (own + sum(files.values())) / 1024


def _mappings(smaps: str) -> Iterator[tuple[str, int, int]]:
    """Of each its file, and how many KiB of it are resident, and in no file (proc_pid_smaps(5))."""
    name, resident = "", 0
    for line in smaps.splitlines():
        words = line.split()
        if words[0] == "Rss:":
            resident = int(words[1])
        elif words[0] == "Anonymous:":
            yield name, resident, int(words[1])
        elif not words[0].endswith(":"):
            name = words[5] if len(words) > 5 else ""


def _memory(process: Path) -> Memory:
    status, maps = (process / "status").read_text(), (process / "smaps_rollup").read_text()
    return Memory(
        rss=_mib(status, "VmRSS"), pss=_mib(maps, "Pss"), own=_mib(maps, "Pss_Anon"), peak=_mib(status, "VmHWM")
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
