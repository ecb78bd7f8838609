"""The program as a person runs it, as kubectl runs it, and within this process, which takes a tenth of the time."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from bgpctl.cli import main

BGPCTL = Path(sys.executable).with_name("bgpctl")
# Before a command that is to be interrupted: whoever runs the tests in the background may have SIGINT ignored.
INTERRUPTIBLE = ("env", "--default-signal=INT")
# What of the environment names a datastore, or decides about a terminal.
_CLEAN = {"BGPCTL_RESOURCES": "", "BGPCTL_CONFIG": "", "KUBECONFIG": "", "COLUMNS": "200"}


def bgpctl(*words: str | Path, stdin: str = "", **environment: str) -> CompletedProcess[str]:
    """A process of its own."""
    return run(BGPCTL, *words, stdin=stdin, **environment)


def run(*words: str | Path, stdin: str = "", **environment: str) -> CompletedProcess[str]:
    return subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=100, input=stdin,
        env={**os.environ, **_CLEAN, **environment},
    )  # fmt: skip


@contextmanager
def watching(*words: str | Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A process that goes on, and its lines so far; one space stands for several."""
    lines: list[str] = []
    process = subprocess.Popen(
        [*INTERRUPTIBLE, BGPCTL, *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment},
    )  # fmt: skip

    def read() -> None:
        for line in process.stdout or ():
            lines.append(" ".join(line.split()))  # noqa: PERF401  each as it comes

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait()
        reader.join()


def here(*words: str | Path, stdin: str = "", program: str = "bgpctl", **environment: str) -> CompletedProcess[str]:
    """Within this process; `program` is the name that it is called by."""
    command = [program, *map(str, words)]
    output, errors = io.StringIO(), io.StringIO()
    with (
        tempfile.TemporaryFile("w+") as given,
        redirect_stdout(output),
        redirect_stderr(errors),
        patch.object(sys, "argv", command),
        patch.object(sys, "stdin", given),
        patch.dict(os.environ, {**_CLEAN, **environment}),
    ):
        given.write(stdin)
        given.seek(0)
        status = _status()
    return CompletedProcess(command, status, output.getvalue(), errors.getvalue())


def _status() -> int:
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
