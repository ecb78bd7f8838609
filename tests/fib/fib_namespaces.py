"""Network namespaces for tests: made with a unique name, entered by a thread of their own, removed in the end."""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
import subprocess
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_numbers = itertools.count()


class Namespace:
    """One network namespace. `run` enters it with a fresh thread and event loop; `ip` is iproute2 in it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ip(self, *arguments: str) -> str:
        return self.command("ip", *arguments)

    def command(self, *arguments: str, check: bool = True) -> str:
        command = ["ip", "netns", "exec", self.name, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def batch(self, *lines: str) -> None:
        command = ["ip", "-netns", self.name, "-batch", "-"]
        subprocess.run(command, input="\n".join(lines) + "\n", check=True, capture_output=True, text=True)

    def routes(self, *selector: str) -> list[str]:
        """Our routes (or those of another selector) as `ip` lists them, both families, without its padding."""
        found = []
        for family in ("-4", "-6"):
            listed = self.ip(family, "-o", "route", "show", *(selector or ("proto", "179")))
            found += [" ".join(line.replace("\\", " ").split()) for line in listed.splitlines()]
        return found

    def inside(self, function: Callable[[], T]) -> T:
        """The function's result, called in a thread that has entered the namespace."""
        with ThreadPoolExecutor(max_workers=1) as threads:
            threads.submit(self._enter).result()
            return threads.submit(function).result()

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        async def bounded() -> T:
            return await asyncio.wait_for(main(), 60)

        return self.inside(lambda: asyncio.run(bounded()))

    def _enter(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/run/netns", self.name).open() as handle:
            if libc.setns(handle.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")


class Topology:
    """Makes namespaces and wires, and removes them all."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def namespace(self, label: str) -> Namespace:
        name = f"fibtest-{os.getpid()}-{next(_numbers)}-{label}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self._names.append(name)
        made = Namespace(name)
        made.ip("link", "set", "lo", "up")
        return made

    def wire(self, one: Namespace, one_end: str, other: Namespace, other_end: str) -> None:
        """A veth pair, both ends up. Its IPv6 addresses are usable at once."""
        ends = ["ip", "-netns", one.name, "link", "add", one_end, "type", "veth", "peer", "name", other_end]
        subprocess.run([*ends, "netns", other.name], check=True)
        for namespace, end in ((one, one_end), (other, other_end)):
            namespace.command("sysctl", "-q", "-w", f"net.ipv6.conf.{end}.accept_dad=0", check=False)
            namespace.ip("link", "set", end, "up")

    def remove(self) -> None:
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], check=True)
