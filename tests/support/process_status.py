"""What the kernel reports of a process: /proc/PID/status (proc_pid_status(5))."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Privileges(NamedTuple):
    """Users and groups are real, effective, saved and for files; the sets hold capabilities by number."""

    users: tuple[int, ...]
    groups: tuple[int, ...]
    more_groups: tuple[int, ...]
    effective: frozenset[int]
    permitted: frozenset[int]
    inheritable: frozenset[int]
    bounding: frozenset[int]
    ambient: frozenset[int]
    no_new_privileges: bool


def privileges_of(pid: int) -> Privileges:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    users, groups, more = (tuple(map(int, fields[name].split())) for name in ("Uid", "Gid", "Groups"))
    names = ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")
    return Privileges(users, groups, more, *(_numbers(fields[name]) for name in names), fields["NoNewPrivs"] == "1")


def _numbers(mask: str) -> frozenset[int]:
    return frozenset(number for number in range(64) if int(mask, 16) >> number & 1)
