"""Where tables and verdicts for people go, how wide they are, and the two colours for yes and no."""

from __future__ import annotations

from rich.console import Console

GOOD, BAD = "green", "bold red"
_WIDTH_OF_A_FILE = 130


def lab_console() -> Console:
    """On standard output."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_OF_A_FILE)
