"""A capture as a person runs it: into a file or a pipe, until its time is over, Ctrl-C, or the reader ends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bgpctl.errors import NotReadyError
from bgpctl.lab.traffic.capture import Captured, capture
from bgpctl.lab.traffic.capture_filter import Filter

_STANDARD_OUTPUT = "-"
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_capture(namespace: str, interface: str, target: str, which: Filter, seconds: float) -> Captured:
    """`target` is a file or "-"; `seconds` 0 is for ever. Raises NotReadyError."""
    stop: list[int] = []
    for number in _ENDING_SIGNALS:
        signal.signal(number, lambda ending, _frame: stop.append(ending))
    deadline = time.monotonic() + seconds if seconds else float("inf")
    with _opened(target) as output:
        try:
            return capture(namespace, interface, output, which, lambda: bool(stop) or time.monotonic() > deadline)
        except BrokenPipeError:
            # Python would write to it once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise NotReadyError("the program that read the capture has ended") from None


@contextlib.contextmanager
def _opened(target: str) -> Iterator[BinaryIO]:
    if target == _STANDARD_OUTPUT:
        yield sys.stdout.buffer
        return
    try:
        output = Path(target).open("wb")  # noqa: SIM115  closed below; only the opening's error is the target's
    except OSError as error:
        raise NotReadyError(f"{target} cannot be written: {error.strerror}") from error
    with output:
        yield output
