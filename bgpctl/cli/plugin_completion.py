"""`kubectl_complete-bgp`: what kubectl asks when somebody presses Tab behind `kubectl bgp`.

The words of the command line are its arguments, the last of which is not complete. It prints one candidate a line, with
a tab and its help, and in the last line how the shell goes on: files where there is no candidate (cobra's directives).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

FILES_AS_WELL, NO_FILES = ":0", ":4"


def main() -> None:
    *words, incomplete = sys.argv[1:] or [""]
    found = candidates(words, incomplete)
    lines = [*found, NO_FILES if found else FILES_AS_WELL]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def candidates(words: Sequence[str], incomplete: str) -> list[str]:
    """As the shells have them, with which they are asked in the same way."""
    import typer
    from typer._completion_classes import BashComplete

    from bgpctl.cli import COMPLETE_VARIABLE, app

    os.environ[COMPLETE_VARIABLE] = "complete_kubectl"
    command: Any = typer.main.get_command(app)
    items = BashComplete(command, {}, "kubectl bgp", COMPLETE_VARIABLE).get_completions(list(words), incomplete)
    return [f"{item.value}\t{' '.join(item.help.split())}" if item.help else str(item.value) for item in items]
