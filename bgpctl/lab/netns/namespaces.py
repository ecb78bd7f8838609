"""Network namespaces with a name in /run/netns, as `ip netns` makes them, and working inside one.

A thread that is `inside` a namespace opens its sockets, writes its /proc/sys/net and starts its processes there;
everything else of this program stays where it was (setns(2), network namespaces belong to threads).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from bgpctl.errors import NotReadyError

NAMES = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def create(names: Iterable[str], lock: int) -> None:
    """Makes the namespaces with one `ip`, which keeps `lock` open as long as it works. Raises NotReadyError."""
    _ip_netns("add", names, lock)


def remove(names: Iterable[str], lock: int) -> None:
    """Removes those of the namespaces that exist. Their links vanish with them."""
    _ip_netns("del", [name for name in names if exists(name)], lock)


def _ip_netns(verb: str, names: Iterable[str], lock: int) -> None:
    batch = "".join(f"netns {verb} {name}\n" for name in names)
    if not batch:
        return
    try:
        done = subprocess.run(
            ["ip", "-batch", "-"], input=batch, text=True, capture_output=True, pass_fds=[lock], check=False
        )
    except FileNotFoundError:
        raise NotReadyError("the command `ip` is missing; install the package iproute2") from None
    if done.returncode:
        first_line = done.stderr.strip().partition("\n")[0]
        raise NotReadyError(f"this machine does not let us {verb} network namespaces: {first_line}")


def exists(name: str) -> bool:
    return (NAMES / name).exists()


def inode(name: str) -> int | None:
    """Tells namespaces apart in /proc/PID/ns/net; None when the namespace does not exist."""
    try:
        return (NAMES / name).stat().st_ino
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """The calling thread is in the namespace; raises NotReadyError when that is not possible."""
    try:
        there = os.open(NAMES / name, os.O_RDONLY)
    except FileNotFoundError:
        raise NotReadyError(f"there is no network namespace {name}; is the lab up?") from None
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _setns(there, name)
        yield
    finally:
        # Coming home must not fail: everything after it would work on the wrong network. A signal's exception may
        # come in the very moment before the first call, and comes once (Interrupted), hence the second.
        try:
            _setns(home, "of this machine")
        finally:
            _setns(home, "of this machine")
            os.close(home)
            os.close(there)


def _setns(descriptor: int, name: str) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise NotReadyError(f"cannot enter the network namespace {name}: {os.strerror(error)}")
