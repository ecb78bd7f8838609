"""The kernel's capabilities of this process, and giving them up for good.

Rule: a capability that is not named is removed from every set (capabilities(7)), and no program that this process
starts gets it back.

    permitted, effective    what was there and is named
    ambient                 likewise; as root it is empty anyway
    inheritable             what is in ambient: the one set cannot be without the other
    bounding                what is named; changing this set needs CAP_SETPCAP
    no_new_privs            set: a file's set-user-ID bit or capabilities count for nothing

They belong to a thread (capset(2)), so this is for a process with a single thread.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Collection
from enum import IntEnum

_PR_SET_KEEPCAPS = 8
_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _AMBIENT_IS_SET, _AMBIENT_LOWER = 47, 1, 3
# _LINUX_CAPABILITY_VERSION_3: two words of 32 capabilities for each set.
_HEADER = struct.pack("=Ii", 0x20080522, 0)
_SETS = struct.Struct("=6I")
_libc = ctypes.CDLL(None, use_errno=True)


class Capability(IntEnum):
    """Those that are kept or tested for in this project (linux/capability.h)."""

    CHOWN = 0
    DAC_READ_SEARCH = 2
    KILL = 5
    SETGID = 6
    SETUID = 7
    SETPCAP = 8
    NET_BIND_SERVICE = 10
    NET_ADMIN = 12


def permitted() -> frozenset[int]:
    """What this process may use now, by number."""
    return _get()[1]


def keep(wanted: Collection[int]) -> None:
    """Gives up everything else. Raises OSError when the kernel refuses."""
    if Capability.SETPCAP in permitted():
        _drop_bounding(wanted)
    kept = permitted() & frozenset(wanted)
    ambient = _lower_ambient(kept)
    _set(effective=kept, permitted=kept, inheritable=ambient)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def use(effective: Collection[int]) -> None:
    """Uses only these for now; every other permitted one can be taken up again."""
    _, permitted, inheritable = _get()
    # Not fewer inheritable ones: the kernel would take them out of the ambient set as well.
    _set(effective=effective, permitted=permitted, inheritable=inheritable)


def become(uid: int, gid: int) -> None:
    """From root to another user with its one group and without any capability; there is no way back. Raises OSError
    when this process may not do that."""
    _drop_bounding(())
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    # The kernel empties permitted, effective and ambient with the last user ID that was 0, unless KEEPCAPS is set.
    _prctl(_PR_SET_KEEPCAPS, 0)
    os.setresuid(uid, uid, uid)
    keep(())


def _drop_bounding(wanted: Collection[int]) -> None:
    for number in _known():
        if number not in wanted and _prctl(_PR_CAPBSET_READ, number):
            _prctl(_PR_CAPBSET_DROP, number)


def _lower_ambient(kept: Collection[int]) -> frozenset[int]:
    """What stays in the ambient set."""
    ambient = frozenset(number for number in _known() if _prctl(_PR_CAP_AMBIENT, _AMBIENT_IS_SET, number))
    for number in ambient - frozenset(kept):
        _prctl(_PR_CAP_AMBIENT, _AMBIENT_LOWER, number)
    return ambient & frozenset(kept)


def _known() -> range:
    """The capabilities that this kernel knows."""
    last = 0
    while _libc.prctl(_PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0:
        last += 1
    return range(last + 1)


def _get() -> tuple[frozenset[int], ...]:
    """The effective, the permitted and the inheritable set."""
    sets = ctypes.create_string_buffer(_SETS.size)
    _called(_libc.capget(_HEADER, sets))
    words = _SETS.unpack(sets.raw)
    masks = (low | high << 32 for low, high in zip(words[:3], words[3:], strict=True))
    return tuple(frozenset(number for number in range(64) if mask >> number & 1) for mask in masks)


def _set(*, effective: Collection[int], permitted: Collection[int], inheritable: Collection[int]) -> None:
    masks = [sum(1 << number for number in numbers) for numbers in (effective, permitted, inheritable)]
    words = [mask >> shift & 0xFFFFFFFF for shift in (0, 32) for mask in masks]
    _called(_libc.capset(_HEADER, _SETS.pack(*words)))


def _prctl(option: int, *arguments: int) -> int:
    words = (*arguments, 0, 0, 0, 0)[:4]
    return _called(_libc.prctl(option, *(ctypes.c_ulong(word) for word in words)))


def _called(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno() or errno.EPERM
        raise OSError(number, os.strerror(number))
    return result
