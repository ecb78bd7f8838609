"""A continuous ping between namespaces, and what it lost: which measures every restart and failure.

    with Probe.start([Flow("pod-a1", "lab-pod-a1", "10.244.12.2")]) as probe:
        ...                       # what is measured
        report = probe.stop()     # Report(losses={Flow: Loss(sent, lost_at, longest_outage)})

The pings are sent by a process of its own (`python -m bgpctl.lab.traffic.prober`): nothing that the caller does
delays them, and the caller may fork. A request without a reply after `PATIENCE` is lost; one that the kernel refuses
to send, too.
Times are those of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec

from bgpctl.errors import NotReadyError

RATE = 100.0
PATIENCE = 1.0
STARTED = b"started"


class Flow(msgspec.Struct, frozen=True):
    """Pings from a namespace to an IPv4 or IPv6 address; `source` is the name in reports."""

    source: str
    namespace: str
    target: str


class Loss(msgspec.Struct, frozen=True):
    """What became of one flow. `lost_at`: when each lost request was due, in seconds of the monotonic clock.
    `longest_outage`: the longest time in seconds during which nothing that was sent was answered."""

    sent: int
    lost_at: tuple[float, ...] = ()
    longest_outage: float = 0.0

    @property
    def lost(self) -> int:
        return len(self.lost_at)


class ProbeRequest(msgspec.Struct, frozen=True):
    """What the process gets on its standard input. `rate`: requests a second on each flow."""

    flows: tuple[Flow, ...]
    rate: float = RATE


class Report(msgspec.Struct, frozen=True):
    """One Loss for each flow, in the order of the request."""

    flows: tuple[Flow, ...]
    losses: tuple[Loss, ...]

    @property
    def sent(self) -> int:
        return sum(loss.sent for loss in self.losses)

    @property
    def lost(self) -> int:
        return sum(loss.lost for loss in self.losses)

    def lost_between(self, start: float, end: float) -> int:
        """Lost requests that were due in this time, of all flows."""
        return sum(start <= at < end for loss in self.losses for at in loss.lost_at)

    def __str__(self) -> str:
        worst = max((loss.longest_outage for loss in self.losses), default=0.0)
        return f"{self.lost} of {self.sent} packets lost, longest outage {worst:.3f} s"


class Probe:
    """A running probe. Leaving the `with` block ends it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @classmethod
    def start(cls, flows: Sequence[Flow], rate: float = RATE) -> Self:
        """Returns when the first requests are sent. Raises NotReadyError when a namespace cannot be entered."""
        process = subprocess.Popen(
            [sys.executable, "-m", "bgpctl.lab.traffic.prober"],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        probe = cls(process)
        # A process that has ended has its reason on standard error, and its output ends.
        probe._send(msgspec.json.encode(ProbeRequest(tuple(flows), rate)))
        if probe._read_answer() != STARTED + b"\n":
            probe._end()
            raise NotReadyError("the probe cannot be started; its reason is on standard error")
        return probe

    def report(self) -> Report:
        """So far: requests younger than PATIENCE are left out. Raises NotReadyError when the probe has died."""
        self._send(b"report")
        return _decoded(self._read_answer())

    def stop(self) -> Report:
        """Sends no more, waits PATIENCE for the last replies. Raises NotReadyError when the probe has died."""
        assert self._process.stdin is not None  # noqa: S101  it was opened with pipes
        self._process.stdin.close()
        answer = self._read_answer()
        self._end()
        return _decoded(answer)

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):  # it has died: then it does not answer either
            self._process.stdin.write(line + b"\n")

    def _read_answer(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101
        return self._process.stdout.readline()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._end()


def _decoded(answer: bytes) -> Report:
    if not answer:
        raise NotReadyError("the probe has ended too early; its reason is on standard error")
    return msgspec.json.decode(answer, type=Report)
