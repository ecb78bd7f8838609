"""`bgpctl lab`: the commands of the distribution `bgpctl-lab`, or one sentence on how to install it."""

from __future__ import annotations

import typer

from bgpctl.errors import NotReadyError

_INSTALL = "pip install 'bgpctl[lab]'"


def register(app: typer.Typer) -> None:
    try:
        from bgpctl.lab.commands import lab
    except ModuleNotFoundError as error:
        if error.name != "bgpctl.lab":
            raise
        # --help, too, is answered with the sentence.
        takes_anything = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
        app.command("lab", context_settings=takes_anything)(_not_installed)
    else:
        app.add_typer(lab, name="lab")


def _not_installed() -> None:
    """Run a containerlab topology file in network namespaces (not installed)."""
    raise NotReadyError(f"the lab is not installed; install it with: {_INSTALL}")
