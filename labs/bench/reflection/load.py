"""The load: builds the C programs beside this file and talks to the one that plays the clients.

load.c describes the commands. The programs are compiled once for each version of their source into a directory of
the user's cache, so that nothing is built into the source tree.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import subprocess
from pathlib import Path

import msgspec

from bgpctl.errors import NotReadyError
from labs.bench.reflection.case import Case
from labs.bench.reflection.messages import ClientMessage, write_messages
from labs.bench.reflection.segment import LOAD, Segment

COMPILER = ("cc", "-O2", "-Wall", "-Wextra", "-Werror")
# Seconds that a step may take.
LIMIT = 60.0
# Connections in flight at once: the shortest listen queue among the daemons. More would measure SYN retransmission.
WINDOW = 5
# A command stops itself; this much later it is taken for dead.
GRACE = 20.0


class LoadResult(msgspec.Struct, frozen=True):
    """The answer to a command. `done`: it reached its end in time. `lost`: Established sessions that ended; only
    `connect` goes on then, and brings them up again. Times are seconds.

    since_open   of `connect`: from the first OPEN of the reflector until the last client was Established
    wrong        prefixes that clients have and should not, or lack, when the command ended
    duplicates   announcements of prefixes that the client already had
    p50, p99, max, samples, missing, lag   of `pace`: latencies over all UPDATEs and clients
    """

    done: bool
    seconds: float
    wrong: int
    lost: int
    since_open: float = 0.0
    retries: int = 0
    duplicates: int = 0
    octets: int = 0
    samples: int = 0
    missing: int = 0
    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    lag: float = 0.0


def build(source: Path) -> Path:
    """The program of a C file. Raises NotReadyError without a compiler, or when it refuses the file."""
    if shutil.which(COMPILER[0]) is None:
        raise NotReadyError("The benchmark's load is compiled: install a C compiler (Debian packages gcc, libc6-dev).")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bgpctl-bench"
    program = cache / f"{source.stem}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if not program.exists():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = program.with_suffix(f".{os.getpid()}")
        done = subprocess.run([*COMPILER, "-o", unfinished, source], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotReadyError(f"{source} does not compile: {done.stderr}")
        unfinished.rename(program)
    return program


class LoadError(Exception):
    """The load ended, or did not answer in time; the text is the last it wrote."""


class Load:
    """All clients of one case. Every command takes a time limit in seconds."""

    def __init__(self, segment: Segment, case: Case, program: Path, directory: Path, record: bool = False) -> None:
        self._directory = directory
        self._log = directory / "load.log"
        self.recorded = directory / "recorded" if record else None
        command = [str(program), str(case.family), case.link.reflector, case.link.first_client]
        command += [str(case.configured), str(case.prefixes), *([str(self.recorded)] if self.recorded else [])]
        self._process = segment.start(LOAD, command, self._log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._files = 0

    def connect(self, opens: list[ClientMessage], window: int, limit: float) -> LoadResult:
        return self._ask(f"connect {self._file(opens)} {window} {limit}", limit)

    def play(self, sent: list[ClientMessage], limit: float) -> LoadResult:
        return self._ask(f"play {self._file(sent)} {limit}", limit)

    def pace(self, sent: list[ClientMessage], rate: float, limit: float) -> LoadResult:
        return self._ask(f"pace {self._file(sent)} {rate} {limit}", limit)

    def _file(self, sent: list[ClientMessage]) -> Path:
        self._files += 1
        return write_messages(self._directory / f"messages-{self._files}", sent)

    def _ask(self, command: str, limit: float) -> LoadResult:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            requests.write(f"{command}\n".encode())
            requests.flush()
        except BrokenPipeError:
            raise LoadError(self._reason_of_end()) from None
        if not select.select([answers], [], [], limit + GRACE)[0]:
            raise LoadError(f"no answer to: {command}")
        line = answers.readline()
        if not line:
            raise LoadError(self._reason_of_end())
        return msgspec.convert(json.loads(line), LoadResult)

    def last_lines(self) -> str:
        """What it last wrote to its standard error: lost sessions, or why it ended."""
        return "\n".join(self._log.read_text().splitlines()[-2:])

    def _reason_of_end(self) -> str:
        self._process.wait()
        return self.last_lines() or f"the load ended with status {self._process.returncode}"
