"""What is done in a namespace, with as few processes as possible: one `ip -batch` for many lines.

A node's `exec` commands run in order. Runs of `ip` commands become one batch, `sysctl -w` is a write to /proc/sys,
anything else is a process of its own. The first failure ends the work and names the line of the topology file.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bgpctl.lab.topology.document import DocumentError
from bgpctl.lab.topology.topology import Exec
from bgpctl.yaml_source.problem import Problem

_SYSCTLS = Path("/proc/sys")
_FAILED_LINE = re.compile(r"Command failed -:(\d+)")
# In a batch `ip` splits words itself and knows no options; a command with these runs on its own.
_NOT_IN_A_BATCH = re.compile(r"""[\s"'\\#]|^$""")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a batch (the words after `ip`) and the place in the topology that asked for it."""

    words: tuple[str, ...]
    line: int
    path: str


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where work is done: whose file the problems are in, and the environment of processes. The calling thread is
    in the namespace already."""

    file: str
    env: Mapping[str, str]

    def problem(self, line: int, path: str, message: str) -> DocumentError:
        return DocumentError([Problem(self.file, line, "", path, "", message)])


def run_batch(lines: list[Line], place: Workplace) -> None:
    """Raises DocumentError for the line that the kernel refused, with its reason."""
    if not lines:
        return
    batch = "".join(" ".join(line.words) + "\n" for line in lines)
    done = subprocess.run(["ip", "-batch", "-"], input=batch, text=True, capture_output=True, check=False)
    if done.returncode == 0:
        return
    failed = _FAILED_LINE.search(done.stderr)
    line = lines[int(failed[1]) - 1] if failed else lines[0]
    reason = _FAILED_LINE.sub("", done.stderr).strip()
    raise place.problem(line.line, line.path, f"`ip {' '.join(line.words)}`: {reason}")


def run_execs(commands: Iterable[Exec], place: Workplace, first: list[Line]) -> None:
    """Runs a node's commands in order; `first` are lines that run before them, in the same batch if there is one."""
    pending = first
    for is_batch, group in groupby(commands, _fits_batch):
        if is_batch:
            pending = [*pending, *(Line(command.words[1:], command.line, command.path) for command in group)]
            continue
        run_batch(pending, place)
        pending = []
        for command in group:
            _run_one(command, place)
    run_batch(pending, place)


def _fits_batch(command: Exec) -> bool:
    program, *arguments = command.words or ("",)
    if program != "ip" or not arguments or arguments[0].startswith("-"):
        return False
    return not any(map(_NOT_IN_A_BATCH.search, arguments))


def _run_one(command: Exec, place: Workplace) -> None:
    settings = list(_sysctl_settings(command.words))
    if settings:
        for key, value in settings:
            write_sysctl(key, value, place, command.line, command.path)
        return
    try:
        done = subprocess.run(
            command.words,
            env={**os.environ, **place.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise place.problem(command.line, command.path, f"`{command.words[0]}`: {error.strerror}") from error
    if done.returncode:
        output = (done.stderr or done.stdout).strip() or "no output"
        raise place.problem(
            command.line, command.path, f"`{' '.join(command.words)}` ended with status {done.returncode}: {output}"
        )


def _sysctl_settings(words: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The settings of `sysctl -w KEY=VALUE...`, nothing for any other command."""
    if words[:2] == ("sysctl", "-w") and all("=" in word for word in words[2:]):
        for word in words[2:]:
            key, _, value = word.partition("=")
            yield key, value


def write_sysctl(key: str, value: str, place: Workplace, line: int, path: str) -> None:
    """`key` in either form of sysctl(8): dots, or slashes when an interface has a dot in its name. A net.ipv6 key
    is skipped on a kernel without IPv6."""
    relative = key if "/" in key.partition(".")[0] else key.replace(".", "/")
    if relative.startswith("net/ipv6/") and not (_SYSCTLS / "net/ipv6").exists():
        return
    try:
        (_SYSCTLS / relative).write_text(value)
    except OSError as error:
        raise place.problem(line, path, f"sysctl {key}={value}: {error.strerror}") from error
