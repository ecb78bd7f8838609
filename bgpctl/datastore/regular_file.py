"""The octets of one file that another program may have put there: a regular file of a limited size, or an OSError.

Rule: opening and reading return at once, whatever stands behind the name. A link may lead to a device that never ends,
or to a FIFO that no program writes to.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

# Resources of ten thousand nodes are some 10 MiB; what they are parsed into is about twenty times as large.
MOST_OCTETS = 64 * 1024 * 1024
# Of all files together.
MOST_TOGETHER = 2 * MOST_OCTETS
PIECE = 1024 * 1024

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFDIR: "a directory",
}


class NotReadableError(OSError):
    """A file that is not read on principle; `strerror` is the reason, for people."""


def check_readable(status: os.stat_result) -> None:
    """Raises NotReadableError."""
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no file")
        raise NotReadableError(errno.EINVAL, f"it is {kind}, and only regular files are read")
    _check_size(status.st_size)


def read_regular_file(name: str) -> bytes:
    """Raises OSError, NotReadableError among them."""
    # Looked at before it is opened, since opening some devices does something, and after, since it may be another one.
    check_readable(Path(name).stat())
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        check_readable(os.fstat(descriptor))
        return _limited(descriptor)
    finally:
        os.close(descriptor)


def read_any_file(name: str) -> bytes:
    """As much as of a regular file, of whatever an operator has named: a pipe of the shell, for one, or "-", standard
    input. It may block."""
    if name == "-":
        return _limited(sys.stdin.fileno())
    with Path(name).open("rb", buffering=0) as file:
        return _limited(file.fileno())


def _limited(descriptor: int) -> bytes:
    """Files of /proc have no size, so what is read is counted. Raises OSError."""
    octets = bytearray()
    while more := os.read(descriptor, PIECE):
        octets += more
        _check_size(len(octets))
    return bytes(octets)


def check_together(own: int, octets: int) -> None:
    """`own` octets of this file, `octets` with those before it. Raises NotReadableError."""
    _check_size(own)
    if octets > MOST_TOGETHER:
        reason = f"with the files before it, it is more than {MOST_TOGETHER >> 20} MiB; leave out what is no resource"
        raise NotReadableError(errno.EFBIG, reason)


def _check_size(octets: int) -> None:
    if octets > MOST_OCTETS:
        reason = f"it is larger than {MOST_OCTETS >> 20} MiB; make several files of it"
        raise NotReadableError(errno.EFBIG, reason)
