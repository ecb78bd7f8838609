"""`bgpctl help CODE|COMMAND`: the page of a problem, which is in the wheel, or a command's help."""

from __future__ import annotations

from typing import Annotated

import typer

from bgpctl.errors import NotReadyError


def register(app: typer.Typer) -> None:
    app.command("help", epilog="Examples: bgpctl help shared-address; bgpctl help proof; bgpctl help codes")(help_)


def help_(
    topic: Annotated[str, typer.Argument(help="The code of a problem, or a command; codes: all of them.")] = "",
) -> None:
    """Explain a problem by the code that stands in brackets behind it: what it means, why it matters, what to do.

    Exit status 2 when there is neither such a code nor such a command.
    """
    from bgpctl.cli import MODULES, application
    from bgpctl.cli.program import program_name
    from bgpctl.problem_pages import codes, page

    if topic == "codes":
        typer.echo("\n".join(codes()))
    elif topic in MODULES or not topic:
        application([topic] if topic else MODULES)([topic, "--help"] if topic else ["--help"], prog_name=program_name())
    elif text := page(topic.strip("[]")):
        typer.echo(text.rstrip())
    else:
        raise NotReadyError(f"there is no problem and no command {topic!r}{_nearest(topic, [*MODULES, *codes()])}")


def _nearest(topic: str, known: list[str]) -> str:
    from difflib import get_close_matches

    found = get_close_matches(topic, known, n=3)
    return f"; did you mean {' or '.join(found)}?" if found else "; bgpctl help codes lists the problems"
