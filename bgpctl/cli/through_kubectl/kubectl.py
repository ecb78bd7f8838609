"""kubectl as a subprocess: what it prints, and a program in a pod joined with a socket of ours.

Rule: how the API server is reached and who asks is kubectl's alone: kubeconfig, context, proxies, programs that give
tokens. Whatever it does, it is given up when its time is over.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bgpctl.cli.through_kubectl.refusal import reason_of
from bgpctl.errors import NotReadyError

VARIABLE, PROGRAM = "KUBECTL", "kubectl"
_LONGEST_REASON = 65536


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds.

    listing      for a list of pods
    on_the_way   beyond those of an answer: kubectl, API server and kubelet, and a Python that starts on a busy node
    ending       for a program that has to end after its connection
    """

    listing: float = 60.0
    on_the_way: float = 15.0
    ending: float = 2.0


@dataclass(frozen=True, slots=True)
class Joined:
    """A kubectl whose standard input and output are the other end of `connection`."""

    connection: socket.socket
    process: subprocess.Popen[bytes]
    ending: float

    def reason(self) -> str:
        """Why it has ended; "" where it has not by itself, or does not say so."""
        self.end()
        if self.process.stderr is None:
            return ""
        # What kubectl has started may have this pipe as well, and outlive it.
        os.set_blocking(self.process.stderr.fileno(), False)
        octets = self.process.stderr.read(_LONGEST_REASON) or b""
        # Below zero: it was killed, here and not by itself.
        failed = f"{PROGRAM} ended with status {self.process.returncode}" if self.process.returncode > 0 else ""
        return reason_of(octets.decode(errors="replace")) or failed

    def end(self) -> None:
        """It ends by itself when its connection does."""
        self.connection.close()
        try:
            self.process.wait(self.ending)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True, slots=True)
class Kubectl:
    """`kubeconfig` and `context` as they were given; without them kubectl has its own."""

    program: str
    kubeconfig: Path | None
    context: str
    namespace: str
    timeouts: Timeouts = Timeouts()

    def words(self, *words: str) -> list[str]:
        of_cluster = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig is not None else []
        of_context = [f"--context={self.context}"] if self.context else []
        return [self.program, *of_cluster, *of_context, f"--namespace={self.namespace}", *words]

    def output(self, *words: str) -> bytes:
        """Raises NotReadyError with what kubectl says, or when it takes too long."""
        timeout = self.timeouts.listing
        try:
            done = subprocess.run(
                self.words(*words), stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            raise NotReadyError(f"{PROGRAM} {words[0]} has not ended within {timeout:g} s") from None
        if done.returncode != 0:
            reason = reason_of(done.stderr.decode(errors="replace"))
            raise NotReadyError(f"{PROGRAM} {words[0]}: {reason or f'it ended with status {done.returncode}'}")
        return done.stdout

    @contextmanager
    def joined(self, *words: str) -> Iterator[Joined]:
        """Until the block ends."""
        ours, its = socket.socketpair()
        with its:
            end = its.fileno()
            process = subprocess.Popen(self.words(*words), stdin=end, stdout=end, stderr=subprocess.PIPE)
        with process:
            joined = Joined(ours, process, self.timeouts.ending)
            try:
                yield joined
            finally:
                joined.end()


def find_kubectl() -> str:
    """Raises NotReadyError when it is not there."""
    wanted = os.environ.get(VARIABLE) or PROGRAM
    found = shutil.which(wanted)
    if found is None:
        raise NotReadyError(
            f"the nodes of a cluster are asked through kubectl, and there is no {wanted} on the PATH; install it, or "
            f"name it in the environment variable {VARIABLE}"
        )
    return found
