"""Delay, loss and a rate for kernels without netem: the frames that leave an interface pass through this process.

`python -m bgpctl.lab.traffic.impairment NAMESPACE INTERFACE DELAY LOSS RATE SEED` (seconds, 0 to 1, bits a second or 0)
makes a TAP interface beside the interface and prints its name. The interface's frames are redirected into it (`mirred`
on egress, actions/redirection.py); they leave by the interface in their order, DELAY later, except for the share LOSS
of them. The kernel cuts large segments and fills in checksums on their way into the TAP, as on their way into a real
link. The frames go out past the queueing discipline, so they are not redirected a second time. On SIGTERM the frames
that are delayed are still sent, then the process ends, and the TAP with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from bgpctl.lab.netns import namespaces

# linux/if_tun.h, linux/if_packet.h
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_SOL_PACKET, _PACKET_QDISC_BYPASS = 263, 20
_IFREQ = struct.Struct("16sH22x")
_LARGEST_FRAME = 65_600
# Frames read before those that are due are sent.
_BURST = 64
# What waits for its turn at a rate; more is dropped, as at a port of a switch.
_LONGEST_QUEUE = 0.2
_TAP_QUEUE = 10_000
_LONGEST_WAIT = 0.1


@dataclass(slots=True)
class Impairment:
    """`delay` in seconds, `loss` from 0 to 1, `rate` in bits a second (0: any). The same seed loses the same frames."""

    delay: float
    loss: float
    rate: float
    chance: random.Random
    free_at: float = 0.0

    def due(self, now: float, octets: int) -> float | None:
        """When a frame that comes now arrives; None when it never does."""
        if self.loss and self.chance.random() < self.loss:
            return None
        if self.rate:
            begins = max(self.free_at, now)
            if begins - now > _LONGEST_QUEUE:
                return None
            self.free_at = begins + octets * 8 / self.rate
            return self.free_at + self.delay
        return now + self.delay


@dataclass(slots=True)
class ImpairedDirection:
    """One direction. The frames in `under_way` are in the order of their times."""

    tap: int
    out: socket.socket
    impairment: Impairment
    under_way: deque[tuple[float, bytes]] = field(default_factory=deque)
    ending: bool = False

    def run(self) -> None:
        while self.under_way or not self.ending:
            self._wait()
            self._take()
            self._put(time.monotonic())

    def _wait(self) -> None:
        """Until there is a frame to take or to put; a signal ends no call of select(2), hence the longest wait."""
        wait = max(0.0, self.under_way[0][0] - time.monotonic()) if self.under_way else _LONGEST_WAIT
        select.select([self.tap], [], [], wait)

    def _take(self) -> None:
        for _ in range(_BURST):
            try:
                frame = os.read(self.tap, _LARGEST_FRAME)
            except BlockingIOError:
                return
            due = self.impairment.due(time.monotonic(), len(frame))
            if due is not None:
                self.under_way.append((due, frame))

    def _put(self, now: float) -> None:
        while self.under_way and self.under_way[0][0] <= now:
            _, frame = self.under_way.popleft()
            # The link is down or has no room: the frame is lost, as it would be without this process.
            with contextlib.suppress(OSError):
                self.out.send(frame)


def open_direction(namespace: str, interface: str, impairment: Impairment) -> tuple[ImpairedDirection, str]:
    """Makes the TAP; returns its name as well. Raises NotReadyError when there is no such namespace, OSError for the
    rest."""
    with namespaces.inside(namespace):
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        out.setblocking(False)
        out.bind((interface, 0))
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        # The kernel puts the first free number there: the process before this one may not have ended yet.
        made = fcntl.ioctl(tap, _TUNSETIFF, _IFREQ.pack(b"impair%d", _IFF_TAP | _IFF_NO_PI))
        name = _IFREQ.unpack(made)[0].rstrip(b"\0").decode()
        # The kernel must send nothing of its own on it: that would leave by the interface.
        quiet = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        if quiet.exists():
            quiet.write_text("1")
        words = ["txqueuelen", str(_TAP_QUEUE), "mtu", _mtu(interface), "up"]
        subprocess.run(["ip", "link", "set", "dev", name, *words], check=True)
    return ImpairedDirection(tap, out, impairment), name


def _mtu(interface: str) -> str:
    shown = subprocess.run(["ip", "-o", "link", "show", "dev", interface], capture_output=True, text=True, check=True)
    words = shown.stdout.split()
    return words[words.index("mtu") + 1]


def main(arguments: list[str]) -> int:
    namespace, interface, delay, loss, rate, seed = arguments
    # Which frames are lost is the same at each run, and is no secret.
    impairment = Impairment(float(delay), float(loss), float(rate), random.Random(seed))  # noqa: S311
    direction, name = open_direction(namespace, interface, impairment)

    def end(_number: int, _frame: FrameType | None) -> None:
        direction.ending = True

    signal.signal(signal.SIGTERM, end)
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()
    direction.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
