"""A hostile peer: a flood of connections (flood.c), and what it costs others: KEEPALIVEs that come late, and memory."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path

from segment import RawPeer, Segment, Speaker

FLOOD_SOURCE = Path(__file__).parent / "flood.c"


class Heartbeat(threading.Thread):
    """Keeps a raw peer's session up, and notes when the other end's KEEPALIVEs come."""

    def __init__(self, peer: RawPeer, hold_time: int) -> None:
        super().__init__(daemon=True)
        self._peer = peer
        self._hold_time = hold_time
        self._over = threading.Event()
        self.came: list[float] = []
        self.ended_with: int | None = None

    def run(self) -> None:
        self._peer.socket.settimeout(0.25)
        sent = 0.0
        while not self._over.is_set():
            if time.monotonic() - sent >= self._hold_time / 3:
                self._peer.send(4)
                sent = time.monotonic()
            try:
                kind, _ = self._peer.receive()
            except TimeoutError:
                continue
            if kind == 4:
                self.came.append(time.monotonic())
            elif kind != 2:
                self.ended_with = kind
                return

    def stop(self) -> None:
        self._over.set()
        self.join()

    def longest_gap(self) -> float:
        return max(later - earlier for earlier, later in zip(self.came, self.came[1:], strict=False))


def resident_octets(speaker: Speaker) -> int:
    status = Path(f"/proc/{speaker.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def flood(
    segment: Segment, host: str, program: Path, target: str, sources: tuple[str, int], rate: int, seconds: float
) -> dict[str, float]:
    """Connections to `target` from so many addresses of `host`, the first of which is given; what became of them."""
    command = [program, target, "179", *map(str, sources), str(rate), str(seconds)]
    done = subprocess.run(
        ["ip", "netns", "exec", segment.namespace(host), *map(str, command)],
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, float] = json.loads(done.stdout)
    return answer
