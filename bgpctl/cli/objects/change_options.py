"""The options of commands that change objects. `--dry-run` alone means `client`, as with kubectl."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

DryRunWord = Literal["none", "client", "server"]
FormWord = Literal["table", "yaml", "json", "name"]

FilesOption = Annotated[
    list[Path] | None,
    typer.Option("--filename", "-f", metavar="FILE|-|DIRECTORY", help="Objects in YAML or JSON; may be repeated."),
]
DryRunOption = Annotated[
    DryRunWord,
    typer.Option("--dry-run", help="Only show what it would do. client, or alone: by reading; server: by asking it."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Also what parts nodes, or what agents would hold.")]
ConfirmOption = Annotated[
    list[str] | None,
    typer.Option("--confirm", metavar="DIGEST", help="With the confirmation of what agents would hold of it."),
]
FormOption = Annotated[FormWord, typer.Option("--output", "-o", help="For people or for programs.")]


class DryRunCommand(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = ["--dry-run=client" if each == "--dry-run" else each for each in args]
        return list(super().parse_args(ctx, words))
